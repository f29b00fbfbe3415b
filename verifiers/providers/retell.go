package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Retell signs the body with the time behind it, under the API key that has the
// webhook badge.
var Retell = add(verifiers.Provider{
	Name:  "retell",
	Title: "Retell AI",
	Docs:  "https://docs.retellai.com/features/secure-webhook",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Retell-Signature").KV("d"),
			Content:   "{body}{timestamp}",
			Timestamp: verifiers.Header("X-Retell-Signature").KV("v"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the API key with the webhook badge",
	ID:         verifiers.Join(".", verifiers.JSON("/call/call_id"), verifiers.JSON("/event")),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.retellai",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	MaxBody:    8 << 20,

	Category: "comms",
	Setup:    "Enter the URL under Webhooks or for the agent; the API key with the webhook badge signs.",
	Retries:  "Up to three times.",
	Notes: []string{
		"Another API key than that with the badge does not fit.",
	},
	Sources: []string{
		"https://docs.retellai.com/features/secure-webhook",
	},
	Confidence: verifiers.Medium,
})
