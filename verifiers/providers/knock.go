package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Knock writes the time in milliseconds and the signature in base64, in one
// header.
var Knock = add(verifiers.Provider{
	Name:  "knock",
	Title: "Knock",
	Docs:  "https://docs.knock.app/developer-tools/outbound-webhooks/overview",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Knock-Signature").KV("s"),
			Encoding:  verifiers.Base64,
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("X-Knock-Signature").KV("t"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the endpoint's signing secret",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "app.knock",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,

	Category: "comms",
	Setup:    "Add the webhook under Developers > Webhooks; its signing secret is on its page.",
	Retries:  "Up to eight times.",
	Notes: []string{
		"The time is in milliseconds.",
	},
	Sources: []string{
		"https://docs.knock.app/developer-tools/outbound-webhooks/overview",
	},
	Confidence: verifiers.Medium,
})
