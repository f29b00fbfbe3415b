package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// AgentMail sends through Svix.
var AgentMail = add(verifiers.Provider{
	Name:       "agentmail",
	Title:      "AgentMail",
	Docs:       "https://docs.agentmail.to/webhooks",
	Scheme:     verifiers.StandardWebhooks("svix"),
	SecretHint: "the webhook's secret, whsec_ and base64",
	ID:         verifiers.Header("Svix-Id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "to.agentmail",
	NeedsJSON:  true,
	MaxBody:    8 << 20,
	RetrySpan:  40 * time.Hour,

	Category: "comms",
	Setup:    "Create the webhook with the API or in the console; its secret is in the answer.",
	Retries:  "Svix's schedule: for about a day and a half.",
	Sources: []string{
		"https://docs.agentmail.to/webhooks",
	},
	Confidence: verifiers.Medium,
})
