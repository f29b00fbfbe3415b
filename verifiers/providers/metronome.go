package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Metronome signs the text of a date header, a line break and the body. The
// date has a header of its own; where that is lacking it is Date, which a proxy
// may rewrite.
var Metronome = add(verifiers.Provider{
	Name:  "metronome",
	Title: "Metronome",
	Docs:  "https://docs.metronome.com/manage-product-access/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Metronome-Webhook-Signature"),
			Content:   "{timestamp}\n{body}",
			Timestamp: verifiers.First(verifiers.Header("X-Metronome-Date"), verifiers.Header("Date")),
			Unit:      verifiers.HTTPDate,
		},
	},
	SecretHint: "the webhook's secret key",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.metronome",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the webhook under Connections > Webhooks; its secret key is shown there.",
	Signs:    "The text of X-Metronome-Date, or of Date, a line break and the body, with HMAC-SHA256",
	Retries:  "Not documented.",
	Notes: []string{
		"The date is signed as it is written.",
	},
	Sources: []string{
		"https://docs.metronome.com/manage-product-access/webhooks/",
	},
	Confidence: verifiers.Medium,
})
