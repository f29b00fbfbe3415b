package providers

import (
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Checkout.com signs where the workflow has a signature key; the static text
// that it can send in Authorization as well proves less and is not looked at.
var CheckoutCom = add(verifiers.Provider{
	Name:  "checkout-com",
	Title: "Checkout.com",
	Docs:  "https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Header("Cko-Signature"),
			Content:   "{body}",
		},
	},
	SecretHint: "the signature key of the workflow",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_on"),
	TypePrefix: "com.checkout",
	NeedsJSON:  true,
	Deadline:   10 * time.Second,
	RetrySpan:  32 * time.Hour,

	Category: "payments",
	Setup:    "Add a webhook action to a workflow with a signature key.",
	Retries:  "Eight times within about 30 hours.",
	Notes: []string{
		"The key is used as text, not decoded.",
		"Without a signature key nothing is signed, and nothing is accepted.",
	},
	Sources: []string{
		"https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks",
	},
	Confidence: verifiers.High,
})
