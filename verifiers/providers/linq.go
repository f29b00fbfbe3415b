package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Linq follows Standard Webhooks.
var Linq = add(verifiers.Provider{
	Name:       "linq",
	Title:      "Linq",
	Docs:       "https://apidocs.linqapp.com/",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the subscription's signing secret, whsec_ and base64",
	ID:         verifiers.First(verifiers.JSON("/event_id"), verifiers.Header("Webhook-Id")),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.linqapp",
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Create the webhook subscription with the API; the answer has its signing secret.",
	Retries:  "Not documented.",
	Sources: []string{
		"https://apidocs.linqapp.com/",
	},
	Confidence: verifiers.Medium,
})
