package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Lithic follows Standard Webhooks for its events. Authorization Stream Access,
// which waits for a decision in the answer, has other headers and does not
// belong behind a queue.
var Lithic = add(verifiers.Provider{
	Name:       "lithic",
	Title:      "Lithic",
	Docs:       "https://docs.lithic.com/docs/events-api",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the event subscription's secret",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "com.lithic",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create an event subscription in the dashboard or with the API; its secret is at GET /v1/event_subscriptions/{token}/secret.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"Authorization Stream Access is not this: it is signed differently and needs a decision in the answer.",
	},
	Sources: []string{
		"https://docs.lithic.com/docs/events-api",
		"npm lithic@0.145.0 webhooks.unwrap",
	},
	Confidence: verifiers.High,
})
