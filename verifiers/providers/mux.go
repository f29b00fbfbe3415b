package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mux sends one v1 signature for each secret that is active. Its library
// refuses only what is too old; here the window is the same in both directions.
var Mux = add(verifiers.Provider{
	Name:  "mux",
	Title: "Mux",
	Docs:  "https://www.mux.com/docs/core/verify-webhook-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Mux-Signature").KV("v1"),
			Timestamp: verifiers.Header("Mux-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the signing secret of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.mux",
	Varies:     []string{"/attempts"},
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "media",
	Setup:    "Add the webhook under Settings > Webhooks of the environment; its signing secret is shown there.",
	Retries:  "With growing pauses for 24 hours.",
	Notes: []string{
		"Earlier attempts are listed in the member attempts, so the body of a retry differs; the id stays.",
	},
	Sources: []string{
		"https://www.mux.com/docs/core/verify-webhook-signatures",
		"npm @mux/mux-node@15.3.0 webhooks.unwrap",
	},
	Confidence: verifiers.High,
})
