package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Svix is Standard Webhooks with headers of its own names. Senders that use
// Svix without showing it send webhook-* instead; as in the official library,
// svix-* goes first, header by header. The event type is the sender's choice
// and mostly a member "type".
var Svix = add(verifiers.Provider{
	Name:  "svix",
	Title: "Svix",
	Docs:  "https://docs.svix.com/receiving/verifying-payloads/how-manual",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(
				verifiers.Header("Svix-Signature").Split(" ").Trim("v1,"),
				verifiers.Header("Webhook-Signature").Split(" ").Trim("v1,"),
			),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.First(verifiers.Header("Svix-Timestamp"), verifiers.Header("Webhook-Timestamp")),
			ID:        verifiers.First(verifiers.Header("Svix-Id"), verifiers.Header("Webhook-Id")),
			Content:   "{id}.{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
			Key:       verifiers.KeyWhsec,
		},
	},
	SecretHint:   "the endpoint's signing secret, whsec_ and base64",
	ID:           verifiers.First(verifiers.Header("Svix-Id"), verifiers.Header("Webhook-Id")),
	Type:         verifiers.First(verifiers.JSON("/type"), verifiers.JSON("/event_type")),
	TypePrefix:   "com.svix",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Deadline:     15 * time.Second,
	RetrySpan:    28 * time.Hour,
})
