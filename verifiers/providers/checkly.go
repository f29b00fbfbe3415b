package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Checkly signs the body, which is a template of the user's, as are method, URL
// and headers: type, id and time are where the template puts them. The names
// that are looked for are those of the default template.
var Checkly = add(verifiers.Provider{
	Name:  "checkly",
	Title: "Checkly",
	Docs:  "https://www.checklyhq.com/docs/alerting-and-retries/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Checkly-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook secret of the alert channel",
	Type:       verifiers.First(verifiers.JSON("/alert_type"), verifiers.JSON("/event")),
	TypePrefix: "com.checklyhq",
	Methods:    []string{"POST", "PUT", "PATCH"},

	Category: "infra",
	Setup:    "Add a webhook under Alerts > Alert channels with a webhook secret; put {{ALERT_TYPE}} into the payload as alert_type.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret there is no signature.",
	},
	Sources: []string{
		"https://www.checklyhq.com/docs/alerting-and-retries/webhooks/",
	},
	Confidence: verifiers.High,
})
