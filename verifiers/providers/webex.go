package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Webex signs with SHA-1. Nothing names the delivery: id is that of the webhook.
var Webex = add(verifiers.Provider{
	Name:  "webex",
	Title: "Webex",
	Docs:  "https://developer.webex.com/docs/api/guides/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Spark-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the secret given when the webhook was created",
	Type:       verifiers.Join(".", verifiers.JSON("/resource"), verifiers.JSON("/event")),
	TypePrefix: "com.webex",
	NeedsJSON:  true,

	Category: "comms",
	Setup:    "Create the webhook with the API, with a secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"Without a secret there is no header, and nothing is accepted.",
		"The event only names an object: read it from the API.",
	},
	Sources: []string{
		"https://developer.webex.com/docs/api/guides/webhooks",
	},
	Confidence: verifiers.Medium,
})
