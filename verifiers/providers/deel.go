package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Deel writes the word POST before the body and signs that, which some receivers
// miss.
var Deel = add(verifiers.Provider{
	Name:  "deel",
	Title: "Deel",
	Docs:  "https://developer.deel.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Deel-Signature"),
			Content:   "POST{body}",
		},
	},
	SecretHint: "the signing key of the webhook",
	ID:         verifiers.JSON("/data/meta/tracking_id"),
	Type:       verifiers.JSON("/data/meta/event_type"),
	TypePrefix: "com.deel",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create the webhook under Developer > Webhooks; its signing key is shown there.",
	Retries:  "Ten times.",
	Notes: []string{
		"The method is part of what is signed.",
	},
	Sources: []string{
		"https://developer.deel.com/docs/webhooks",
	},
	Confidence: verifiers.Medium,
})
