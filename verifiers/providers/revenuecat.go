package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// RevenueCat sends the Authorization header that was typed into its dashboard,
// word for word; whether it begins with "Bearer " is up to whoever typed it.
// Nothing is signed. Only 200 is success, not any other 2xx.
var RevenueCat = add(verifiers.Provider{
	Name:       "revenuecat",
	Title:      "RevenueCat",
	Docs:       "https://www.revenuecat.com/docs/integrations/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint: "the whole value of the authorization header, as typed into the dashboard",
	ID:         verifiers.JSON("/event/id"),
	Type:       verifiers.JSON("/event/type"),
	Time:       verifiers.JSON("/event/event_timestamp_ms"),
	TypePrefix: "com.revenuecat",
	NeedsJSON:  true,
	Deadline:   60 * time.Second,
	RetrySpan:  155 * time.Minute,
	Success:    verifiers.Reply{Status: 200},

	Category: "saas",
	Setup:    "Add the webhook under Integrations > Webhooks of the project and type a long random authorization header value.",
	Retries:  "Up to five times, after 5, 10, 20, 40 and 80 minutes.",
	Notes: []string{
		"The authorization header is optional in the dashboard: type one.",
		"Every status but 200 is a failure, 202 and 204 as well.",
	},
	Sources: []string{
		"https://www.revenuecat.com/docs/integrations/webhooks",
		"github RevenueCat/docs docs/integrations/webhooks.md",
	},
	Confidence: verifiers.High,
})
