package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Hookdeck forwards what a source sent and signs the body. While its secret is
// being rotated a second header carries the signature with the other one; either
// will do. The headers of the source are kept, so that a request may carry two
// signatures: this one is Hookdeck's.
var Hookdeck = add(verifiers.Provider{
	Name:       "hookdeck",
	Title:      "Hookdeck (Event Gateway)",
	Docs:       "https://hookdeck.com/docs/authentication#hookdeck-webhook-signature-verification",
	Scheme:     variants{hookdeckHMAC("X-Hookdeck-Signature"), hookdeckHMAC("X-Hookdeck-Signature-2")},
	SecretHint: "the project's signing secret, under Settings > Secrets",
	ID:         verifiers.Header("X-Hookdeck-Eventid"),
	Type:       verifiers.First(verifiers.JSON("/type"), verifiers.Header("X-Hookdeck-Source-Name")),
	TypePrefix: "com.hookdeck",
	Methods:    []string{"POST", "PUT", "PATCH", "DELETE", "GET"},
	Headers:    []string{"X-Hookdeck-Attempt-Count", "X-Hookdeck-Requestid", "X-Hookdeck-Source-Name", "X-Hookdeck-Verified"},

	Category: "generic",
	Setup:    "Create a destination with the URL and leave its authentication on Hookdeck signature; the secret is under Settings > Secrets of the project.",
	Signs:    "HMAC-SHA256 of the body in base64, in either of two headers",
	Retries:  "As the connection's retry rule says.",
	Notes: []string{
		"While the secret is rotated the second signature is in X-Hookdeck-Signature-2.",
		"X-Hookdeck-Verified says whether Hookdeck verified the source; it is not signed.",
		"A transformation of the body invalidates the signature of the source.",
	},
	Sources: []string{
		"https://hookdeck.com/docs/authentication",
		"https://github.com/hookdeck/webhook-skills skills/hookdeck-event-gateway-webhooks",
	},
	Confidence: verifiers.High,
})

func hookdeckHMAC(header string) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header(header),
		Encoding:  verifiers.Base64,
		Content:   "{body}",
	}}
}
