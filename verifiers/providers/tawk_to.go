package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TawkTo signs the body only, with SHA-1. The id is in a header that is not
// signed.
var TawkTo = add(verifiers.Provider{
	Name:  "tawk-to",
	Title: "tawk.to",
	Docs:  "https://developer.tawk.to/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Tawk-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret key",
	ID:         verifiers.Header("X-Hook-Event-Id"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "to.tawk",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  12 * time.Hour,

	Category: "crm",
	Setup:    "Add the webhook under Administration > Settings > Webhooks; its secret key is shown there.",
	Retries:  "For up to 12 hours.",
	Sources: []string{
		"https://developer.tawk.to/webhooks/",
	},
	Confidence: verifiers.Medium,
})
