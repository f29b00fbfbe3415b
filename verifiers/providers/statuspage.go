package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Statuspage signs nothing and sends no secret to subscribers of a page. All
// that can be done is a URL that nobody can guess: a token of one's own in its
// query.
var Statuspage = add(verifiers.Provider{
	Name:       "statuspage",
	Title:      "Atlassian Statuspage (subscribers)",
	Docs:       "https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you subscribed with",
	ID:         verifiers.First(verifiers.Join(".", verifiers.JSON("/incident/incident_updates/0/id"), verifiers.JSON("/incident/id")), verifiers.JSON("/component_update/id")),
	Type:       verifiers.First(verifiers.Join(".", verifiers.Const("incident"), verifiers.JSON("/incident/status")), verifiers.Join(".", verifiers.Const("component"), verifiers.JSON("/component_update/new_status"))),
	Time:       verifiers.JSON("/meta/generated_at"),
	TypePrefix: "com.statuspage",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,

	Category: "infra",
	Setup:    "Subscribe to the page by webhook, with ?token= and a long random text of your own at the end of the URL.",
	Retries:  "Not documented.",
	Notes: []string{
		"The token is in the URL: keep it out of access logs.",
		"The body has a URL that ends the subscription: it must not be fetched.",
	},
	Sources: []string{
		"https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/",
	},
	Confidence: verifiers.High,
})
