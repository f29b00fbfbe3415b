package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Squarespace shows the secret as hexadecimal digits and signs with the bytes
// that they stand for. The signature covers the body, which has an id.
var Squarespace = add(verifiers.Provider{
	Name:  "squarespace",
	Title: "Squarespace (Commerce)",
	Docs:  "https://developers.squarespace.com/commerce-apis/webhook-subscriptions-overview",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Squarespace-Signature"),
			Content:   "{body}",
			Key:       verifiers.KeyHex,
		},
	},
	SecretHint: "the subscription's secret, hexadecimal",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/topic"),
	Time:       verifiers.JSON("/createdOn"),
	TypePrefix: "com.squarespace",
	NeedsJSON:  true,

	Category: "commerce",
	Setup:    "Create the subscription with the API, authorised with OAuth; the answer has its secret.",
	Retries:  "Not documented.",
	Notes: []string{
		"The secret is hexadecimal and has to be decoded.",
	},
	Sources: []string{
		"https://developers.squarespace.com/commerce-apis/webhook-subscriptions-overview",
	},
	Confidence: verifiers.Medium,
})
