package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Shopify signs the body only: topic, shop, ids and times are headers that
// anybody on the way can change, and nothing limits replay. Webhooks carry
// X-Shopify-* headers and the newer events Shopify-* ones. Hooks made in the
// admin are signed with a secret of their own, not with the app's.
var Shopify = add(verifiers.Provider{
	Name:  "shopify",
	Title: "Shopify",
	Docs:  "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.First(
				verifiers.Header("X-Shopify-Hmac-Sha256"),
				verifiers.Header("Shopify-Hmac-Sha256"),
			),
			Encoding: verifiers.Base64,
			Content:  "{body}",
		},
	},
	SecretHint: "the app's client secret, or the secret shown under Settings > Notifications > Webhooks",
	ID:         verifiers.First(verifiers.Header("X-Shopify-Webhook-Id"), verifiers.Header("Shopify-Webhook-Id")),
	Type: verifiers.First(
		verifiers.Header("X-Shopify-Topic"),
		verifiers.Join("/", verifiers.Header("Shopify-Topic"), verifiers.Header("Shopify-Action")),
	),
	Time: verifiers.First(
		verifiers.Header("X-Shopify-Triggered-At"),
		verifiers.Header("Shopify-Triggered-At"),
	),
	TypePrefix:   "com.shopify",
	ContentTypes: []string{"application/json", "application/xml"},
	Deadline:     5 * time.Second,
	RetrySpan:    4 * time.Hour,
	Headers: []string{
		"X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Api-Version",
		"X-Shopify-Webhook-Id", "X-Shopify-Event-Id", "X-Shopify-Triggered-At",
		"Shopify-Topic", "Shopify-Action", "Shopify-Shop-Domain", "Shopify-Api-Version",
		"Shopify-Webhook-Id", "Shopify-Event-Id", "Shopify-Triggered-At",
	},

	Category: "commerce",
	Setup:    "Subscribe with the Admin API or shopify.app.toml; the secret is the client secret of the app, under API credentials. Webhooks made in the admin show theirs under Settings > Notifications.",
	Retries:  "Eight times within four hours; then a subscription made with the API is removed.",
	Notes: []string{
		"Topic, shop and id are in headers that are not signed.",
	},
	Sources: []string{
		"https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
		"npm @shopify/shopify-api webhooks.validate",
	},
	Confidence: verifiers.High,
})
