package providers

import (
	"net/url"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Payfast hashes the fields that stand before the signature, in their order, and
// the passphrase, with MD5. A merchant without a passphrase gets notifications
// that anybody can make up; they are not accepted here. Fields after the
// signature are not signed, so a form that has any is refused.
var Payfast = add(verifiers.Provider{
	Name:  "payfast",
	Title: "Payfast (ITN)",
	Docs:  "https://developers.payfast.co.za/docs#step_4_confirm_payment",
	Scheme: verifiers.Digest{
		Hash: verifiers.MD5,
		Signed: verifiers.Signed{
			Signature: verifiers.Form("signature"),
			Content:   "{custom}&passphrase={secret}",
			Custom:    appendPayfast,
			CustomCovers: verifiers.Coverage{Form: []string{
				"m_payment_id", "pf_payment_id", "payment_status", "item_name", "item_description",
				"amount_gross", "amount_fee", "amount_net", "merchant_id", "token", "billing_date",
			}},
		},
	},
	SecretHint: "the passphrase, encoded as in a URL: a space is +, a slash is %2F",
	ID:         verifiers.Join(".", verifiers.Form("pf_payment_id"), verifiers.Form("payment_status")),
	Type:       verifiers.Form("payment_status"),
	TypePrefix: "za.co.payfast",
	RetrySpan:  24 * time.Hour,

	Category: "payments",
	Setup:    "Set a passphrase under Settings > Developer Settings and send notify_url with each payment.",
	Signs:    "The fields before the signature in their order, each as name=value and encoded, then the passphrase, with a plain MD5",
	Retries:  "By report at once, after 10 minutes and then with growing pauses.",
	Notes: []string{
		"Without a passphrase a signature proves nothing.",
		"MD5 with the key at the end is weak: compare the amount with the order, and ask Payfast's validation endpoint before goods are sent.",
	},
	Sources: []string{
		"https://developers.payfast.co.za/docs#step_4_confirm_payment",
		"github Payfast/payfast-php-sdk lib/PaymentIntegrations/Notification.php",
	},
	Confidence: verifiers.High,
})

// appendPayfast appends name=value of each field, written as PHP's urlencode
// does, which escapes "~" too.
func appendPayfast(dst []byte, r *verifiers.Request) ([]byte, error) {
	fields, err := orderedForm(string(r.Body))
	if err != nil {
		return dst, err
	}
	for i, f := range fields {
		if f.name == "signature" {
			if i != len(fields)-1 {
				return dst, verifiers.ErrMalformed
			}
			break
		}
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(append(dst, f.name...), '=')
		dst = append(dst, strings.ReplaceAll(url.QueryEscape(f.value), "~", "%7E")...)
	}
	return dst, nil
}
