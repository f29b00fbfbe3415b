package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ghost signs the body with the time, in milliseconds, directly after it. In the
// header the signature comes first and a space follows the comma. All attempts
// of one event carry the same time and the same signature, which therefore is
// the id. A 410 deletes the webhook.
var Ghost = add(verifiers.Provider{
	Name:  "ghost",
	Title: "Ghost",
	Docs:  "https://docs.ghost.org/webhooks",
	Scheme: ordered{
		HMAC: verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Ghost-Signature").KV("sha256").Split(", "),
				Timestamp: verifiers.Header("X-Ghost-Signature").KV("t").Split(", "),
				Unit:      verifiers.Milliseconds,
				Content:   "{body}{timestamp}",
				Tolerance: 5 * time.Minute,
			},
		},
		order: []string{"sha256", "t"},
	},
	SecretHint:   "the webhook's secret, as you typed it",
	ID:           verifiers.Header("X-Ghost-Signature").KV("sha256").Split(", ").Lower(),
	Type:         verifiers.JSON("/event"),
	TypePrefix:   "org.ghost",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     2 * time.Second,
	RetrySpan:    10 * time.Minute,
	Headers:      []string{"Content-Version"},

	Category: "saas",
	Setup:    "Add a custom integration under Settings > Integrations, then a webhook with a long random secret.",
	Retries:  "Up to five times in short order, with the same signature.",
	Notes: []string{
		"The time follows the body without a separator, and is in milliseconds.",
		"Two seconds are all that Ghost waits.",
		"Releases that do not name the event in the body need a URL for each event.",
	},
	Sources: []string{
		"https://docs.ghost.org/webhooks",
		"https://github.com/TryGhost/Ghost ghost/core/core/server/services/webhooks/WebhookTrigger.js",
	},
	Confidence: verifiers.High,
})
