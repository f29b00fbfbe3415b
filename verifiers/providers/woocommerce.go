package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// WooCommerce proves a new webhook with a form that holds its number and is
// not signed; the webhook is only switched on if that is answered with a 2xx.
// The id of a delivery is made of the webhook's number and the second, so two
// events in one second share it: it is handed on and not used to find
// duplicates.
var WooCommerce = add(verifiers.Provider{
	Name:  "woocommerce",
	Title: "WooCommerce",
	Docs:  "https://woocommerce.com/document/webhooks/",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-WC-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{body}",
		},
	},
	SecretHint: "the secret of the webhook, as shown in its settings",
	Type:       verifiers.Header("X-WC-Webhook-Topic"),
	TypePrefix: "com.woocommerce",
	Handshakes: []verifiers.Handshake{{
		Name: "ping",
		When: []verifiers.Match{verifiers.Form("webhook_id").Present(), verifiers.Header("X-WC-Webhook-Signature").Absent()},
	}},
	NeverRetries: true,
	Headers:      []string{"X-Wc-Webhook-Topic", "X-Wc-Webhook-Resource", "X-Wc-Webhook-Event", "X-Wc-Webhook-Id", "X-Wc-Webhook-Delivery-Id", "X-Wc-Webhook-Source"},

	Category: "commerce",
	Setup:    "Add the webhook under WooCommerce > Settings > Advanced > Webhooks; the secret is in the same form.",
	Retries:  "None; by report the webhook is switched off after five failures in a row.",
	Notes: []string{
		"The ping that switches a webhook on is a form without a signature.",
		"Two events within one second have the same delivery id.",
		"Topic and ids are headers and not signed.",
	},
	Sources: []string{
		"https://woocommerce.com/document/webhooks/",
		"npm n8n-nodes-base@2.41.2 WooCommerceTrigger",
	},
	Confidence: verifiers.Medium,
})
