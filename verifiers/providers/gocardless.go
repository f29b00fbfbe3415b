package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// GoCardless sends up to 250 events at once; a batch that comes again may hold
// others as well, so that each event counts by itself.
var GoCardless = add(verifiers.Provider{
	Name:  "gocardless",
	Title: "GoCardless",
	Docs:  "https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook endpoint",
	ID:         verifiers.JSON("/meta/webhook_id"),
	Type:       verifiers.Join(".", verifiers.JSON("/events/0/resource_type"), verifiers.JSON("/events/0/action")),
	Time:       verifiers.JSON("/events/0/created_at"),
	TypePrefix: "com.gocardless",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	RetrySpan:  72 * time.Hour,
	Batch: &verifiers.Batch{
		Elements: "/events",
		ID:       verifiers.JSON("/id"),
		Type:     verifiers.Join(".", verifiers.JSON("/resource_type"), verifiers.JSON("/action")),
		Time:     verifiers.JSON("/created_at"),
	},

	Category: "payments",
	Setup:    "Add the endpoint under Developers > Webhook endpoints; its secret is chosen there.",
	Retries:  "Automatic, and by hand from the dashboard.",
	Sources: []string{
		"https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks",
		"npm gocardless-nodejs@10.1.2 webhooks.parse",
		"https://github.com/gocardless/gocardless-pro-python tests/webhooks_test.py",
	},
	Confidence: verifiers.High,
})
