package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Brex follows Standard Webhooks. Its secrets have no "whsec_" before them.
var Brex = add(verifiers.Provider{
	Name:       "brex",
	Title:      "Brex",
	Docs:       "https://developer.brex.com/docs/webhooks/",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the secret (base64) that the API's webhook secrets endpoint returns",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "com.brex",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Register the endpoint with POST /v1/webhooks and read the secret from GET /v1/webhooks/secrets.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"While a secret is being changed two are valid: configure both.",
	},
	Sources: []string{
		"https://developer.brex.com/docs/webhooks/",
		"github svix/svix-webhooks go/models/ingest_source_in.go",
	},
	Confidence: verifiers.Medium,
})
