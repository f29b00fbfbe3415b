package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Primer sends a second signature, with the other of two secrets, while a
// secret is being changed. Either is enough.
var Primer = add(verifiers.Provider{
	Name:       "primer",
	Title:      "Primer",
	Docs:       "https://primer.io/docs/payments/webhooks",
	Scheme:     oneOf{primerHMAC("X-Signature-Primary"), primerHMAC("X-Signature-Secondary")},
	SecretHint: "the webhook signing secret",
	ID:         verifiers.First(verifiers.Header("X-Signature-Primary"), verifiers.Header("X-Signature-Secondary")),
	Type:       verifiers.JSON("/eventType"),
	Time:       verifiers.JSON("/signedAt"),
	TypePrefix: "io.primer",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Add the webhook under Developers > Webhooks of the dashboard and copy the signing secret.",
	Signs:    "{body}",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"X-Signature-Secondary is that of the second secret while secrets are rotated.",
		"An event has no id: the signature, the same for the same bytes, stands in for it.",
	},
	Sources:    []string{"https://primer.io/docs/payments/webhooks"},
	Confidence: verifiers.Medium,
})

func primerHMAC(header string) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header(header),
		Encoding:  verifiers.Base64,
		Content:   "{body}",
	}}
}
