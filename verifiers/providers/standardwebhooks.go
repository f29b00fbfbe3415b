package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// standardRetries is the sum of the retry schedule that the specification
// suggests, with room for its jitter.
const standardRetries = 80 * time.Hour

// StandardWebhooks is the symmetric scheme, v1, of the specification by that
// name. The signature covers id, timestamp and body. The header may hold
// several signatures and other versions; only v1 counts. The timestamp is that
// of the attempt, so that retries pass.
var StandardWebhooks = add(verifiers.Provider{
	Name:         "standard-webhooks",
	Aliases:      []string{"standardwebhooks"},
	Title:        "Standard Webhooks",
	Docs:         "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the endpoint's secret, whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.standardwebhooks",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    standardRetries,

	Category: "generic",
	Setup:    "The sender shows the secret, whsec_..., where it lists the endpoint.",
	Retries:  "As the sender likes; the specification proposes ten times within about three days.",
	Notes: []string{
		"The secret is base64 after whsec_, unlike that of Stripe.",
	},
	Sources: []string{
		"https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		"npm standardwebhooks@1.1.1",
	},
	Confidence: verifiers.High,
})
