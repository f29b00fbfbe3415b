package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Cal.com signs the body. Older versions write no-secret-provided into the
// header where no secret is set, which is no signature.
var CalCom = add(verifiers.Provider{
	Name:  "cal-com",
	Title: "Cal.com",
	Docs:  "https://cal.com/docs/developing/guides/automation/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Cal-Signature-256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.Join(".", verifiers.JSON("/payload/uid"), verifiers.JSON("/triggerEvent"), verifiers.JSON("/createdAt")),
	Type:       verifiers.JSON("/triggerEvent"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "com.cal",

	Category: "saas",
	Setup:    "Add the webhook under Settings > Developer > Webhooks, with a secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret nothing is signed, and nothing is accepted.",
		"A custom template may replace the JSON; identity and type are then lost.",
	},
	Sources: []string{
		"https://cal.com/docs/developing/guides/automation/webhooks",
	},
	Confidence: verifiers.Medium,
})
