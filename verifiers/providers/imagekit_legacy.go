package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// ImageKitLegacy is the older signature of ImageKit. The time is in
// milliseconds, and the key is the text of the secret. ImageKit's library
// returned the time and left the window to the receiver.
var ImageKitLegacy = add(verifiers.Provider{
	Name:  "imagekit-legacy",
	Title: "ImageKit (x-ik-signature)",
	Docs:  "https://imagekit.io/docs/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Ik-Signature").KV("v1"),
			Timestamp: verifiers.Header("X-Ik-Signature").KV("t"),
			Unit:      verifiers.Milliseconds,
			Content:   "{timestamp}.{body}",
			Tolerance: 5 * time.Minute,
		},
	},
	SecretHint: "the webhook's secret, as text with its whsec_",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "io.imagekit",
	NeedsJSON:  true,

	Category: "media",
	Setup:    "Webhooks made under Developer options > Webhooks before the change to Standard Webhooks sign in this way; the secret is shown there.",
	Retries:  "Not documented.",
	Notes: []string{
		"t is in milliseconds.",
	},
	Sources: []string{
		"https://imagekit.io/docs/webhooks",
		"npm imagekit@6.0.0 verifyWebhookEvent",
	},
	Confidence: verifiers.High,
})
