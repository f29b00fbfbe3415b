package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Close shows the key as hexadecimal digits and signs with the bytes that they
// stand for; some receivers use the digits themselves. The window is as long as
// the retries, since nothing says that these are signed anew; within it
// deduplication by the signed id catches replays.
var Close = add(verifiers.Provider{
	Name:    "close",
	Aliases: []string{"close-crm"},
	Title:   "Close",
	Docs:    "https://developer.close.com/resources/webhook-subscriptions/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Close-Sig-Hash"),
			Timestamp: verifiers.Header("Close-Sig-Timestamp"),
			Content:   "{timestamp}{body}",
			Tolerance: 72 * time.Hour,
			Key:       verifiers.KeyHex,
		},
	},
	SecretHint: "the subscription's signature_key, hexadecimal",
	ID:         verifiers.JSON("/event/id"),
	Type:       verifiers.Join(".", verifiers.JSON("/event/object_type"), verifiers.JSON("/event/action")),
	Time:       verifiers.JSON("/event/date_created"),
	TypePrefix: "com.close",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  72 * time.Hour,

	Category: "crm",
	Setup:    "Create the subscription with the API; the answer has its signature_key.",
	Retries:  "With growing pauses of up to 20 minutes for 72 hours; then, or with 100,000 events waiting, the subscription is paused.",
	Notes: []string{
		"The key is hexadecimal and has to be decoded.",
	},
	Sources: []string{
		"https://developer.close.com/resources/webhook-subscriptions/",
	},
	Confidence: verifiers.Medium,
})
