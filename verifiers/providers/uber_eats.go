package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Uber Eats signs the body only. The answer has an empty body.
var UberEats = add(verifiers.Provider{
	Name:  "uber-eats",
	Title: "Uber Eats",
	Docs:  "https://developer.uber.com/docs/eats/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Uber-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the application's client secret, or the webhook's signing key where there is one",
	ID:         verifiers.JSON("/event_id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.uber.eats",
	NeedsJSON:  true,

	Category:   "commerce",
	Setup:      "Enter the webhook URL in the settings of the application in the developer dashboard. The key is the client secret.",
	Retries:    "By report up to seven times, after 10, 30, 60, 120 seconds and so on.",
	Sources:    []string{"https://developer.uber.com/docs/eats/guides/webhooks"},
	Confidence: verifiers.Medium,
})
