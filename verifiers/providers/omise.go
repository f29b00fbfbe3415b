package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Omise shows the secret as base64 and signs with the bytes that it stands for.
// While a secret is being changed the header has two signatures. Older accounts
// send events without any; they are refused.
var Omise = add(verifiers.Provider{
	Name:    "omise",
	Aliases: []string{"opn-payments"},
	Title:   "Omise (Opn Payments)",
	Docs:    "https://docs.opn.ooo/api-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Omise-Signature").Split(","),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("Omise-Signature-Timestamp"),
			Tolerance: 5 * time.Minute,
			Key:       verifiers.KeyBase64,
		},
	},
	SecretHint: "the webhook secret, base64, under Webhooks",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/key"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "co.omise",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Enter the endpoint under Webhooks of the dashboard and copy the secret there.",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"The secret is base64 and has to be decoded.",
		"An event without a signature is refused, although older accounts send such.",
	},
	Sources:    []string{"https://docs.opn.ooo/api-webhooks"},
	Confidence: verifiers.Medium,
})
