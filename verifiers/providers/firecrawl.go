package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Firecrawl signs the body only, with one secret for the whole account. What
// its webhookId names is not documented, so the signature serves as the id.
var Firecrawl = add(verifiers.Provider{
	Name:  "firecrawl",
	Title: "Firecrawl",
	Docs:  "https://docs.firecrawl.dev/webhooks/security",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Firecrawl-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the account's webhook secret, under Advanced in the settings",
	ID:         verifiers.Header("X-Firecrawl-Signature").Trim("sha256=").Lower(),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "dev.firecrawl",
	NeedsJSON:  true,
	MaxBody:    16 << 20,

	Category: "dev",
	Setup:    "Name the URL in the webhook member of a crawl or batch request. The secret is in the account's settings.",
	Retries:  "Not documented.",
	Notes: []string{
		"Events hold the pages that were read and may be large.",
	},
	Sources: []string{
		"https://docs.firecrawl.dev/webhooks/security",
	},
	Confidence: verifiers.Medium,
})
