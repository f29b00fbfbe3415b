package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Gumroad signs nothing and sends no secret. All that can be done is a URL that
// nobody can guess: a token of one's own in its query.
var Gumroad = add(verifiers.Provider{
	Name:       "gumroad",
	Title:      "Gumroad (ping)",
	Docs:       "https://gumroad.com/ping",
	Scheme:     limited{Scheme: verifiers.Token{Source: verifiers.Query("token")}, option: "seller_id", member: verifiers.Form("seller_id")},
	SecretHint: "the text after ?token= in the URL that you gave to Gumroad",
	ID:         verifiers.First(verifiers.Join(".", verifiers.Form("sale_id"), verifiers.Form("resource_name")), verifiers.Join(".", verifiers.Form("subscription_id"), verifiers.Form("resource_name"), verifiers.First(verifiers.Form("cancelled_at"), verifiers.Form("ended_at"), verifiers.Form("effective_as_of"), verifiers.Form("restarted_at")))),
	Type:       verifiers.Form("resource_name"),
	Time:       verifiers.Form("sale_timestamp"),
	TypePrefix: "com.gumroad",
	Options:    []verifiers.Option{{Name: "seller_id", Multiple: true, Doc: "The ids of the sellers whose events are accepted; without it all are."}},
	Deadline:   5 * time.Second,
	RetrySpan:  time.Hour,
	Final4xx:   true,

	Category: "commerce",
	Setup:    "Enter the URL under Settings > Advanced > Ping endpoint, or subscribe with the API, with ?token= and a long random text of your own at the end.",
	Retries:  "Only after a 499, 500, 502, 503 or 504: three times, after 60, 180 and 600 seconds.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"A failure of the connection is not repeated.",
	},
	Sources: []string{
		"https://gumroad.com/ping",
		"https://github.com/antiwork/gumroad app/sidekiq/post_to_individual_ping_endpoint_worker.rb",
	},
	Confidence: verifiers.High,
})
