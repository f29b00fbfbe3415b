package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Tally signs the body in base64.
var Tally = add(verifiers.Provider{
	Name:  "tally",
	Title: "Tally",
	Docs:  "https://tally.so/help/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Tally-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the signing secret of the webhook",
	ID:         verifiers.JSON("/eventId"),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "so.tally",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   10 * time.Second,
	RetrySpan:  36 * time.Hour,

	Category: "saas",
	Setup:    "Add the webhook under Integrations of the form, with a signing secret.",
	Retries:  "After 5 and 30 minutes, 1 and 6 hours and a day.",
	Notes: []string{
		"Without a secret there is no header, and nothing is accepted.",
	},
	Sources: []string{
		"https://tally.so/help/webhooks",
	},
	Confidence: verifiers.Medium,
})
