package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Calendly signs like Stripe.
var Calendly = add(verifiers.Provider{
	Name:  "calendly",
	Title: "Calendly",
	Docs:  "https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Calendly-Webhook-Signature").KV("v1"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Calendly-Webhook-Signature").KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the signing_key of the subscription",
	ID:         verifiers.Join(".", verifiers.JSON("/payload/uri"), verifiers.JSON("/event"), verifiers.JSON("/created_at")),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.calendly",
	NeedsJSON:  true,
	Deadline:   15 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "saas",
	Setup:    "Create the webhook subscription with the API, with a signing_key of your own.",
	Retries:  "With growing pauses for 24 hours.",
	Notes: []string{
		"Without a signing key there is no header, and nothing is accepted.",
	},
	Sources: []string{
		"https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures",
	},
	Confidence: verifiers.Medium,
})
