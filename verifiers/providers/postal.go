package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Postal signs with RSA and SHA-1 under the key of the installation, whose
// public half is in its DKIM record.
var Postal = add(verifiers.Provider{
	Name:  "postal",
	Title: "Postal",
	Docs:  "https://docs.postalserver.io/developer/webhooks",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Postal-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the public key, in base64 as in the DKIM record",
	ID:         verifiers.JSON("/uuid"),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "io.postalserver",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,

	Category: "comms",
	Setup:    "Add the webhook under Webhooks of the mail server; the public key is p= of the DKIM record of the installation.",
	Retries:  "Six times by report.",
	Notes: []string{
		"Keys of fewer than 2048 bits are not taken.",
	},
	Sources: []string{
		"https://docs.postalserver.io/developer/webhooks",
	},
	Confidence: verifiers.Medium,
})
