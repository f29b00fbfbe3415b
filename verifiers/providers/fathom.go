package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fathom follows Standard Webhooks. There is one kind of event: new meeting
// content.
var Fathom = add(verifiers.Provider{
	Name:       "fathom",
	Title:      "Fathom",
	Docs:       "https://developers.fathom.ai/webhooks",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the webhook's secret, whsec_ and base64",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.Const("new_meeting_content"),
	TypePrefix: "ai.fathom",
	NeedsJSON:  true,
	MaxBody:    8 << 20,

	Category: "saas",
	Setup:    "Add the webhook under Settings > API Access, or with the API; its secret is shown once.",
	Retries:  "Not documented.",
	Notes: []string{
		"A transcript makes the body large.",
	},
	Sources: []string{
		"https://developers.fathom.ai/webhooks",
	},
	Confidence: verifiers.Medium,
})
