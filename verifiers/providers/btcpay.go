package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// BTCPay Server gives each attempt an id of its own; the one that stays the
// same is that of the first delivery.
var BTCPay = add(verifiers.Provider{
	Name:  "btcpay",
	Title: "BTCPay Server",
	Docs:  "https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Btcpay-Sig").Trim("sha256="),
			Content:   "{body}",
		},
	},
	SecretHint: "the store webhook's secret",
	ID:         verifiers.First(verifiers.JSON("/originalDeliveryId"), verifiers.JSON("/deliveryId")),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/timestamp"),
	TypePrefix: "org.btcpayserver",
	NeedsJSON:  true,
	RetrySpan:  2 * time.Hour,

	Category: "payments",
	Setup:    "Create the webhook under Settings > Webhooks of the store and copy its secret.",
	Retries:  "After 10 seconds, after a minute and then up to six times every 10 minutes.",
	Notes: []string{
		"deliveryId differs in each attempt; originalDeliveryId does not.",
	},
	Sources: []string{
		"https://docs.btcpayserver.org/API/Greenfield/v1/#tag/Webhooks",
		"github btcpayserver/btcpayserver-greenfield-php src/Client/Webhook.php",
	},
	Confidence: verifiers.High,
})
