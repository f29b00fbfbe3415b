package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// HasuraEventTrigger signs nothing. It sends the headers that are configured
// with the trigger; this entry wants Authorization, which access logs leave out.
var HasuraEventTrigger = add(verifiers.Provider{
	Name:         "hasura-event-trigger",
	Aliases:      []string{"hasura"},
	Title:        "Hasura (event triggers)",
	Docs:         "https://hasura.io/docs/2.0/event-triggers/payload/",
	Scheme:       verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint:   "the whole value of the header Authorization that you added to the trigger",
	ID:           verifiers.JSON("/id"),
	Type:         verifiers.Join(".", verifiers.JSON("/trigger/name"), verifiers.JSON("/event/op")),
	Time:         verifiers.JSON("/created_at"),
	TypePrefix:   "io.hasura",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,

	Category: "infra",
	Setup:    "Add a header Authorization, best from an environment variable, to the event trigger.",
	Retries:  "As the trigger is configured; Retry-After is honoured.",
	Notes: []string{
		"There is no signature: whoever learns the value can send events.",
		"A request transform may change the body; then id and type may be elsewhere.",
	},
	Sources: []string{
		"https://hasura.io/docs/2.0/event-triggers/payload/",
	},
	Confidence: verifiers.High,
})
