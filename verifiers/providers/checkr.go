package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Checkr has no secret for webhooks: the key of the account's API signs them.
var Checkr = add(verifiers.Provider{
	Name:  "checkr",
	Title: "Checkr",
	Docs:  "https://docs.checkr.com/#section/Webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Checkr-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the account's API key, or the client secret for partners",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.checkr",
	NeedsJSON:  true,
	RetrySpan:  24 * time.Hour,

	Category: "saas",
	Setup:    "Add the endpoint under Account Settings > Developer Settings > Webhooks.",
	Retries:  "Every minute at first, then with growing pauses, for up to 24 hours by report.",
	Notes: []string{
		"The key is the API key: replacing it replaces the signatures at once, so configure both for the time between.",
	},
	Sources: []string{
		"https://docs.checkr.com/#section/Webhooks",
	},
	Confidence: verifiers.Medium,
})
