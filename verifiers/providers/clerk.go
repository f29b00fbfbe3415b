package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Clerk sends through Svix and has its headers only.
var Clerk = add(verifiers.Provider{
	Name:       "clerk",
	Title:      "Clerk",
	Docs:       "https://clerk.com/docs/webhooks/overview",
	Scheme:     verifiers.StandardWebhooks("svix"),
	SecretHint: "the endpoint's signing secret, whsec_ and base64",
	ID:         verifiers.Header("Svix-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.clerk",
	NeedsJSON:  true,
	Deadline:   15 * time.Second,
	RetrySpan:  40 * time.Hour,

	Category: "identity",
	Setup:    "Add the endpoint under Webhooks in the dashboard; its signing secret is on its page.",
	Retries:  "Svix's schedule: for about a day and a half.",
	Sources: []string{
		"https://clerk.com/docs/webhooks/overview",
		"npm @clerk/backend@3.25.0 verifyWebhook",
	},
	Confidence: verifiers.High,
})
