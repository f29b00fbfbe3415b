package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Favro signs the id of the payload and the URL, and nothing else of the body.
// The ping on creation is signed alike and answered.
var Favro = add(verifiers.Provider{
	Name:  "favro",
	Title: "Favro",
	Docs:  "https://favro.com/developer/#webhook-signatures",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Favro-Webhook"),
			Encoding:  verifiers.Base64,
			Content:   "{json:/payloadId}{url}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/payloadId"),
	Type:       verifiers.JSON("/action"),
	TypePrefix: "com.favro",
	NeedsJSON:  true,
	Handshakes: []verifiers.Handshake{{
		Name:   "ping",
		When:   []verifiers.Match{verifiers.JSON("/action").Is("ping")},
		Signed: true,
		Reply:  verifiers.Reply{Status: 200},
	}},

	Category: "saas",
	Setup:    "Add the webhook to a collection or board, with a secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"The rest of the body is not signed.",
		"The URL counts exactly as it was registered.",
	},
	Sources: []string{
		"https://favro.com/developer/#webhook-signatures",
	},
	Confidence: verifiers.Medium,
})
