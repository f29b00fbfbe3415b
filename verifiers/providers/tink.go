package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Tink advises a window of no less than five minutes. Events have no id, so the
// signature serves as one: it tells a repeated request from a new one, though not
// a retry that is signed anew.
var Tink = add(verifiers.Provider{
	Name:  "tink",
	Title: "Tink",
	Docs:  "https://docs.tink.com/resources/api-setup/webhook-signature-validation",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Tink-Signature").KV("v1"),
			Content:   "{timestamp}.{body}",
			Timestamp: verifiers.Header("X-Tink-Signature").KV("t"),
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the secret returned when the webhook endpoint was created",
	ID:         verifiers.Header("X-Tink-Signature").KV("v1").Lower(),
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.tink",

	Category: "payments",
	Setup:    "Create the webhook endpoint with the Events API; the answer has its secret.",
	Retries:  "Repeated for a while; the schedule is not stated.",
	Notes: []string{
		"Keys of the header other than t and v1 are to be ignored.",
		"An event has no id of its own: a retry with a new timestamp is a new event.",
	},
	Sources:    []string{"https://docs.tink.com/resources/api-setup/webhook-signature-validation"},
	Confidence: verifiers.High,
})
