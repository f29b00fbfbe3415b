package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// BigCommerce uses the headers of Standard Webhooks, but the key is the app's
// client secret as it is. Its example encodes the secret in base64, only
// because the library there decodes it again.
var BigCommerce = add(verifiers.Provider{
	Name:       "bigcommerce",
	Title:      "BigCommerce",
	Docs:       "https://developer.bigcommerce.com/docs/integrations/webhooks/https-webhook-overview",
	Scheme:     plainKey(verifiers.StandardWebhooks()),
	SecretHint: "the client secret of the app that made the webhook, as it is",
	ID:         verifiers.Header("Webhook-Id"),
	Type:       verifiers.JSON("/scope"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.bigcommerce",
	NeedsJSON:  true,
	RetrySpan:  48 * time.Hour,

	Category: "commerce",
	Setup:    "Webhooks are made through the API (POST /v3/hooks). The client secret is that of the API account or app, in the developer portal.",
	Retries:  "11 times, after 60 seconds first and 24 hours last, about 48 hours in all; the webhook is then deactivated.",
	Notes: []string{
		"The secret is not base64 and has no prefix.",
		"The member hash of the body is that of its content and not an id: it repeats for events that are alike.",
		"A domain of which less than 90 % of the deliveries succeed within two minutes is blocked for three.",
	},
	Sources: []string{
		"https://developer.bigcommerce.com/docs/integrations/webhooks/https-webhook-overview",
		"https://github.com/bigcommerce/docs docs/integrations/webhooks/https-webhook-overview.mdx",
	},
	Confidence: verifiers.High,
})

// plainKey is the scheme of Standard Webhooks where the secret is a text that
// must not be decoded.
func plainKey(h verifiers.HMAC) verifiers.HMAC {
	h.Key = verifiers.KeyText
	return h
}
