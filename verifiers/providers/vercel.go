package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Vercel signs with SHA-1 and without a label.
var Vercel = add(verifiers.Provider{
	Name:  "vercel",
	Title: "Vercel",
	Docs:  "https://vercel.com/docs/webhooks/webhooks-api",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Vercel-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, or the integration's client secret",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "com.vercel",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  24 * time.Hour,

	Category: "infra",
	Setup:    "Create the webhook under Settings > Webhooks of the team; its secret is shown once. Integrations use their client secret.",
	Retries:  "With growing pauses for up to 24 hours.",
	Notes: []string{
		"The hash is SHA-1.",
		"Log drains use the same header for other bodies and ask for the header x-vercel-verify when they are made: they are not this entry.",
	},
	Sources: []string{
		"https://vercel.com/docs/webhooks/webhooks-api",
	},
	Confidence: verifiers.Medium,
})
