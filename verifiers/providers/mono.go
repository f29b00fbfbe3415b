package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mono repeats the secret of the webhook in a header. Some libraries of others
// take it for an HMAC-SHA512; the documentation compares it as it is, and it is
// followed.
var Mono = add(verifiers.Provider{
	Name:       "mono",
	Title:      "Mono",
	Docs:       "https://docs.mono.co/docs/webhooks",
	Scheme:     verifiers.Token{Source: verifiers.Header("Mono-Webhook-Secret")},
	SecretHint: "the webhook secret that you chose in the dashboard",
	Type:       verifiers.JSON("/event"),
	TypePrefix: "co.mono",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the URL and a long random secret of your own under Apps > Webhook in the dashboard.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed: read the account through the API before anything depends on it.",
		"The header is the secret itself and no HMAC.",
	},
	Sources: []string{
		"https://docs.mono.co/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
