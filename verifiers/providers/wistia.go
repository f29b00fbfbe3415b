package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Wistia sends several events in one request and signs the body.
var Wistia = add(verifiers.Provider{
	Name:  "wistia",
	Title: "Wistia",
	Docs:  "https://docs.wistia.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Wistia-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret key",
	ID:         verifiers.JSON("/events/0/uuid"),
	Type:       verifiers.JSON("/events/0/type"),
	Time:       verifiers.JSON("/events/0/generated_at"),
	TypePrefix: "com.wistia",
	Batch: &verifiers.Batch{
		Elements: "/events", ID: verifiers.JSON("/uuid"), Type: verifiers.JSON("/type"), Time: verifiers.JSON("/generated_at"),
	},
	NeedsJSON: true,

	Category: "media",
	Setup:    "Add the webhook in the account's settings and set a secret key.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://docs.wistia.com/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
