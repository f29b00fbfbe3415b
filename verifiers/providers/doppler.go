package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Doppler signs the body only; there is neither a time nor an id.
var Doppler = add(verifiers.Provider{
	Name:  "doppler",
	Title: "Doppler",
	Docs:  "https://docs.doppler.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Doppler-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's signing secret",
	Type:         verifiers.JSON("/type"),
	TypePrefix:   "com.doppler",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add the webhook on the Webhooks page of a project with a signing secret.",
	Retries:  "Up to five.",
	Notes: []string{
		"A custom payload replaces the JSON, and the type with it.",
		"Without a signing secret there is no signature; an Authorization header may be configured besides.",
	},
	Sources: []string{
		"https://docs.doppler.com/docs/webhooks",
		"npm @hookflo/tern@4.1.0 platform doppler",
	},
	Confidence: verifiers.Medium,
})
