package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Razorpay signs the body only. Retries of older events are still signed with
// the secret that was in force when the event happened, so the old secret has
// to stay configured for a day after a change. The id of the event is a header
// outside the signature.
var Razorpay = add(verifiers.Provider{
	Name:  "razorpay",
	Title: "Razorpay",
	Docs:  "https://razorpay.com/docs/webhooks/validate-test/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Razorpay-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's own secret, as you typed it; not the API key secret",
	ID:         verifiers.Header("X-Razorpay-Event-Id"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.razorpay",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,
	Headers:    []string{"X-Razorpay-Event-Id"},

	Category: "payments",
	Setup:    "Add the webhook under Account & Settings > Webhooks of the dashboard and type a secret there.",
	Retries:  "With growing pauses for 24 hours after the event; the webhook is then disabled.",
	Notes: []string{
		"After a change of the secret, retries are still signed with the old one: keep both for at least 24 hours.",
		"The secret of the webhook is not the secret of the API key.",
	},
	Sources: []string{
		"https://razorpay.com/docs/webhooks/validate-test/",
		"https://razorpay.com/docs/webhooks/best-practices/",
		"npm razorpay@2.9.8 validateWebhookSignature",
	},
	Confidence: verifiers.High,
})
