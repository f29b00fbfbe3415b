package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Stripe sends one v1 signature for each secret that is active while a secret
// is being rolled. Other schemes in the header, such as v0, are for tests only
// and must not be accepted. The secret is used with its "whsec_" as plain text:
// it is not base64, unlike that of Standard Webhooks. Snapshot events and thin
// events (object "v2.core.event") are signed alike. By hand Stripe resends
// events for longer than its own retries last.
var Stripe = add(verifiers.Provider{
	Name:    "stripe",
	Aliases: []string{"stripe-event-notifications"},
	Title:   "Stripe",
	Docs:    "https://docs.stripe.com/webhooks#verify-manually",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Stripe-Signature").KV("v1"),
			Timestamp: verifiers.Header("Stripe-Signature").KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint:   "the endpoint's signing secret, whsec_..., under Developers > Webhooks",
	ID:           verifiers.JSON("/id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/created"),
	TypePrefix:   "com.stripe",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	RetrySpan:    72 * time.Hour,

	Addresses: []verifiers.AddressList{{URL: "https://stripe.com/files/ips/ips_webhooks.txt"}},

	Category: "payments",
	Setup:    "Add an endpoint under Developers > Webhooks, or with the CLI; its page shows the signing secret once you reveal it.",
	Retries:  "Up to three days with growing pauses in live mode, three times within hours in a sandbox.",
	Notes: []string{
		"The secret is used as text with its whsec_, not decoded.",
		"Only v1 counts; v0 is a fake signature for tests.",
	},
	Sources: []string{
		"https://docs.stripe.com/webhooks#verify-manually",
		"npm stripe@23.1.0 webhooks.constructEvent",
		"https://docs.stripe.com/ips",
	},
	Confidence: verifiers.High,
})
