package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Tink advises a window of no less than five minutes. Events have no id.
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
	Type:       verifiers.JSON("/event"),
	TypePrefix: "com.tink",

	Category: "payments",
	Setup:    "Create the webhook endpoint with the Events API; the answer has its secret.",
	Retries:  "Repeated for a while; the schedule is not stated.",
	Notes: []string{
		"Keys of the header other than t and v1 are to be ignored.",
		"An event has no id of its own.",
	},
	Sources:    []string{"https://docs.tink.com/resources/api-setup/webhook-signature-validation"},
	Confidence: verifiers.High,
})
