package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// StandardWebhooksEd25519 is the asymmetric scheme, v1a, of Standard Webhooks.
// The reference libraries do not implement it; a v1 signature in the same
// header is ignored.
var StandardWebhooksEd25519 = add(verifiers.Provider{
	Name:  "standard-webhooks-ed25519",
	Title: "Standard Webhooks (Ed25519)",
	Docs:  StandardWebhooks.Docs,
	Scheme: verifiers.Ed25519{
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Webhook-Signature").Split(" ").Trim("v1a,"),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.Header("Webhook-Timestamp"),
			ID:        verifiers.Header("Webhook-Id"),
			Content:   "{id}.{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
			Key:       verifiers.KeyWhpk,
		},
	},
	SecretHint:   "the sender's public key, whpk_ and base64",
	ID:           verifiers.Header("Webhook-Id"),
	Type:         verifiers.JSON("/type"),
	Time:         verifiers.JSON("/timestamp"),
	TypePrefix:   StandardWebhooks.TypePrefix,
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    standardRetries,

	Category: "generic",
	Setup:    "The sender shows its public key, whpk_..., where it lists the endpoint.",
	Retries:  "As the sender likes; the specification proposes ten times within about three days.",
	Notes: []string{
		"The official libraries do not verify v1a.",
	},
	Sources: []string{
		"https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
		"the unit tests of the Svix server",
	},
	Confidence: verifiers.High,
})
