package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Outreach signs the body only. The id is made of the time of delivery, the
// object and the event, for want of a better one.
var Outreach = add(verifiers.Provider{
	Name:  "outreach",
	Title: "Outreach",
	Docs:  "https://developers.outreach.io/api/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Outreach-Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret given when the webhook was created",
	ID:         verifiers.Join(".", verifiers.JSON("/meta/deliveredAt"), verifiers.JSON("/data/id"), verifiers.JSON("/meta/eventName")),
	Type:       verifiers.JSON("/meta/eventName"),
	Time:       verifiers.JSON("/meta/deliveredAt"),
	TypePrefix: "io.outreach",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Create the webhook with the API and give it a secret.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://developers.outreach.io/api/webhooks/",
	},
	Confidence: verifiers.Medium,
})
