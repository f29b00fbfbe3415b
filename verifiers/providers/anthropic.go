package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Anthropic follows Standard Webhooks. The member type of the body is always
// "event"; what happened is in data.
var Anthropic = add(verifiers.Provider{
	Name:         "anthropic",
	Aliases:      []string{"claude"},
	Title:        "Anthropic (Claude Platform)",
	Docs:         "https://platform.claude.com/docs/en/managed-agents/webhooks",
	Scheme:       verifiers.StandardWebhooks(),
	SecretHint:   "the endpoint's signing secret, whsec_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/data/type"),
	Time:         verifiers.JSON("/created_at"),
	TypePrefix:   "com.anthropic",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "saas",
	Setup:    "Create the endpoint in the Claude Console and copy its signing secret.",
	Retries:  "Repeated under the same Webhook-Id; a redirect counts as a failure.",
	Notes: []string{
		"Events are thin: they name a type and an id.",
		"The header is Webhook-Signature, not the X-Webhook-Signature that some lists of senders name.",
	},
	Sources: []string{
		"https://platform.claude.com/docs/en/managed-agents/webhooks",
		"npm @anthropic-ai/sdk@1.13.0 beta.webhooks.unwrap",
	},
	Confidence: verifiers.High,
})
