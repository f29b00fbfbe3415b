package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Loops implements Standard Webhooks by itself. The event's name is in
// eventName and not in type.
var Loops = add(verifiers.Provider{
	Name:       "loops",
	Title:      "Loops",
	Docs:       "https://loops.so/docs/webhooks",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the endpoint's signing secret, base64 after whsec_",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/eventName"),
	Time:       verifiers.JSON("/eventTime"),
	TypePrefix: "so.loops",
	NeedsJSON:  true,

	Category: "crm",
	Setup:    "Add the endpoint under Settings > Webhooks; its signing secret is shown there.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://loops.so/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
