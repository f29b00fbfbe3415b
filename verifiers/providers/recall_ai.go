package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Recall.ai follows Standard Webhooks with one secret for the whole workspace.
// Workspaces from before 2025-12-15 have Svix's headers and a secret for each
// endpoint; both are read.
var RecallAI = add(verifiers.Provider{
	Name:       "recall-ai",
	Title:      "Recall.ai",
	Docs:       "https://docs.recall.ai/docs/authenticating-requests-from-recallai",
	Scheme:     verifiers.StandardWebhooks("webhook", "svix"),
	SecretHint: "the workspace's verification secret, or the endpoint's for old workspaces, whsec_ and base64",
	ID:         verifiers.First(verifiers.Header("Webhook-Id"), verifiers.Header("Svix-Id")),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "ai.recall",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create a workspace secret in the dashboard, and add the endpoint under Webhooks.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed until the workspace has a secret.",
		"Real-time requests of the desktop SDK are not signed.",
	},
	Sources: []string{
		"https://docs.recall.ai/docs/authenticating-requests-from-recallai",
	},
	Confidence: verifiers.High,
})
