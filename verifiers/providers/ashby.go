package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Ashby names neither the delivery nor the event. An answer of 400 or more to
// the ping on creation switches the webhook off; it is signed and published like
// the others.
var Ashby = add(verifiers.Provider{
	Name:  "ashby",
	Title: "Ashby",
	Docs:  "https://developers.ashbyhq.com/docs/authenticating-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Ashby-Signature").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret token of the webhook",
	Type:       verifiers.JSON("/action"),
	TypePrefix: "com.ashbyhq",
	NeedsJSON:  true,
	MaxBody:    4 << 20,

	Category: "saas",
	Setup:    "Create the webhook under Admin > Integrations > Webhooks, with a secret token.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret token nothing is signed, and nothing is accepted.",
	},
	Sources: []string{
		"https://developers.ashbyhq.com/docs/authenticating-webhooks",
	},
	Confidence: verifiers.Medium,
})
