package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sentry signs the body. The header with a time is not signed, so that it is no
// protection. Some requests have no body: the signature is then over nothing.
// The library in Sentry's own example writes the JSON anew first, which breaks
// on numbers and escapes.
var Sentry = add(verifiers.Provider{
	Name:  "sentry",
	Title: "Sentry (integration platform)",
	Docs:  "https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("Sentry-Hook-Signature"), verifiers.Header("Sentry-App-Signature")),
			Content:   "{body}",
		},
	},
	SecretHint: "the integration's client secret",
	ID:         verifiers.Header("Request-ID"),
	Type:       verifiers.Join(".", verifiers.Header("Sentry-Hook-Resource"), verifiers.JSON("/action")),
	TypePrefix: "io.sentry",
	Deadline:   time.Second,
	MaxBody:    4 << 20,
	Headers:    []string{"Sentry-Hook-Resource", "Sentry-Hook-Timestamp"},

	Category: "dev",
	Setup:    "Create an integration under Settings > Custom Integrations with the URL as webhook; its client secret is on its page.",
	Retries:  "Not documented.",
	Notes: []string{
		"Sentry waits for about a second.",
		"Neither id nor time are signed.",
	},
	Sources: []string{
		"https://docs.sentry.io/organization/integrations/integration-platform/webhooks/",
	},
	Confidence: verifiers.High,
})
