package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Granola follows Standard Webhooks.
var Granola = add(verifiers.Provider{
	Name:       "granola",
	Title:      "Granola",
	Docs:       "https://docs.granola.ai/",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the webhook's secret, whsec_ and base64",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "ai.granola",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create the webhook in the settings of the workspace; its secret is shown once.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://docs.granola.ai/",
	},
	Confidence: verifiers.Medium,
})
