package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Stytch sends through Svix.
var Stytch = add(verifiers.Provider{
	Name:       "stytch",
	Title:      "Stytch",
	Docs:       "https://stytch.com/docs/guides/webhooks/overview",
	Scheme:     verifiers.StandardWebhooks("svix"),
	SecretHint: "the endpoint's signing secret, whsec_ and base64",
	ID:         verifiers.Header("Svix-Id"),
	Type:       verifiers.Join(".", verifiers.JSON("/object_type"), verifiers.JSON("/action")),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.stytch",
	NeedsJSON:  true,
	Deadline:   15 * time.Second,
	RetrySpan:  40 * time.Hour,

	Category: "identity",
	Setup:    "Add the endpoint under Webhooks in the dashboard; its signing secret is on its page.",
	Retries:  "Svix's schedule: for about a day and a half.",
	Sources: []string{
		"https://stytch.com/docs/guides/webhooks/overview",
	},
	Confidence: verifiers.Medium,
})
