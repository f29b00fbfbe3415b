package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Linear's time is a member of the body, which is signed; the header Linear-
// Timestamp is not and is not looked at. The window is that of Linear's library.
var Linear = add(verifiers.Provider{
	Name:  "linear",
	Title: "Linear",
	Docs:  "https://linear.app/developers/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Linear-Signature"),
			Content:   "{body}",
			Timestamp: verifiers.JSON("/webhookTimestamp"),
			Unit:      verifiers.Milliseconds,
			Tolerance: time.Minute,
		},
	},
	SecretHint: "the webhook's signing secret, as it is",
	ID:         verifiers.Header("Linear-Delivery"),
	Type:       verifiers.Join(".", verifiers.JSON("/type"), verifiers.JSON("/action")),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "app.linear",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  8 * time.Hour,
	Headers:    []string{"Linear-Event", "Linear-Delivery"},

	Category: "dev",
	Setup:    "Create the webhook under Settings > API > Webhooks; its signing secret is shown on its page.",
	Retries:  "Three times: after a minute, an hour and six hours.",
	Notes: []string{
		"The header Linear-Timestamp is not signed.",
		"If retries come with the time of the first attempt, a larger tolerance is needed for them.",
	},
	Sources: []string{
		"https://linear.app/developers/webhooks",
		"npm @linear/sdk@98.0.0 LinearWebhookClient.verify",
	},
	Confidence: verifiers.High,
})
