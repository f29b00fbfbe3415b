package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Codecov signs nothing and sends no secret: its code that builds the request
// holds none. All that can be done is a URL that nobody can guess. There is one
// kind of notification, for a commit whose coverage was computed; its body has
// no time that is sure to be one of RFC 3339.
var Codecov = add(verifiers.Provider{
	Name:       "codecov",
	Title:      "Codecov",
	Docs:       "https://docs.codecov.com/docs/notifications#section-standard-notifications",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you entered",
	Type:       verifiers.Const("coverage"),
	TypePrefix: "io.codecov",
	NeedsJSON:  true,

	Category: "dev",
	Setup:    "Add a webhook under coverage.notify or comment in codecov.yml, with ?token= and a long random text of your own at the end of the URL; put the URL there as an encrypted secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"There is no id: a commit is reported again whenever its coverage changes.",
	},
	Sources: []string{
		"https://docs.codecov.com/docs/notifications#section-standard-notifications",
		"https://github.com/codecov/worker services/notification/notifiers/webhook.py",
	},
	Confidence: verifiers.Medium,
})
