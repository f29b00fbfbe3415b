package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Netlify puts the hash of the body into a token that has no time, so that the
// token is good for that body for ever.
var Netlify = add(verifiers.Provider{
	Name:  "netlify",
	Title: "Netlify",
	Docs:  "https://docs.netlify.com/deploy/deploy-notifications/",
	Scheme: verifiers.JWT{
		Token:      verifiers.Header("X-Webhook-Signature"),
		Algorithms: []string{"HS256"},
		Issuers:    []string{"netlify"},
		BodyHash:   "sha256",
		Timeless:   true,
	},
	SecretHint: "the JWS secret token of the notification",
	ID:         verifiers.Join(".", verifiers.JSON("/id"), verifiers.JSON("/state"), verifiers.JSON("/updated_at")),
	Type:       verifiers.First(verifiers.Header("X-Netlify-Event"), verifiers.JSON("/state")),
	Time:       verifiers.JSON("/updated_at"),
	TypePrefix: "com.netlify",
	NeedsJSON:  true,
	Headers:    []string{"X-Netlify-Event"},

	Category: "infra",
	Setup:    "Add an HTTP POST notification under Site configuration > Notifications, with a JWS secret token.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret there is no header, and nothing is accepted.",
		"The id is that of the deploy or submission: state and time are added.",
	},
	Sources: []string{
		"https://docs.netlify.com/deploy/deploy-notifications/",
	},
	Confidence: verifiers.Medium,
})
