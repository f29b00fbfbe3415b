package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Coinbase sends through Hook0. Its documentation asks for v0, over time and
// body; v1 covers headers as well and is sent beside it.
var CoinbaseCDP = add(verifiers.Provider{
	Name:  "coinbase-cdp",
	Title: "Coinbase Developer Platform",
	Docs:  "https://docs.cdp.coinbase.com/webhooks/verify-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: hook0Signature.KV("v0"),
			Content:   "{timestamp}.{body}",
			Timestamp: hook0Signature.KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the secret of the subscription",
	ID:         verifiers.First(verifiers.Header("X-Event-Id"), verifiers.JSON("/id")),
	Type:       verifiers.First(verifiers.JSON("/eventType"), verifiers.Header("X-Event-Type")),
	TypePrefix: "com.coinbase.cdp",
	Aliases:    []string{"coinbase-developer-platform"},
	Headers:    []string{"X-Event-Id", "X-Event-Type"},

	Category: "payments",
	Setup:    "Create the webhook subscription with the API; its secret is in the answer.",
	Retries:  "Not documented.",
	Notes: []string{
		"The headers with id and type are not covered by v0.",
	},
	Sources: []string{
		"https://docs.cdp.coinbase.com/webhooks/verify-signatures",
	},
	Confidence: verifiers.Medium,
})
