package providers

import (
	"maps"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Peach Payments signs names and values of all fields in order of their names
// with nothing between them, and leaves its own field out.
var PeachPayments = add(verifiers.Provider{
	Name:  "peach-payments",
	Title: "Peach Payments Checkout",
	Docs:  "https://developer.peachpayments.com/docs/checkout-webhooks",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Form("signature"),
			Content:   "{custom}",
			Custom:    appendPeach,
			CustomCovers: verifiers.Coverage{Form: []string{
				"id", "checkoutId", "merchantTransactionId", "amount", "currency", "paymentType",
				"result.code", "result.description", "timestamp",
			}},
		},
	},
	SecretHint: "the secret token of the Checkout channel, under API keys",
	ID: verifiers.First(
		verifiers.Join(".", verifiers.First(verifiers.Form("id"), verifiers.Form("checkoutId")), verifiers.Form("result.code")),
		verifiers.Form("signature").Lower(),
	),
	Type:       verifiers.First(verifiers.Form("paymentType"), verifiers.Form("result.code")),
	Time:       verifiers.Form("timestamp"),
	TypePrefix: "com.peachpayments",
	RetrySpan:  96 * time.Hour,

	Category: "payments",
	Setup:    "Enter the webhook URL for Checkout in the dashboard; the secret token is under Checkout > API keys.",
	Signs:    "Names and values of all fields but the signature, in order of the names",
	Retries:  "By report for up to 30 days; events are remembered for 96 hours.",
	Notes: []string{
		"The template is that of Checkout's requests, to which the page on webhooks refers.",
	},
	Sources: []string{
		"https://developer.peachpayments.com/docs/checkout-webhooks",
		"https://developer.peachpayments.com/docs/checkout-authentication",
	},
	Confidence: verifiers.Medium,
})

func appendPeach(dst []byte, r *verifiers.Request) ([]byte, error) {
	form, err := r.Form()
	if err != nil {
		return dst, err
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name == "signature" {
			continue
		}
		if len(form[name]) != 1 {
			return dst, verifiers.ErrMalformed
		}
		dst = append(append(dst, name...), form[name][0]...)
	}
	return dst, nil
}
