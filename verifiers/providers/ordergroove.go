package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ordergroove labels time and signature ts and sig. The time is that of the
// transmission.
var Ordergroove = add(verifiers.Provider{
	Name:  "ordergroove",
	Title: "Ordergroove",
	Docs:  "https://developer.ordergroove.com/reference/webhooks-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Ordergroove-Signature").KV("sig"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Ordergroove-Signature").KV("ts"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's verification key",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created"),
	TypePrefix: "com.ordergroove",
	NeedsJSON:  true,
	RetrySpan:  10 * time.Hour,

	Category: "commerce",
	Setup:    "Create the webhook under Developers > Webhooks and copy its verification key.",
	Retries:  "Up to 60 attempts within 9 to 10 hours, the first retry after about a minute and the others at most 10 minutes apart.",
	Sources: []string{
		"https://developer.ordergroove.com/reference/webhooks-verification",
		"https://developer.ordergroove.com/reference/webhooks-overview",
		"https://developer.ordergroove.com/reference/event-payloads",
	},
	Confidence: verifiers.High,
})
