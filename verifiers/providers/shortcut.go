package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Shortcut was Clubhouse, whose name the older header has; the newer one decides
// where both are there.
var Shortcut = add(verifiers.Provider{
	Name:  "shortcut",
	Title: "Shortcut",
	Docs:  "https://developer.shortcut.com/api/webhook/v1",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(verifiers.Header("Payload-Signature"), verifiers.Header("Clubhouse-Signature")),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.Join(".", verifiers.JSON("/actions/0/entity_type"), verifiers.JSON("/actions/0/action")),
	Time:       verifiers.JSON("/changed_at"),
	TypePrefix: "com.shortcut",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create the webhook under Settings > Integrations > Webhooks, with a secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret there is no header, and nothing is accepted.",
	},
	Sources: []string{
		"https://developer.shortcut.com/api/webhook/v1",
	},
	Confidence: verifiers.Medium,
})
