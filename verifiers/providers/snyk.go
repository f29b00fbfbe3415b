package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Snyk has the header that GitHub used for SHA-1, with SHA-256 in it. Event,
// time and id of the delivery are in headers that are not signed.
var Snyk = add(verifiers.Provider{
	Name:  "snyk",
	Title: "Snyk",
	Docs:  "https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hub-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret given when the webhook was created",
	ID:         verifiers.Header("X-Snyk-Transport-Id"),
	Type:       verifiers.Header("X-Snyk-Event"),
	Time:       verifiers.Header("X-Snyk-Timestamp"),
	TypePrefix: "io.snyk",
	NeedsJSON:  true,
	Headers:    []string{"X-Snyk-Event", "X-Snyk-Transport-Id", "X-Snyk-Timestamp"},

	Category: "dev",
	Setup:    "Create the webhook with the API; the secret is required and of your choice. Snyk sends a ping at once.",
	Retries:  "Not documented.",
	Notes: []string{
		"X-Hub-Signature holds sha256= here, not sha1=.",
		"X-Snyk-Event and X-Snyk-Timestamp are not signed.",
	},
	Sources: []string{
		"https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis",
		"https://github.com/port-labs/ocean integrations/snyk/webhook_processors/snyk_base_webhook_processor.py",
	},
	Confidence: verifiers.High,
})
