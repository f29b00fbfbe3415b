package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Cursor signs the body only. Its header has a name that other senders use for
// other things.
var Cursor = add(verifiers.Provider{
	Name:  "cursor",
	Title: "Cursor (cloud agents)",
	Docs:  "https://cursor.com/docs/cloud-agent/api/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Webhook-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook secret that you give when you launch an agent",
	ID:           verifiers.Header("X-Webhook-Id"),
	Type:         verifiers.First(verifiers.JSON("/event"), verifiers.Header("X-Webhook-Event")),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   "com.cursor",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "dev",
	Setup:    "Send webhook.url and webhook.secret, at least 32 characters, when you launch an agent through the API.",
	Retries:  "Not documented.",
	Notes: []string{
		"The id is in a header, which is not signed.",
	},
	Sources: []string{
		"https://cursor.com/docs/cloud-agent/api/webhooks",
		"https://github.com/hookdeck/webhook-skills skills/cursor-webhooks",
	},
	Confidence: verifiers.Medium,
})
