package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Modern Treasury signs the body. The topic and the id of the delivery are in
// headers, which are not signed; where there is no topic the object in the body
// says it.
var ModernTreasury = add(verifiers.Provider{
	Name:  "modern-treasury",
	Title: "Modern Treasury",
	Docs:  "https://docs.moderntreasury.com/platform/reference/webhook-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook key, under Developers > Webhooks",
	ID:         verifiers.Header("X-Webhook-Id"),
	Type:       verifiers.Join(".", verifiers.First(verifiers.Header("X-Topic"), verifiers.JSON("/data/object")), verifiers.JSON("/event")),
	TypePrefix: "com.moderntreasury",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  96 * time.Hour,
	Headers:    []string{"X-Topic", "X-Webhook-Id"},

	Category: "payments",
	Setup:    "Add the endpoint under Developers > Webhooks; the webhook key is on the same page.",
	Retries:  "With growing pauses; by report for several days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"X-Webhook-Id and X-Topic are not signed.",
	},
	Sources: []string{
		"https://docs.moderntreasury.com/platform/reference/webhook-signatures",
		"https://docs.moderntreasury.com/platform/reference/webhooks",
		"npm modern-treasury@3.3.0 resources/webhooks.js",
	},
	Confidence: verifiers.High,
})
