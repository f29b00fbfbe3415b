package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Nylas signs the bytes that it sends, which are compressed if that is switched
// on. The URL is checked with a challenge that comes back as it is.
var Nylas = add(verifiers.Provider{
	Name:  "nylas",
	Title: "Nylas",
	Docs:  "https://developer.nylas.com/docs/v3/notifications/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Nylas-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook_secret of the destination",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "com.nylas",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Deadline:   10 * time.Second,
	Varies:     []string{"/webhook_delivery_attempt"},
	Handshakes: []verifiers.Handshake{{
		Name:   "challenge",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("challenge").Present()},
		Reply:  verifiers.Echo(verifiers.Query("challenge")),
	}},

	Category: "comms",
	Setup:    "Create the webhook destination with the API or in the dashboard; its webhook_secret is in the answer. For compressed delivery give the route `limits { decompressed 16MiB }` first.",
	Retries:  "Twice, after a 408, 429, 502, 503, 504 or 507.",
	Notes: []string{
		"With compressed delivery the signature is over the compressed bytes, and a route without `decompressed` answers 415.",
		"webhook_delivery_attempt counts the attempts inside the body.",
	},
	Sources: []string{
		"https://developer.nylas.com/docs/v3/notifications/webhooks/",
	},
	Confidence: verifiers.Medium,
})
