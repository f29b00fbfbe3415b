package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Typeform writes base64 after sha256=, where others write hex. The body may end
// in a line feed, which is signed.
var Typeform = add(verifiers.Provider{
	Name:  "typeform",
	Title: "Typeform",
	Docs:  "https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Typeform-Signature").Trim("sha256="),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/form_response/submitted_at"),
	TypePrefix: "com.typeform",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   30 * time.Second,
	RetrySpan:  12 * time.Hour,

	Category: "saas",
	Setup:    "Add the webhook under Connect of the form, with a secret.",
	Retries:  "Every 2 to 3 minutes for 10 hours after a 408, 423, 429 or 503; about five times after others. A 404 or 410 switches it off.",
	Notes: []string{
		"The signature is in base64 and not in hex.",
		"Without a secret there is no header, and nothing is accepted.",
		"The URL must not answer 404 or 410: that switches the webhook off.",
	},
	Sources: []string{
		"https://www.typeform.com/developers/webhooks/secure-your-webhooks/",
	},
	Confidence: verifiers.Medium,
})
