package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Buildkite repeats its token with each request unless the webhook is set to
// send a signature; buildkite-signature is the better choice.
var BuildkiteToken = add(verifiers.Provider{
	Name:       "buildkite-token",
	Title:      "Buildkite (token)",
	Docs:       "https://buildkite.com/docs/apis/webhooks/pipelines",
	Scheme:     verifiers.Token{Source: verifiers.Header("X-Buildkite-Token")},
	SecretHint: "the token of the webhook",
	Type:       verifiers.First(verifiers.Header("X-Buildkite-Event"), verifiers.JSON("/event")),
	TypePrefix: "com.buildkite",
	NeedsJSON:  true,
	MaxBody:    4 << 20,
	Headers:    []string{"X-Buildkite-Event", "X-Buildkite-Request"},

	Addresses: []verifiers.AddressList{{URL: "https://api.buildkite.com/v2/meta", Pointers: []string{"/webhook_ips"}}},

	Category: "dev",
	Setup:    "Add the webhook under Settings > Notification Services; its token is shown there.",
	Retries:  "Not documented.",
	Notes: []string{
		"Nothing is signed: choose the signature and the provider buildkite-signature.",
	},
	Sources: []string{
		"https://buildkite.com/docs/apis/webhooks/pipelines",
		"https://buildkite.com/docs/apis/rest-api/meta",
	},
	Confidence: verifiers.High,
})
