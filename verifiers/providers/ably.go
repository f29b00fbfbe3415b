package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ably signs with the half of the API key behind the colon; the half before it
// is in the header X-Ably-Key. Rules with batches send several items.
var Ably = add(verifiers.Provider{
	Name:  "ably",
	Title: "Ably",
	Docs:  "https://ably.com/docs/platform/integrations/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ably-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the part of the API key after the colon",
	ID:         verifiers.First(verifiers.JSON("/items/0/webhookId"), verifiers.Join(".", verifiers.JSON("/data/messages/0/id"), verifiers.JSON("/source"))),
	Type:       verifiers.First(verifiers.JSON("/items/0/source"), verifiers.JSON("/source")),
	TypePrefix: "com.ably",
	MaxBody:    4 << 20,
	Headers:    []string{"X-Ably-Key"},
	Batch: &verifiers.Batch{
		Elements: "/items",
		ID:       verifiers.JSON("/webhookId"),
		Type:     verifiers.JSON("/source"),
		Time:     verifiers.JSON("/timestamp"),
	},

	Category: "saas",
	Setup:    "Add a webhook integration with a key to sign with, and JSON as encoding.",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"Without a key to sign with there is no header, and nothing is accepted.",
		"Rules that are not enveloped send the message itself, without id and type.",
	},
	Sources: []string{
		"https://ably.com/docs/platform/integrations/webhooks",
	},
	Confidence: verifiers.Medium,
})
