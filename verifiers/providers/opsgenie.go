package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Opsgenie signs nothing: it sends the headers that the user adds.
var Opsgenie = add(verifiers.Provider{
	Name:       "opsgenie",
	Title:      "Opsgenie",
	Docs:       "https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-webhook/",
	Scheme:     headerToken{preset: "Authorization"},
	SecretHint: "the whole value of the header, as you wrote it",
	ID:         verifiers.Join(".", verifiers.JSON("/alert/alertId"), verifiers.JSON("/action"), verifiers.JSON("/alert/updatedAt")),
	Type:       verifiers.JSON("/action"),
	Time:       verifiers.JSON("/alert/updatedAt"),
	TypePrefix: "com.opsgenie",
	Options:    []verifiers.Option{headerToken{preset: "Authorization"}.option()},
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Add a webhook integration with a header Authorization and a long random text as its value.",
	Retries:  "Not documented in detail.",
	Notes: []string{
		"Nothing is signed.",
		"Several integrations of a team send the same action, each as a request of its own.",
	},
	Sources: []string{
		"https://support.atlassian.com/opsgenie/docs/integrate-opsgenie-with-webhook/",
	},
	Confidence: verifiers.Medium,
})
