package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Conekta signs with RSA, under the header Digest, and only once a webhook key
// has been made through its API. The padding is not named; PKCS #1 v1.5 is what
// the samples' libraries do by default.
var Conekta = add(verifiers.Provider{
	Name:  "conekta",
	Title: "Conekta",
	Docs:  "https://developers.conekta.com/docs/autenticaci%C3%B3n-webhooks",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Digest"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the public key (PEM) of the webhook key",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.conekta",
	NeedsJSON:  true,
	RetrySpan:  48 * time.Hour,

	Category: "payments",
	Setup:    "Add the webhook in the panel, then create a webhook key with the API, one for test and one for live mode; the answer has the public key.",
	Retries:  "By report hourly for 48 hours.",
	Notes: []string{
		"Without a webhook key nothing is signed, and everything is refused here.",
		"The header Digest is not the one of RFC 3230: it is a signature.",
	},
	Sources:    []string{"https://developers.conekta.com/docs/autenticaci%C3%B3n-webhooks"},
	Confidence: verifiers.Medium,
})
