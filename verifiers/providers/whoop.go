package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// WHOOP signs timestamp and body with nothing between them. The timestamp is of
// the attempt.
var Whoop = add(verifiers.Provider{
	Name:  "whoop",
	Title: "WHOOP",
	Docs:  "https://developer.whoop.com/docs/developing/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-WHOOP-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{timestamp}{body}",
			Timestamp: verifiers.Header("X-WHOOP-Signature-Timestamp"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the client secret of your app",
	ID:         verifiers.JSON("/trace_id"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.whoop",
	NeedsJSON:  true,
	RetrySpan:  2 * time.Hour,

	Category: "saas",
	Setup:    "Enter the URL in the developer dashboard of your app.",
	Retries:  "Five times within about an hour.",
	Notes: []string{
		"The key is the client secret of the app, not a secret of the webhook.",
		"The event only names an object: read it from the API.",
	},
	Sources: []string{
		"https://developer.whoop.com/docs/developing/webhooks/",
	},
	Confidence: verifiers.Medium,
})
