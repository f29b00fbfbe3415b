package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Jotform signs nothing and sends no secret. All that can be done is a URL that
// nobody can guess: a token of one's own in its query. Answers are JSON inside
// the field rawRequest of a multipart form.
var Jotform = add(verifiers.Provider{
	Name:       "jotform",
	Title:      "Jotform",
	Docs:       "https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you gave to Jotform",
	ID:         verifiers.Form("submissionID"),
	Type:       verifiers.Const("submission"),
	TypePrefix: "com.jotform",
	MaxBody:    16 << 20,
	Deadline:   30 * time.Second,

	Category: "saas",
	Setup:    "Add the webhook under Settings > Integrations of the form, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"The token is in the URL: keep it out of access logs.",
		"The published payload is the multipart form.",
	},
	Sources: []string{
		"https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/",
	},
	Confidence: verifiers.Medium,
})
