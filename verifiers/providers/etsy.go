package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Etsy follows Standard Webhooks.
var Etsy = add(verifiers.Provider{
	Name:       "etsy",
	Title:      "Etsy",
	Docs:       "https://developers.etsy.com/documentation/",
	Scheme:     verifiers.StandardWebhooks(),
	SecretHint: "the signing secret of the webhook, whsec_…",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/event_type"),
	TypePrefix: "com.etsy",
	NeedsJSON:  true,

	Category:   "commerce",
	Setup:      "Create the webhook in the developer account of your app and copy its signing secret.",
	Retries:    "Not stated on the pages read.",
	Notes:      []string{"The secret is base64 after whsec_."},
	Sources:    []string{"https://developers.etsy.com/documentation/"},
	Confidence: verifiers.Medium,
})
