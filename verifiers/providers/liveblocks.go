package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Liveblocks follows Standard Webhooks and sends through Svix.
var Liveblocks = add(verifiers.Provider{
	Name:         "liveblocks",
	Title:        "Liveblocks",
	Docs:         "https://liveblocks.io/docs/platform/webhooks",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the endpoint's signing secret, whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/type"),
	TypePrefix:   "io.liveblocks",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    28 * time.Hour,

	Category: "saas",
	Setup:    "Create an endpoint under Webhooks of the project and copy its signing secret.",
	Retries:  "As Svix does, for about a day; an endpoint that fails for five days is switched off.",
	Notes: []string{
		"The headers are webhook-*, not svix-*.",
	},
	Sources: []string{
		"https://liveblocks.io/docs/platform/webhooks",
		"npm @liveblocks/node@3.24.2 WebhookHandler",
	},
	Confidence: verifiers.High,
})
