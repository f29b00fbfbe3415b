package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Cashfree signs the timestamp and the body with nothing between them. The
// pseudo code of its documentation has a dot there; the samples below it and
// the SDK, which we follow, have none. The timestamp is in milliseconds and is
// described as that of the event, so the window spans the retries, which the
// merchant may stretch.
var Cashfree = add(verifiers.Provider{
	Name:  "cashfree",
	Title: "Cashfree Payments",
	Docs:  "https://www.cashfree.com/docs/payments/online/webhooks/signature-verification",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("X-Webhook-Signature"),
			Encoding:  verifiers.Base64,
			Content:   "{timestamp}{body}",
			Timestamp: verifiers.Header("X-Webhook-Timestamp"),
			Unit:      verifiers.Milliseconds,
			Tolerance: 24 * time.Hour,
		},
	},
	SecretHint: "the client secret (API secret key) of the payment gateway",
	ID: verifiers.First(
		verifiers.Join(".",
			verifiers.JSON("/data/refund/cf_refund_id"), verifiers.JSON("/type"), verifiers.JSON("/data/refund/refund_status"),
		),
		verifiers.Join(".", verifiers.JSON("/data/payment/cf_payment_id"), verifiers.JSON("/type")),
		verifiers.Header("X-Webhook-Signature"),
	),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/event_time"),
	TypePrefix: "com.cashfree",
	NeedsJSON:  true,
	Headers:    []string{"X-Webhook-Version"},

	Category: "payments",
	Setup:    "Add the endpoint under Developers > Webhooks of the merchant dashboard. The key is the client secret under API Keys.",
	Retries:  "As set for the endpoint: by default three times, after 2, 10 and 30 minutes; at most ten times. Whatever is not a 200 is repeated.",
	Notes: []string{
		"There is no dot between timestamp and body, although the pseudo code shows one.",
		"Amounts such as 1.00 change when JSON is written anew: only the raw body verifies.",
		"An event has no id of its own: that of the payment or refund goes with the type.",
	},
	Sources: []string{
		"https://www.cashfree.com/docs/payments/online/webhooks/signature-verification",
		"https://www.cashfree.com/docs/payments/subscription/webhook-signature",
		"https://www.cashfree.com/docs/api-reference/webhooks/reliability-and-operations",
		"npm cashfree-pg@6.0.6 PGVerifyWebhookSignature",
	},
	Confidence: verifiers.High,
})
