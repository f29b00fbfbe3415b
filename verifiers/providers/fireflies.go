package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fireflies signs with SHA-256 in the header that means SHA-1 elsewhere. Version
// 2 has sha256= before the signature and version 1 has nothing.
var Fireflies = add(verifiers.Provider{
	Name:  "fireflies",
	Title: "Fireflies.ai",
	Docs:  "https://docs.fireflies.ai/graphql-api/webhooks",
	Scheme: oneOf{
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Hub-Signature").Trim("sha256="),
				Content:   "{body}",
			},
		},
		verifiers.HMAC{
			Hash: verifiers.SHA256,
			Signed: verifiers.Signed{
				Signature: verifiers.Header("X-Hub-Signature"),
				Content:   "{body}",
			},
		},
	},
	SecretHint: "the signing secret set under Developer settings",
	ID:         verifiers.First(verifiers.Header("X-Webhook-Delivery-Id"), verifiers.Join(".", verifiers.JSON("/meetingId"), verifiers.JSON("/eventType"))),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/eventType")),
	TypePrefix: "ai.fireflies",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Enter the URL under Settings > Developer settings and set a signing secret of 16 to 32 characters.",
	Signs:    "The body, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a signing secret nothing is signed, and nothing is accepted.",
		"The delivery id in the header is not signed.",
	},
	Sources: []string{
		"https://docs.fireflies.ai/graphql-api/webhooks",
	},
	Confidence: verifiers.Medium,
})
