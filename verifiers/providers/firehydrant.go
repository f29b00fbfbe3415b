package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// FireHydrant signs the body only; there is neither a time nor an id.
var FireHydrant = add(verifiers.Provider{
	Name:  "firehydrant",
	Title: "FireHydrant",
	Docs:  "https://docs.firehydrant.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Fh-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's shared secret",
	Type:         verifiers.Join(".", verifiers.JSON("/event/resource_type"), verifiers.JSON("/event/operation")),
	TypePrefix:   "com.firehydrant",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add a webhook under Settings > Integrations with URL and shared secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"A replay cannot be told: nothing in the request says when it was sent.",
	},
	Sources: []string{
		"https://docs.firehydrant.com/docs/webhooks",
		"https://github.com/superplanehq/superplane pkg/integrations/firehydrant",
	},
	Confidence: verifiers.Medium,
})
