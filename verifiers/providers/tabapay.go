package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TabaPay labels signatures by the secret and not by the scheme: v1 is made
// with the current secret and, for 48 hours after a change, v2 with the one
// before. Either is enough.
var TabaPay = add(verifiers.Provider{
	Name:       "tabapay",
	Title:      "TabaPay",
	Docs:       "https://developers.tabapay.com/reference/verifying-webhook-signatures",
	Scheme:     oneOf{tabapayHMAC("v1"), tabapayHMAC("v2")},
	SecretHint: "the secret that POST /v2/clients/{ClientID}/webhooks/secrets returned",
	ID:         verifiers.Header("Idempotency-Key"),
	Type:       verifiers.First(verifiers.JSON("/eventType"), verifiers.JSON("/type")),
	TypePrefix: "com.tabapay",
	NeedsJSON:  true,
	Headers:    []string{"Idempotency-Key"},

	Category: "payments",
	Setup:    "Create a secret with POST /v2/clients/{ClientID}/webhooks/secrets and the body {}; it is shown once.",
	Signs:    "{timestamp}.{body}",
	Retries:  "Repeated with the same Idempotency-Key; the schedule is not stated on the pages read.",
	Notes: []string{
		"v2 is no newer scheme but the signature with the previous secret.",
		"Idempotency-Key, which serves as the id, is not signed.",
	},
	Sources: []string{
		"https://developers.tabapay.com/reference/verifying-webhook-signatures",
		"https://developers.tabapay.com/reference/webhook-signature-headers",
	},
	Confidence: verifiers.High,
})

func tabapayHMAC(label string) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Hmac-Signature").KV(label),
		Content:   "{timestamp}.{body}",
		Timestamp: verifiers.Header("X-Hmac-Signature").KV("t"),
		Tolerance: 5 * time.Minute,
	}}
}
