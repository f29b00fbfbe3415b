package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Paystack signs the body with SHA-512 under the secret key of the account's
// API: there is no secret of the webhook's own, and test and live events have
// different keys. An event has no id; several events may be about one object,
// so its id is no substitute.
var Paystack = add(verifiers.Provider{
	Name:  "paystack",
	Title: "Paystack",
	Docs:  "https://paystack.com/docs/payments/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Paystack-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the account's secret API key, sk_test_… or sk_live_…",
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.paystack",
	NeedsJSON:  true,
	RetrySpan:  73 * time.Hour,

	Category: "payments",
	Setup:    "Enter the URL under Settings > API Keys & Webhooks of the dashboard. The secret key is on the same page.",
	Retries:  "By report every 3 minutes for the first 4 tries, then each hour for 72 hours.",
	Notes: []string{
		"The key is the secret API key, and test mode has another than live mode.",
		"The hash is SHA-512.",
		"Signatures with a timestamp (t=…,v1=…), of which an example of the vendor speaks, are not accepted: no page names their header.",
	},
	Sources: []string{
		"https://paystack.com/docs/payments/webhooks/",
		"https://gist.github.com/ibrahimlawal/2f987cccfa87f7ec4cb3dcb40e61dedd",
	},
	Confidence: verifiers.Medium,
})
