package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Auth0 signs nothing: it repeats the authorization token as it was typed. A
// stream in the format JSON Array is split; JSON Lines is no JSON document, and
// each request is one event then.
var Auth0LogStream = add(verifiers.Provider{
	Name:       "auth0-log-stream",
	Title:      "Auth0 (log streams)",
	Docs:       "https://auth0.com/docs/customize/log-streams/custom-log-streams",
	Scheme:     verifiers.Token{Source: verifiers.Header("Authorization")},
	SecretHint: "the authorization token, as you typed it",
	ID:         verifiers.First(verifiers.JSON("/log_id"), verifiers.JSON("/0/log_id")),
	Type:       verifiers.First(verifiers.JSON("/data/type"), verifiers.JSON("/0/data/type")),
	Time:       verifiers.First(verifiers.JSON("/data/date"), verifiers.JSON("/0/data/date")),
	TypePrefix: "com.auth0.log",
	MaxBody:    8 << 20,
	Aliases:    []string{"auth0"},
	Batch:      &verifiers.Batch{ID: verifiers.JSON("/log_id"), Type: verifiers.JSON("/data/type"), Time: verifiers.JSON("/data/date")},

	Addresses: []verifiers.AddressList{{URL: "https://cdn.auth0.com/ip-ranges.json", Pointers: []string{"/regions/*/ipv4_cidrs"}}},

	Category: "identity",
	Setup:    "Create a custom webhook stream under Monitoring > Streams with an authorization token and the content format JSON Array.",
	Retries:  "Up to three times.",
	Notes: []string{
		"Nothing is signed.",
		"With the format JSON Lines nothing is split, and there is no id.",
	},
	Sources: []string{
		"https://auth0.com/docs/customize/log-streams/custom-log-streams",
		"https://auth0.com/docs/secure/security-guidance/data-security/allowlist",
	},
	Confidence: verifiers.High,
})
