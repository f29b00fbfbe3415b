package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Patreon signs with HMAC-MD5, whose known weaknesses are those of MD5 as a
// hash and not as a MAC. Deliveries have no id: the signature, which is the same
// for the same bytes, serves as one together with the type, since several types
// are sent with one body.
var Patreon = add(verifiers.Provider{
	Name:  "patreon",
	Title: "Patreon",
	Docs:  "https://docs.patreon.com/#webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.MD5,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Patreon-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret",
	ID:         verifiers.Join(".", verifiers.Header("X-Patreon-Signature").Lower(), verifiers.Header("X-Patreon-Event")),
	Type:       verifiers.Header("X-Patreon-Event"),
	TypePrefix: "com.patreon",
	NeedsJSON:  true,
	Headers:    []string{"X-Patreon-Event"},

	Category: "commerce",
	Setup:    "Create the webhook in the creator's platform portal or with the API v2; its secret is shown there.",
	Retries:  "Repeated with pauses; the webhook is paused after many failures, and what waits is sent when it is resumed.",
	Notes: []string{
		"The header with the event's type is not signed.",
		"A delivery has no id: signature and type stand in for it.",
	},
	Sources: []string{
		"https://docs.patreon.com/#webhooks",
		"github Patreon/platform-documentation source/includes/_webhooks_v2.md",
	},
	Confidence: verifiers.High,
})
