package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Logto signs the body only, and gives a delivery no id. Time of creation and id
// of the hook are in the body, so that the signature stands for the event.
var Logto = add(verifiers.Provider{
	Name:  "logto",
	Title: "Logto",
	Docs:  "https://docs.logto.io/developers/webhooks/secure-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Logto-Signature-Sha-256"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's signing key",
	ID:           verifiers.Header("Logto-Signature-Sha-256").Lower(),
	Type:         verifiers.JSON("/event"),
	Time:         verifiers.JSON("/createdAt"),
	TypePrefix:   "io.logto",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     10 * time.Second,

	Category: "identity",
	Setup:    "Create the webhook under Webhooks in the Logto Console; the signing key is on its page.",
	Retries:  "Three, by the HTTP client.",
	Notes: []string{
		"Parsing the body and encoding it again gives another signature.",
	},
	Sources: []string{
		"https://docs.logto.io/developers/webhooks/secure-webhooks",
		"https://github.com/logto-io/logto packages/core/src/utils/sign.test.ts",
	},
	Confidence: verifiers.High,
})
