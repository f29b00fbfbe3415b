package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Brevo signs nothing: user and password of the URL come as HTTP basic
// authentication. Batched webhooks hold an array. A webhook with a bearer token
// instead needs a description of its own with verify token.
var Brevo = add(verifiers.Provider{
	Name:       "brevo",
	Title:      "Brevo",
	Docs:       "https://developers.brevo.com/docs/secured-webhooks",
	Scheme:     verifiers.Basic{},
	SecretHint: "user:password, as in the URL that you gave to the sender",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/message-id"), verifiers.JSON("/event"), verifiers.JSON("/ts_event"), verifiers.JSON("/email")), verifiers.Join(".", verifiers.JSON("/0/message-id"), verifiers.JSON("/0/event"), verifiers.JSON("/0/ts_event"), verifiers.JSON("/0/email"))),
	Type:       verifiers.First(verifiers.JSON("/event"), verifiers.JSON("/0/event")),
	Time:       verifiers.First(verifiers.JSON("/ts_event"), verifiers.JSON("/0/ts_event")),
	TypePrefix: "com.brevo",
	Aliases:    []string{"sendinblue"},
	NeedsJSON:  true,
	Batch: &verifiers.Batch{
		ID:   verifiers.Join(".", verifiers.JSON("/message-id"), verifiers.JSON("/event"), verifiers.JSON("/ts_event"), verifiers.JSON("/email")),
		Type: verifiers.JSON("/event"),
		Time: verifiers.JSON("/ts_event"),
	},

	Category: "comms",
	Setup:    "Create the webhook with user and password in the URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed.",
	},
	Sources: []string{
		"https://developers.brevo.com/docs/secured-webhooks",
	},
	Confidence: verifiers.High,
})
