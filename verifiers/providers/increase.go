package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Increase follows Standard Webhooks, with a secret that is used as it is: its
// SDK hands the bytes of the text over and does not decode them. Older
// subscriptions have a header of their own, with the time as a date. Real-time
// decisions need an answer of an application and do not belong behind a gateway.
var Increase = add(verifiers.Provider{
	Name:       "increase",
	Title:      "Increase",
	Docs:       "https://increase.com/documentation/webhooks",
	Scheme:     oneOf{increaseStandard(), increaseHMAC},
	SecretHint: "the shared secret of the event subscription",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/category"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.increase",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Create an event subscription in the dashboard under Developers > Webhooks, or through the API, with a shared secret of your own.",
	Signs:    "Standard Webhooks, or time and body with a dot between them, with HMAC-SHA256",
	Retries:  "By report up to seven times with growing pauses.",
	Notes: []string{
		"The secret is not decoded, even if it begins with whsec_.",
		"The older Increase-Webhook-Signature has a date as its time.",
	},
	Sources: []string{
		"https://increase.com/documentation/webhooks",
		"https://github.com/Increase/increase-python src/increase/resources/events.py, tests/api_resources/test_webhooks.py",
		"https://github.com/formancehq/payments ce/plugins/increase/webhooks.go",
	},
	Confidence: verifiers.High,
})

var increaseHeader = verifiers.Header("Increase-Webhook-Signature")

// increaseHMAC is how older subscriptions sign.
var increaseHMAC = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
	Signature: increaseHeader.KV("v1"),
	Content:   "{timestamp}.{body}",
	Timestamp: increaseHeader.KV("t"),
	Unit:      verifiers.RFC3339,
}}

// increaseStandard is Standard Webhooks with a secret that is not decoded.
func increaseStandard() verifiers.HMAC {
	s := verifiers.StandardWebhooks()
	s.Key = verifiers.KeyText
	return s
}
