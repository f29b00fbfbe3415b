package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The CloudEvents specification has a token of any shape, in a header or in the
// query, and before that a handshake in which the receiver consents. Consenting
// proves nothing about the sender, so every origin gets it.
var CloudEventsWebhook = add(verifiers.Provider{
	Name:       "cloudevents-webhook",
	Title:      "CloudEvents web hooks",
	Docs:       "https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
	Scheme:     verifiers.Token{Source: verifiers.First(verifiers.Header("Authorization").Trim("Bearer "), verifiers.Query("access_token"))},
	SecretHint: "the access token that the sender was given",
	ID:         verifiers.Join(".", verifiers.First(verifiers.Header("Ce-Source"), verifiers.JSON("/source")), verifiers.First(verifiers.Header("Ce-Id"), verifiers.JSON("/id"))),
	Type:       verifiers.First(verifiers.Header("Ce-Type"), verifiers.JSON("/type")),
	Time:       verifiers.First(verifiers.Header("Ce-Time"), verifiers.JSON("/time")),
	TypePrefix: "io.cloudevents",
	Handshakes: []verifiers.Handshake{{
		Name:   "abuse_protection",
		Method: "OPTIONS",
		When:   []verifiers.Match{verifiers.Header("WebHook-Request-Origin").Present()},
		Reply: verifiers.Reply{Status: 200, Header: map[string]string{
			"WebHook-Allowed-Origin": "{header:WebHook-Request-Origin}",
			"WebHook-Allowed-Rate":   "*",
			"Allow":                  "POST",
		}},
	}},

	Category: "generic",
	Setup:    "Register the URL at the sender, with the token as Authorization: Bearer or as access_token in the query.",
	Retries:  "As the sender likes.",
	Notes: []string{
		"Nothing is signed.",
		"The type of the event goes behind the prefix io.cloudevents.",
		"A batch is one event.",
		"A sender that uses JSON Web Tokens needs a description of its own with verify jwt.",
	},
	Sources: []string{
		"https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md",
	},
	Confidence: verifiers.High,
})
