package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Resend sends through Svix.
var Resend = add(verifiers.Provider{
	Name:       "resend",
	Title:      "Resend",
	Docs:       "https://resend.com/docs/webhooks/verify-webhooks-requests",
	Scheme:     verifiers.StandardWebhooks("svix"),
	SecretHint: "the webhook's signing secret, whsec_ and base64",
	ID:         verifiers.Header("Svix-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.resend",
	NeedsJSON:  true,
	Deadline:   15 * time.Second,
	RetrySpan:  20 * time.Hour,

	Category: "comms",
	Setup:    "Add the webhook under Webhooks in the dashboard; its signing secret is on its page.",
	Retries:  "After 5 seconds, 5 and 30 minutes, 2, 5 and 10 hours.",
	Sources: []string{
		"https://resend.com/docs/webhooks/verify-webhooks-requests",
		"npm resend@6.38.0 webhooks.verify",
	},
	Confidence: verifiers.High,
})
