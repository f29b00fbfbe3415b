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
	Success:    verifiers.Reply{Status: 200},
	Headers:    []string{"X-Environment"},

	Category: "commerce",
	Setup:    "Enter the webhook URL in the settings of the application in the developer dashboard. The key is the client secret.",
	Retries:  "Seven attempts in all with doubling pauses, the first of one second.",
	Notes: []string{
		"An order has to be accepted or denied through the API within 11.5 minutes, whatever is answered here.",
	},
	Sources: []string{
		"https://developer.uber.com/docs/eats/guides/webhooks",
		"https://developer.uber.com/docs/eats/references/api/webhooks.orders-notification",
	},
	Confidence: verifiers.High,
})
