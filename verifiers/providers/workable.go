package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Workable signs with the token with which the subscription was made.
var Workable = add(verifiers.Provider{
	Name:  "workable",
	Title: "Workable",
	Docs:  "https://workable.readme.io/reference/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Workable-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the access token, or the client secret of a partner, with which the subscription was made",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/fired_at"),
	TypePrefix: "com.workable",
	NeedsJSON:  true,

	Category: "saas",
	Setup:    "Create the subscription with the API.",
	Retries:  "Not documented.",
	Notes: []string{
		"A new access token needs a new subscription.",
	},
	Sources: []string{
		"https://workable.readme.io/reference/webhooks",
	},
	Confidence: verifiers.Medium,
})
