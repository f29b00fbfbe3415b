package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// PlanetScale signs the body only and gives a delivery no id. The body holds time
// and resource, so that the signature stands for the event.
var PlanetScale = add(verifiers.Provider{
	Name:  "planetscale",
	Title: "PlanetScale",
	Docs:  "https://planetscale.com/docs/api/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Planetscale-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's secret",
	ID:           verifiers.Header("X-Planetscale-Signature").Lower(),
	Type:         verifiers.JSON("/event"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.planetscale",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Create the webhook under Settings > Webhooks of a database; the secret is on its page.",
	Retries:  "Not documented.",
	Notes: []string{
		"Each webhook has a secret of its own.",
	},
	Sources: []string{
		"https://planetscale.com/docs/api/webhooks",
	},
	Confidence: verifiers.Medium,
})
