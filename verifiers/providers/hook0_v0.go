package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Hook0V0 is the older signature of Hook0, over time and body. It has an entry of
// its own so that nobody who expects v1 is sent back to it.
var Hook0V0 = add(verifiers.Provider{
	Name:  "hook0-v0",
	Title: "Hook0 (v0, body only)",
	Docs:  "https://documentation.hook0.com/how-to-guides/secure-webhook-endpoints",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: hook0Signature.KV("v0"),
			Timestamp: hook0Signature.KV("t"),
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the subscription's secret, a UUID",
	ID:         verifiers.Header("X-Event-Id"),
	Type:       verifiers.Header("X-Event-Type"),
	TypePrefix: "com.hook0",
	Headers:    []string{"X-Event-Id", "X-Event-Type", "X-Delivery-Id"},

	Category: "generic",
	Setup:    "The sender shows the secret where it lists the subscription. Use hook0 as soon as the sender offers v1.",
	Retries:  "A few fast ones, then slow ones, as the instance is configured.",
	Notes: []string{
		"Id and type are in headers, which v0 does not protect.",
	},
	Sources: []string{
		"https://github.com/hook0/hook0 clients/typescript/tests/signature.test.ts",
		"https://github.com/hook0/hook0 clients/conformance/signature.json",
	},
	Confidence: verifiers.High,
})
