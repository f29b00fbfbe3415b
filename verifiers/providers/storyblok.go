package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Storyblok has the header name of Standard Webhooks for an HMAC-SHA1 of the
// body in hex. It sends every event once and gives it no id: the body of a
// second change of the same story may be the same.
var Storyblok = add(verifiers.Provider{
	Name:  "storyblok",
	Title: "Storyblok",
	Docs:  "https://www.storyblok.com/docs/concepts/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint:   "the webhook's secret",
	Type:         verifiers.JSON("/action"),
	TypePrefix:   "com.storyblok",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	NeverRetries: true,

	Category: "saas",
	Setup:    "Create the webhook under Settings > Webhooks of the space and set a secret.",
	Retries:  "None; the owner of the space gets an e-mail.",
	Notes: []string{
		"The header has the name of that of Standard Webhooks, and another content.",
		"There is neither a time nor an id, so that a replay cannot be told.",
	},
	Sources: []string{
		"https://www.storyblok.com/docs/concepts/webhooks",
		"https://www.storyblok.com/tp/webhook-secret-with-different-technologies",
	},
	Confidence: verifiers.High,
})
