package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mailchimp signs nothing and sends no secret. All that can be done is a URL
// that nobody can guess: a token of one's own in its query, which the check of
// the URL has as well.
var Mailchimp = add(verifiers.Provider{
	Name:       "mailchimp",
	Title:      "Mailchimp",
	Docs:       "https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you gave to Mailchimp",
	ID:         verifiers.Join(".", verifiers.Form("fired_at"), verifiers.Form("type"), verifiers.Form("data[id]"), verifiers.Form("data[email]"), verifiers.Form("data[new_id]")),
	Type:       verifiers.Form("type"),
	TypePrefix: "com.mailchimp",
	Deadline:   10 * time.Second,
	RetrySpan:  2 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:   "check",
		Method: "GET",
		Signed: true,
		Reply:  verifiers.Reply{Status: 200},
	}},

	Category: "comms",
	Setup:    "Add the webhook under Audience settings, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "With growing pauses for about 75 minutes; the webhook is then switched off.",
	Notes: []string{
		"The token is in the URL: keep it out of access logs.",
		"Fields have names such as data[merges][FNAME].",
	},
	Sources: []string{
		"https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/",
	},
	Confidence: verifiers.Medium,
})
