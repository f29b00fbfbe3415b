package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Column signs the body only.
var Column = add(verifiers.Provider{
	Name:  "column",
	Title: "Column",
	Docs:  "https://column.com/docs/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Column-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook endpoint's secret",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.column",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create the webhook endpoint in the dashboard or with the API and copy its secret.",
	Retries:  "Not stated on the pages read.",
	Sources: []string{
		"https://column.com/docs/guides/webhooks",
		"github formancehq/payments ce/plugins/column/webhook.go",
	},
	Confidence: verifiers.Medium,
})
