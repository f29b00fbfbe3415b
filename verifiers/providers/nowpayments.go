package providers

import (
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/internal/canon"
)

// NOWPayments does not sign what it sends but the JSON with its members sorted,
// as JavaScript writes it. Its samples copy objects member by member, which
// makes objects of arrays; whether a body with an array is signed so or with the
// array kept is not documented, so either is accepted.
var NOWPayments = add(verifiers.Provider{
	Name:       "nowpayments",
	Title:      "NOWPayments (IPN)",
	Docs:       "https://documenter.getpostman.com/view/7907941/2s93JusNJt",
	Scheme:     oneOf{nowpaymentsHMAC(canon.Stable{}), nowpaymentsHMAC(canon.Stable{Copied: true})},
	SecretHint: "the IPN secret key, under Settings > Payments > Instant payment notifications",
	ID:         verifiers.Join(".", verifiers.JSON("/payment_id"), verifiers.JSON("/payment_status"), verifiers.JSON("/actually_paid")),
	Type:       verifiers.JSON("/payment_status"),
	Time:       verifiers.JSON("/updated_at"),
	TypePrefix: "io.nowpayments",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Generate an IPN key under Settings > Payments and send ipn_callback_url with each payment or invoice.",
	Signs:    "The JSON with the members of all objects sorted, as JavaScript writes it",
	Retries:  "By report as often as set in the dashboard.",
	Notes: []string{
		"The text that is signed is the JSON without white space and with the members of all objects sorted, with numbers as JavaScript prints them.",
		"Several notifications have one payment id: the status goes with it.",
	},
	Sources:    []string{"https://documenter.getpostman.com/view/7907941/2s93JusNJt"},
	Confidence: verifiers.Medium,
})

func nowpaymentsHMAC(stable canon.Stable) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA512, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Nowpayments-Sig"),
		Content:   "{custom}",
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			dst, err := stable.Append(dst, r.Body)
			if err != nil {
				err = verifiers.ErrMalformed
			}
			return dst, err
		},
		CustomCovers: verifiers.Coverage{Pointers: []string{
			"/payment_id", "/parent_payment_id", "/invoice_id", "/payment_status", "/pay_address", "/payin_extra_id",
			"/price_amount", "/price_currency", "/pay_amount", "/actually_paid", "/actually_paid_at_fiat",
			"/pay_currency", "/order_id", "/order_description", "/purchase_id", "/outcome_amount",
			"/outcome_currency", "/created_at", "/updated_at",
		}},
	}}
}
