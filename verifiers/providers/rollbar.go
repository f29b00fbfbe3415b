package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Rollbar signs nothing and sends no secret: all that can be done is a URL that
// nobody can guess. A rule may send XML instead of JSON. It repeats for longer
// than any deduplication window, and waits three seconds only.
var Rollbar = add(verifiers.Provider{
	Name:       "rollbar",
	Title:      "Rollbar",
	Docs:       "https://docs.rollbar.com/docs/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Query("token")},
	SecretHint: "the text after ?token= in the URL that you entered",
	ID:         verifiers.Join(".", verifiers.JSON("/data/occurrence/id"), verifiers.JSON("/event_name"), verifiers.JSON("/data/item/id")),
	Type:       verifiers.JSON("/event_name"),
	Time:       verifiers.First(verifiers.JSON("/data/occurrence/timestamp"), verifiers.JSON("/data/item/last_occurrence_timestamp")),
	TypePrefix: "com.rollbar",
	Deadline:   3 * time.Second,
	RetrySpan:  96 * time.Hour,

	Category: "infra",
	Setup:    "Enable Webhooks under the notifications of the project, with ?token= and a long random text of your own at the end of the URL, and choose JSON.",
	Retries:  "Up to 10 times, the first after one second and the last after about 16 days, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"The answer has to be 200, 201, 202 or 204 within three seconds.",
	},
	Sources: []string{
		"https://docs.rollbar.com/docs/webhooks",
	},
	Confidence: verifiers.High,
})
