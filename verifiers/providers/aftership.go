package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// AfterShip signs the body, and writes the signature in base64. The time in the
// body is that of the event and is no protection against replays: the id is.
var AfterShip = add(verifiers.Provider{
	Name:  "aftership",
	Title: "AfterShip Tracking",
	Docs:  "https://www.aftership.com/docs/tracking/webhook/webhook-signature",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Aftership-Hmac-Sha256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook secret, under Settings > Webhooks",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/ts"),
	TypePrefix: "com.aftership",
	NeedsJSON:  true,
	RetrySpan:  96 * time.Hour,

	Category: "commerce",
	Setup:    "Add the URL under Settings > Notifications > Webhooks of AfterShip Tracking; the webhook secret is on the same page.",
	Retries:  "Repeated with growing pauses, by report up to 14 times, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"The signature is base64, not hex.",
	},
	Sources: []string{
		"https://www.aftership.com/docs/tracking/webhook/webhook-signature",
	},
	Confidence: verifiers.High,
})
