package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Coinbase Commerce wraps the event: the outer id is that of the attempt, the
// inner one that of the event.
var CoinbaseCommerce = add(verifiers.Provider{
	Name:  "coinbase-commerce",
	Title: "Coinbase Commerce",
	Docs:  "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-CC-Webhook-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the webhook shared secret under Settings > Notifications",
	ID:         verifiers.JSON("/event/id"),
	Type:       verifiers.JSON("/event/type"),
	Time:       verifiers.JSON("/event/created_at"),
	TypePrefix: "com.coinbase.commerce",
	NeedsJSON:  true,
	RetrySpan:  72 * time.Hour,

	Category: "payments",
	Setup:    "Add the endpoint under Settings > Notifications and copy the shared secret there.",
	Retries:  "With growing pauses for up to three days, by report.",
	Notes: []string{
		"The member id of the envelope differs with each attempt; event.id does not.",
		"Webhooks of the Coinbase Developer Platform are signed in another way: coinbase-cdp.",
	},
	Sources: []string{
		"https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security",
		"npm coinbase-commerce-node@1.0.4 Webhook.verifySigHeader",
	},
	Confidence: verifiers.High,
})
