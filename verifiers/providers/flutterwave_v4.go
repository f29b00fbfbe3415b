package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Flutterwave v4 signs the body in base64, with the same secret hash that v3
// repeats in the clear. The header of v3 is not looked at: accepting it would
// throw the signature away.
var FlutterwaveV4 = add(verifiers.Provider{
	Name:  "flutterwave-v4",
	Title: "Flutterwave (v4)",
	Docs:  "https://developer.flutterwave.com/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Flutterwave-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret hash under Settings > Webhooks",
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "com.flutterwave",
	NeedsJSON:  true,

	Category:   "payments",
	Setup:      "Enter the URL and a secret hash of your choice under Settings > Webhooks of the dashboard.",
	Retries:    "Off by default; if switched on, three times with pauses of 30 minutes by report.",
	Notes:      []string{"The header verif-hash of v3 is not accepted in its place."},
	Sources:    []string{"https://developer.flutterwave.com/docs/webhooks"},
	Confidence: verifiers.Medium,
})
