package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ramp drops a delivery for good when the answer is a redirect or a 4xx other
// than 429, so whatever is only refused for now must be a 5xx. Its set-up
// challenge is an event like any other: it is answered not here but by calling
// Ramp's API with an access token, which a consumer has to do.
var Ramp = add(verifiers.Provider{
	Name:  "ramp",
	Title: "Ramp",
	Docs:  "https://docs.ramp.com/developer-api/v1/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("X-Ramp-Webhook-Signature"), verifiers.Header("X-Ramp-Signature")),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret that was returned when the webhook subscription was created",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.ramp",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	Final4xx:   true,

	Category: "payments",
	Setup:    "Create the subscription with the developer API. Ramp posts a challenge, which is published as an event; confirm it with POST /developer/v1/webhooks/{id}/verify.",
	Retries:  "Up to ten times with growing pauses, after a 429, a 5xx or no answer; never after another 4xx or a redirect.",
	Notes: []string{
		"The subscription is active only when the challenge has been sent back through the API.",
		"Two spellings of the header are documented: X-Ramp-Webhook-Signature and X-Ramp-Signature.",
	},
	Sources: []string{
		"https://docs.ramp.com/developer-api/v1/guides/webhooks",
		"github riker-t/ramp-dev-mcp data/developer-api/webhooks.mdx",
	},
	Confidence: verifiers.Medium,
})
