package providers

import "github.com/caddy-webhooks/caddy-webhooks/verifiers"

// Buy Me a Coffee signs the body only; nothing limits replay but the event's
// id.
var BuyMeACoffee = add(verifiers.Provider{
	Name:  "buy-me-a-coffee",
	Title: "Buy Me a Coffee",
	Docs:  "https://studio.buymeacoffee.com/webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Signature-Sha256"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook's secret, in the studio under Webhooks",
	ID:         verifiers.First(verifiers.JSON("/event_id"), verifiers.Header("X-Signature-Sha256").Lower()),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created"),
	TypePrefix: "com.buymeacoffee",
	NeedsJSON:  true,

	Category:   "commerce",
	Setup:      "Create the webhook under Webhooks in the studio and copy its secret.",
	Retries:    "Not stated on the pages read.",
	Sources:    []string{"https://studio.buymeacoffee.com/webhooks"},
	Confidence: verifiers.Medium,
})
