package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mailjet signs nothing: user and password of the URL come as HTTP basic
// authentication. With grouped events the body is an array.
var Mailjet = add(verifiers.Provider{
	Name:       "mailjet",
	Title:      "Mailjet",
	Docs:       "https://dev.mailjet.com/email/guides/webhooks/",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as in the URL that you gave to the sender",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/MessageID"), verifiers.JSON("/event"), verifiers.JSON("/time"), verifiers.JSON("/email"), verifiers.JSON("/url")), verifiers.Join(".", verifiers.JSON("/0/MessageID"), verifiers.JSON("/0/event"), verifiers.JSON("/0/time"), verifiers.JSON("/0/email"), verifiers.JSON("/0/url"))),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/0/event")),
	Time:       verifiers.First(verifiers.JSON("/time"), verifiers.JSON("/0/time")),
	TypePrefix: "com.mailjet",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,
	Batch: &verifiers.Batch{
		ID:   verifiers.Join(".", verifiers.JSON("/MessageID"), verifiers.JSON("/event"), verifiers.JSON("/time"), verifiers.JSON("/email"), verifiers.JSON("/url")),
		Type: verifiers.JSON("/event"),
		Time: verifiers.JSON("/time"),
	},

	Category: "comms",
	Setup:    "Enter the URL with user and password under Event notifications.",
	Retries:  "For 24 hours.",
	Notes: []string{
		"Nothing is signed.",
	},
	Sources: []string{
		"https://dev.mailjet.com/email/guides/webhooks/",
	},
	Confidence: verifiers.Medium,
})
