package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Wise signs the body with one RSA key for all its customers: the signature
// proves that a request is from Wise and not that it is about you. The older
// X-Signature is RSA with SHA-1 over the same body and is not looked at. The
// test notification with which a subscription begins is answered and not
// published, whether it is signed or not.
var Wise = add(verifiers.Provider{
	Name:  "wise",
	Title: "Wise",
	Docs:  "https://docs.wise.com/guides/developer/webhooks/event-handling",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature-SHA256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
			Key:       verifiers.KeyAny,
		},
	},
	SecretHint: "Wise's public key (PEM) for production or for the sandbox, as its documentation shows it",
	ID:         verifiers.Header("X-Delivery-Id"),
	Type:       verifiers.JSON("/event_type"),
	Time:       verifiers.JSON("/sent_at"),
	TypePrefix: "com.wise",
	Handshakes: []verifiers.Handshake{{
		Name: "test_notification",
		When: []verifiers.Match{verifiers.Header("X-Test-Notification").Is("true")},
	}},
	NeedsJSON: true,
	RetrySpan: 96 * time.Hour,
	Headers:   []string{"X-Delivery-Id", "X-Test-Notification"},

	Category: "payments",
	Setup:    "Add the webhook under Settings > Developer tools > Webhooks, or through the API. The public keys are on Wise's page about event handling.",
	Retries:  "Up to 25 times within about two weeks by report, of which the deduplication window covers 96 hours.",
	Notes: []string{
		"Production and sandbox have different keys.",
		"X-Signature is the SHA-1 twin and is not looked at.",
		"The key is the same for all customers: check that the resource is yours.",
	},
	Sources: []string{
		"https://docs.wise.com/guides/developer/webhooks/event-handling",
		"https://github.com/transferwise/digital-signatures-examples verify-webhook-signature",
		"npm n8n-nodes-base@2.41.2 Wise node",
	},
	Confidence: verifiers.High,
})
