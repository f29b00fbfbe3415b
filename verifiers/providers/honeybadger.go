package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Honeybadger repeats the token of the project. Its uptime checks send the same
// header, so that a token which was entered as a check proves nothing. A webhook
// may have a bearer token as well, which is not looked at.
var Honeybadger = add(verifiers.Provider{
	Name:       "honeybadger",
	Title:      "Honeybadger",
	Docs:       "https://docs.honeybadger.io/guides/integrations/webhook/",
	Scheme:     verifiers.Token{Source: verifiers.Header("Honeybadger-Token")},
	SecretHint: "the token that Honeybadger shows with the integration",
	Type:       verifiers.JSON("/event"),
	Time:       verifiers.JSON("/notice/created_at"),
	TypePrefix: "io.honeybadger",
	NeedsJSON:  true,

	Category: "infra",
	Setup:    "Add the WebHook integration under Alerts & Integrations of the project; the token is shown with it.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed.",
		"Nothing in the body tells two events apart that always has to be there, so that there is no id.",
	},
	Sources: []string{
		"https://docs.honeybadger.io/guides/integrations/webhook/",
	},
	Confidence: verifiers.Medium,
})
