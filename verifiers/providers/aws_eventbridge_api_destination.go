package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// EventBridge signs nothing: a connection of the kind API key sends a header of
// any name. Connections with OAuth need a description of their own with verify
// jwt.
var AWSEventBridgeAPIDestination = add(verifiers.Provider{
	Name:       "aws-eventbridge-api-destination",
	Title:      "Amazon EventBridge (API destinations)",
	Docs:       "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html",
	Scheme:     headerToken{preset: "X-Api-Key"},
	SecretHint: "the value of the API key of the connection",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/detail-type"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "com.amazon.eventbridge",
	Options:    []verifiers.Option{headerToken{preset: "X-Api-Key"}.option()},
	Deadline:   5 * time.Second,
	RetrySpan:  24 * time.Hour,
	Aliases:    []string{"aws-eventbridge"},

	Category: "infra",
	Setup:    "Create a connection of the kind API key with the header X-Api-Key, an API destination with the URL, and a rule with it as target.",
	Retries:  "Up to 185 times within 24 hours, or as configured.",
	Notes: []string{
		"Nothing is signed.",
		"An input transformer that drops id or detail-type takes identity and type from the events.",
	},
	Sources: []string{
		"https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html",
	},
	Confidence: verifiers.High,
})
