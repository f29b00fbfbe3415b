package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Veriff signs the body with the shared secret of the integration, of which an
// account has several: X-Auth-Client names the one by its API key and is not
// signed. A delivery has no id. Events of a session and decisions have different
// members.
var Veriff = add(verifiers.Provider{
	Name:  "veriff",
	Title: "Veriff",
	Docs:  "https://devdocs.veriff.com/docs/hmac-authentication-and-endpoint-security",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Hmac-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the shared secret key of the integration",
	ID: verifiers.First(
		verifiers.Join(".", verifiers.JSON("/attemptId"), verifiers.JSON("/action")),
		verifiers.Join(".", verifiers.First(verifiers.JSON("/verification/attemptId"), verifiers.JSON("/verification/id")), verifiers.JSON("/verification/status"), verifiers.JSON("/verification/decisionTime")),
	),
	Type:       verifiers.First(verifiers.JSON("/action"), verifiers.JSON("/verification/status")),
	Time:       verifiers.JSON("/verification/decisionTime"),
	TypePrefix: "com.veriff",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  96 * time.Hour,
	Headers:    []string{"X-Auth-Client"},

	Category: "identity",
	Setup:    "Enter the URLs of events and decisions under the settings of the integration; the shared secret key is on its page of API keys.",
	Retries:  "By report every hour for up to seven days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"The value is bare hex, unlike that of other senders with a header of this name.",
		"X-Auth-Client is not signed.",
		"X-Signature is an older hash of body and secret, and is not looked at.",
	},
	Sources: []string{
		"https://devdocs.veriff.com/docs/hmac-authentication-and-endpoint-security",
		"https://github.com/Veriff/js-integration-demo app.js",
	},
	Confidence: verifiers.High,
})
