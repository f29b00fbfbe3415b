package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The timestamp stands right before the body, with nothing between them. A table
// in the documentation says that the body alone is signed; its section about
// verification, and all code that works, say otherwise, and they are followed.
// Any answer but 200 is repeated.
var Airwallex = add(verifiers.Provider{
	Name:  "airwallex",
	Title: "Airwallex",
	Docs:  "https://www.airwallex.com/docs/developer-tools__listen-for-webhook-events",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{timestamp}{body}",
			Timestamp: verifiers.Header("X-Timestamp"),
			Unit:      verifiers.Milliseconds,
		},
	},
	SecretHint: "the secret key of the notification URL",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/name"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.airwallex",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,

	Category: "payments",
	Setup:    "Add the URL under Developer > Webhooks; the secret key of the notification URL is in its details.",
	Retries:  "By report with growing pauses for three days.",
	Notes: []string{
		"There is no separator between timestamp and body.",
		"X-Timestamp is in milliseconds.",
		"The success has to be 200: any other status is repeated.",
	},
	Sources: []string{
		"https://www.airwallex.com/docs/developer-tools__listen-for-webhook-events",
		"https://www.airwallex.com/docs/developer-tools__getting-started-with-webhooks",
		"https://webhookrelay.com/verify-airwallex-webhook-signature/",
	},
	Confidence: verifiers.High,
})
