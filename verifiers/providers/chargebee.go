package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Chargebee signs nothing; it sends user and password. Its own advice where
// that is not enough is to fetch the event by its id.
var Chargebee = add(verifiers.Provider{
	Name:       "chargebee",
	Title:      "Chargebee",
	Docs:       "https://www.chargebee.com/docs/2.0/webhook_settings.html",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as entered on the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/occurred_at"),
	TypePrefix: "com.chargebee",
	NeedsJSON:  true,
	RetrySpan:  48 * time.Hour,

	Category: "payments",
	Setup:    "Add the webhook under Settings > Configure Chargebee > Webhooks, switch on basic authentication and enter a user and a long random password.",
	Retries:  "With growing pauses for two days.",
	Notes: []string{
		"The body is not signed: an event can be fetched by its id to be sure.",
		"The password may hold colons, the user may not.",
	},
	Sources: []string{
		"https://www.chargebee.com/docs/2.0/webhook_settings.html",
		"https://github.com/chargebee/openapi spec/chargebee_api_v1_spec.yaml",
	},
	Confidence: verifiers.High,
})
