package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Dwolla signs the body only, and an event keeps its id in all retries.
var Dwolla = add(verifiers.Provider{
	Name:  "dwolla",
	Title: "Dwolla",
	Docs:  "https://developers.dwolla.com/docs/working-with-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Request-Signature-Sha-256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret that was chosen when the webhook subscription was created",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/topic"),
	Time:       verifiers.First(verifiers.JSON("/timestamp"), verifiers.JSON("/created")),
	TypePrefix: "com.dwolla",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,
	Headers:    []string{"X-Dwolla-Topic"},

	Category:   "payments",
	Setup:      "Create a webhook subscription with POST /webhook-subscriptions and a secret of your choice.",
	Retries:    "By report eight times within 72 hours; a subscription that fails 400 times in a row is paused.",
	Sources:    []string{"https://developers.dwolla.com/docs/working-with-webhooks"},
	Confidence: verifiers.Medium,
})
