package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Segment signs with SHA-1 where the destination has a shared secret.
var Segment = add(verifiers.Provider{
	Name:  "segment",
	Title: "Twilio Segment",
	Docs:  "https://segment.com/docs/connections/destinations/catalog/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the shared secret of the destination",
	ID:         verifiers.JSON("/messageId"),
	Type:       verifiers.Join(".", verifiers.JSON("/type"), verifiers.JSON("/event")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.segment",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "saas",
	Setup:    "Add the destination Webhooks with the URL and a shared secret.",
	Retries:  "Not documented for certain.",
	Notes: []string{
		"Without a shared secret there is no header, and nothing is accepted.",
		"Destination functions and the Actions webhook may send other headers and batches: describe them on their own.",
	},
	Sources: []string{
		"https://segment.com/docs/connections/destinations/catalog/webhooks/",
	},
	Confidence: verifiers.Medium,
})
