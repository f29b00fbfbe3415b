package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Strava signs nothing and sends no secret with events. The callback URL keeps
// its query, where a token of one's own can be. The challenge has a verify token
// and is answered as JSON, unlike Meta's.
var Strava = add(verifiers.Provider{
	Name:       "strava",
	Title:      "Strava",
	Docs:       "https://developers.strava.com/docs/webhooks/",
	Scheme:     limited{Scheme: verifiers.Token{Source: verifiers.Query("token")}, option: "subscription_id", member: verifiers.JSON("/subscription_id")},
	SecretHint: "the text after ?token= in the callback_url",
	ID:         verifiers.Join(".", verifiers.JSON("/subscription_id"), verifiers.JSON("/object_id"), verifiers.JSON("/aspect_type"), verifiers.JSON("/event_time")),
	Type:       verifiers.Join(".", verifiers.JSON("/object_type"), verifiers.JSON("/aspect_type")),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.strava",
	Options: []verifiers.Option{
		{Name: "verify_token", Doc: "The verify_token given when the subscription was created.", Required: true, Secret: true},
		{Name: "subscription_id", Doc: "The ids of the subscriptions whose events are accepted; without it all are.", Multiple: true},
	},
	NeedsJSON: true,
	Deadline:  2 * time.Second,
	Handshakes: []verifiers.Handshake{{
		Name:        "subscribe",
		Method:      "GET",
		When:        []verifiers.Match{verifiers.Query("hub.mode").Is("subscribe")},
		Token:       verifiers.Query("hub.verify_token"),
		TokenOption: "verify_token",
		Reply:       verifiers.Reply{ContentType: "application/json", Template: `{{"hub.challenge":"{query:hub.challenge}"}}`},
	}},

	Category: "saas",
	Setup:    "Create the push subscription with the API: the URL with ?token= and a long random text of your own at the end as callback_url, and a verify_token.",
	Retries:  "Up to three times in all.",
	Notes: []string{
		"Nothing is signed, and the token is in the URL: keep it out of access logs.",
		"Events only name objects: read them with the API.",
	},
	Sources: []string{
		"https://developers.strava.com/docs/webhooks/",
	},
	Confidence: verifiers.Medium,
})
