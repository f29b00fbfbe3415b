package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Zendesk signs an ISO 8601 time and the body, with nothing between them. The
// secret looks like base64 and is used as text. A webhook that belongs to a
// trigger has the body and the method that its owner chose, and that body may
// well have an id of something else: the id is the invocation's.
var Zendesk = add(verifiers.Provider{
	Name:  "zendesk",
	Title: "Zendesk",
	Docs:  "https://developer.zendesk.com/documentation/webhooks/verifying/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Zendesk-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Timestamp: verifiers.Header("X-Zendesk-Webhook-Signature-Timestamp"),
			Unit:      verifiers.RFC3339,
			Content:   "{timestamp}{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's signing secret, as it is shown, not decoded",
	ID:         verifiers.Header("X-Zendesk-Webhook-Invocation-Id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/time"),
	TypePrefix: "com.zendesk",
	Methods:    []string{"POST", "PUT", "PATCH", "DELETE", "GET"},
	Deadline:   12 * time.Second,
	Headers:    []string{"X-Zendesk-Webhook-Id", "X-Zendesk-Account-Id"},

	Category: "crm",
	Setup:    "Create the webhook in the Admin Center under Apps and integrations > Webhooks. Its page reveals the signing secret.",
	Retries:  "After a 409 up to three times, after a timeout up to five; after 429 or 503 if Retry-After is below 60 seconds. A circuit breaker pauses endpoints that fail.",
	Notes: []string{
		"Tests made before the webhook is saved are signed with a secret that is the same for everybody, and are refused here: save first.",
		"X-Zendesk-Webhook-Id names the webhook, not the event.",
	},
	Sources: []string{
		"https://developer.zendesk.com/documentation/webhooks/verifying/",
	},
	Confidence: verifiers.Medium,
})
