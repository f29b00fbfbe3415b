package providers

import (
	"errors"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Nuvei hashes a few fields after the secret, and for subscriptions all values
// before it. Notifications come as forms or, with GET, in the URL, as the
// merchant has it; old accounts use MD5.
var Nuvei = add(verifiers.Provider{
	Name:    "nuvei",
	Aliases: []string{"safecharge"},
	Title:   "Nuvei (DMN)",
	Docs:    "https://docs.nuvei.com/documentation/integration/webhooks/payment-dmns/",
	Scheme: oneOf{
		hashed{preset: verifiers.SHA256, with: func(h verifiers.Hash) verifiers.Digest {
			return verifiers.Digest{Hash: h, Signed: verifiers.Signed{
				Signature:    nuveiField("advanceResponseChecksum"),
				Content:      "{secret}{custom}",
				Custom:       appendNuveiPayment,
				CustomCovers: verifiers.Coverage{Form: nuveiSigned, Query: nuveiSigned},
			}}
		}},
		hashed{preset: verifiers.SHA256, with: func(h verifiers.Hash) verifiers.Digest {
			return verifiers.Digest{Hash: h, Signed: verifiers.Signed{
				Signature: nuveiField("responsechecksum"),
				Content:   "{custom}{secret}",
				Custom:    appendNuveiValues,
			}}
		}},
	},
	Options: []verifiers.Option{{
		Name: hashOption,
		Doc:  "The hash function of the account: sha256, which is the preset, or md5.",
	}},
	SecretHint: "the merchant secret key",
	ID: verifiers.First(
		verifiers.Join(".", nuveiField("PPP_TransactionID"), nuveiField("TransactionID"), nuveiField("Status")),
		nuveiField("responsechecksum").Lower(),
	),
	Type:       verifiers.Join(".", verifiers.First(nuveiField("dmnType"), nuveiField("type"), nuveiField("transactionType")), nuveiField("Status")),
	TypePrefix: "com.nuvei",
	Methods:    []string{"POST", "GET"},

	Category: "payments",
	Setup:    "Enter the DMN URL under Settings > My Integration Settings of the Control Panel; hash function and secret key are on the same page.",
	Signs:    "The secret and seven fields, or all values and the secret, with a plain hash",
	Retries:  "Not stated on the pages read.",
	Notes: []string{
		"Of a payment only amount, currency, time, transaction id, status and product id are signed.",
		"Of a subscription all values are signed in their order, without their names.",
	},
	Sources: []string{
		"https://docs.nuvei.com/documentation/integration/webhooks/payment-dmns/",
		"github Nuvei/nuvei-plugin-woocommerce includes/class-nuvei-pfw-notify-url.php",
	},
	Confidence: verifiers.High,
})

var nuveiSigned = []string{
	"totalAmount", "currency", "responseTimeStamp", "PPP_TransactionID", "Status", "productId",
}

// nuveiField is a field of the form, or of the URL where there is no form.
func nuveiField(name string) verifiers.Source {
	return verifiers.First(verifiers.Form(name), verifiers.Query(name))
}

func appendNuveiPayment(dst []byte, r *verifiers.Request) ([]byte, error) {
	for i, name := range nuveiSigned {
		value, err := nuveiField(name).Lookup(r)
		switch {
		case err == nil:
			dst = append(dst, value...)
		case errors.Is(err, verifiers.ErrMissing) && i > 0: // an empty one adds nothing
		default:
			return dst, err
		}
	}
	return dst, nil
}

// appendNuveiValues appends the values of where the checksum itself is.
func appendNuveiValues(dst []byte, r *verifiers.Request) ([]byte, error) {
	text := string(r.Body)
	if !verifiers.Form("responsechecksum").Present().In(r) {
		text = r.URL.RawQuery
	}
	fields, err := orderedForm(text)
	if err != nil {
		return dst, err
	}
	for _, f := range fields {
		if f.name != "responsechecksum" {
			dst = append(dst, f.value...)
		}
	}
	return dst, nil
}
