package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Folk sends Standard Webhooks, with its own events.
var Folk = add(verifiers.Provider{
	Name:       "folk",
	Title:      "folk",
	Docs:       "https://developer.folk.app/api-reference/webhooks",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the webhook's signing secret, whsec_ and base64",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "app.folk",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Create the webhook with the API; the answer has its signing secret.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://developer.folk.app/api-reference/webhooks",
	},
	Confidence: verifiers.Medium,
})
