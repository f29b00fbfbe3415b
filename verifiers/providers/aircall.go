package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Aircall signs nothing: a token is in the body, beside the event. There is no
// header with a signature, whatever some articles say. The published payload has
// the token in it.
var Aircall = add(verifiers.Provider{
	Name:       "aircall",
	Title:      "Aircall",
	Docs:       "https://developer.aircall.io/docs/setup-webhooks",
	Scheme:     verifiers.Token{Source: verifiers.JSON("/token")},
	SecretHint: "the token of the webhook",
	ID:         verifiers.Join(".", verifiers.JSON("/data/id"), verifiers.JSON("/event"), verifiers.JSON("/timestamp")),
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "io.aircall",
	NeedsJSON:  true,
	Deadline:   5 * time.Second,
	RetrySpan:  13 * time.Hour,

	Category: "comms",
	Setup:    "Create the webhook in the dashboard or with the API; its token is shown there.",
	Retries:  "Up to 50 times within 12 hours; the webhook is then switched off.",
	Notes: []string{
		"Nothing is signed.",
		"The token is part of the body: treat stored events as secrets.",
	},
	Sources: []string{
		"https://developer.aircall.io/docs/setup-webhooks",
	},
	Confidence: verifiers.Medium,
})
