package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Todoist signs with the client secret of the app. The delivery id stays the
// same over retries but is not signed.
var Todoist = add(verifiers.Provider{
	Name:  "todoist",
	Title: "Todoist",
	Docs:  "https://developer.todoist.com/api/v1/#tag/Webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Todoist-Hmac-SHA256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the client secret of the app",
	ID:         verifiers.Header("X-Todoist-Delivery-ID"),
	Type:       verifiers.JSON("/event_name"),
	Time:       verifiers.JSON("/triggered_at"),
	TypePrefix: "com.todoist",
	NeedsJSON:  true,
	RetrySpan:  2 * time.Hour,

	Category: "saas",
	Setup:    "Enter the URL and choose events in the App Management Console.",
	Retries:  "Three times, 15 minutes apart.",
	Sources: []string{
		"https://developer.todoist.com/api/v1/#tag/Webhooks",
	},
	Confidence: verifiers.Medium,
})
