package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Bolt signs the body only.
var Bolt = add(verifiers.Provider{
	Name:  "bolt",
	Title: "Bolt",
	Docs:  "https://help.bolt.com/developers/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Bolt-Hmac-Sha256"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the merchant's signing secret",
	ID:         verifiers.Header("X-Bolt-Hmac-Sha256"),
	Type:       verifiers.JSON("/type"),
	TypePrefix: "com.bolt",
	NeedsJSON:  true,
	Headers:    []string{"X-Bolt-Trace-Id"},

	Category: "commerce",
	Setup:    "Enter the webhook URL in the merchant dashboard under Developers; the signing secret is on the same page.",
	Retries:  "By report with growing pauses.",
	Notes: []string{
		"X-Bolt-Trace-Id is not signed and is not known to stay the same in retries, so the signature, the same for the same bytes, serves as the event's id.",
	},
	Sources:    []string{"https://help.bolt.com/developers/webhooks/"},
	Confidence: verifiers.Medium,
})
