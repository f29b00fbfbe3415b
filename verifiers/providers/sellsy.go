package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sellsy hashes the secret followed by the body with SHA-1, which is no HMAC: a
// hash of this kind can be extended by somebody who has seen it, though hardly
// to a body that is still JSON. Events have no id.
var Sellsy = add(verifiers.Provider{
	Name:  "sellsy",
	Title: "Sellsy",
	Docs:  "https://help.sellsy.com/fr/articles/5876622-webhooks",
	Scheme: verifiers.Digest{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Webhook-Signature"),
			Content:   "{secret}{body}",
		},
	},
	SecretHint: "the webhook's signature key",
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/eventType")),
	TypePrefix: "com.sellsy",

	Category: "crm",
	Setup:    "Add the webhook in the developer portal of the account, as JSON, and copy its signature key.",
	Retries:  "Not documented.",
	Notes: []string{
		"The signature is a bare SHA-1 of secret and body. Prefer JSON to the form format: its end cannot be extended.",
	},
	Sources: []string{
		"https://help.sellsy.com/fr/articles/5876622-webhooks",
	},
	Confidence: verifiers.Medium,
})
