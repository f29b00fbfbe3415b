package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FastSpring sends batches and lets the receiver choose whether they are
// signed; without a secret nothing is, and everything is refused here. A 200
// means that all events of the batch have arrived.
var FastSpring = add(verifiers.Provider{
	Name:  "fastspring",
	Title: "FastSpring",
	Docs:  "https://developer.fastspring.com/reference/message-security",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Fs-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the HMAC SHA256 secret of the webhook",
	ID:         verifiers.JSON("/events/0/id"),
	Type:       verifiers.JSON("/events/0/type"),
	Time:       verifiers.JSON("/events/0/created"),
	TypePrefix: "com.fastspring",
	Batch: &verifiers.Batch{
		Elements: "/events",
		ID:       verifiers.JSON("/id"),
		Type:     verifiers.JSON("/type"),
		Time:     verifiers.JSON("/created"),
	},
	NeedsJSON: true,
	RetrySpan: 24 * time.Hour,

	Category: "commerce",
	Setup:    "Add the webhook under Developer Tools > Webhooks and enter an HMAC SHA256 secret in its URL details.",
	Retries:  "By report every ten minutes for 24 hours, until each event is acknowledged.",
	Notes: []string{
		"Signing is a choice made for each webhook: enter a secret.",
	},
	Sources:    []string{"https://developer.fastspring.com/reference/message-security"},
	Confidence: verifiers.Medium,
})
