package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// OpenAI follows Standard Webhooks. The id of the header names the delivery and
// stays the same on retries; the id of the body names the event. OpenAI's own
// library also takes signatures without the label v1, and secrets without
// whsec_ as plain text; neither is sent or shown, and neither is accepted.
var OpenAI = add(verifiers.Provider{
	Name:         "openai",
	Title:        "OpenAI",
	Docs:         "https://platform.openai.com/docs/guides/webhooks",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the endpoint's signing secret, whsec_ and base64, shown once",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/created_at"),
	TypePrefix:   "com.openai",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    72 * time.Hour,

	Category: "saas",
	Setup:    "Create the endpoint under Settings > Project > Webhooks and copy the signing secret, which is shown once.",
	Retries:  "With growing pauses for up to 72 hours; a redirect counts as a failure.",
	Notes: []string{
		"The header Webhook-Id and the id in the body are different values; only the first stays the same for a delivery.",
		"Events are thin: they name the object, which is fetched through the API.",
	},
	Sources: []string{
		"https://platform.openai.com/docs/guides/webhooks",
		"npm openai@6.49.0 webhooks.unwrap",
	},
	Confidence: verifiers.High,
})
