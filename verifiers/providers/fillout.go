package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Fillout signs nothing: it sends the headers that the user adds.
var Fillout = add(verifiers.Provider{
	Name:       "fillout",
	Title:      "Fillout",
	Docs:       "https://www.fillout.com/help/webhook",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "the whole value of the header, as you wrote it",
	ID:         verifiers.JSON("/submissionId"),
	Type:       verifiers.Const("submission"),
	Time:       verifiers.JSON("/submissionTime"),
	TypePrefix: "com.fillout",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},

	Category: "saas",
	Setup:    "Add a webhook under Integrate of the form, with a header Authorization and a long random text as its value.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed.",
		"A custom body may have other members: identity is then lost.",
	},
	Sources: []string{
		"https://www.fillout.com/help/webhook",
	},
	Confidence: verifiers.Medium,
})
