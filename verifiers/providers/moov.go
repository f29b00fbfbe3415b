package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Moov signs three headers and not the body: whoever sees one delivery can send
// another body with its signature while the window lasts. A consumer should
// read what the event is about from Moov's API.
var Moov = add(verifiers.Provider{
	Name:  "moov",
	Title: "Moov",
	Docs:  "https://docs.moov.io/guides/developers/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA512,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{timestamp}|{header:X-Nonce}|{header:X-Webhook-Id}",
			Timestamp: verifiers.Header("X-Timestamp"),
			Unit:      verifiers.RFC3339,
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's signing secret",
	ID:         verifiers.JSON("/eventID"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/createdOn"),
	TypePrefix: "io.moov",
	NeedsJSON:  true,
	Headers:    []string{"X-Webhook-Id"},

	Category: "payments",
	Setup:    "Create the webhook under Developers > Webhooks of the dashboard and copy its signing secret.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The body is not signed: read the resource from the API before acting on an event.",
	},
	Sources: []string{
		"https://docs.moov.io/guides/developers/webhooks/",
		"github moovfinancial/moov-go pkg/mhooks",
	},
	Confidence: verifiers.High,
})
