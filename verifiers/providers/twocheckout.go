package providers

import (
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// 2Checkout signs the length and value of each field, without the names, and
// expects an answer that is signed in the same way; any other makes it repeat
// the notification. Of its signatures the one with SHA-256 is used, and the
// answer is made with it too. Since names are not signed, a field could be
// renamed on the way.
var TwoCheckout = add(verifiers.Provider{
	Name:    "twocheckout",
	Aliases: []string{"2checkout", "verifone-2checkout"},
	Title:   "2Checkout (Verifone) IPN",
	Docs:    "https://verifone.cloud/docs/2checkout/API-Integration/Webhooks/06Instant_Payment_Notification_IPN",
	Scheme: verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: verifiers.Form("SIGNATURE_SHA2_256"),
			Content:   "{custom}",
			Custom:    appendTwoCheckout,
		},
	},
	SecretHint: "the secret key, under Integrations > Webhooks & API",
	ID: verifiers.First(
		verifiers.Form("MESSAGE_ID"),
		verifiers.Join(".", verifiers.Form("REFNO"), verifiers.Form("ORDERSTATUS"), verifiers.Form("IPN_DATE")),
		verifiers.Join(".", verifiers.Form("LICENSE_CODE"), verifiers.Form("STATUS"), verifiers.Form("DATE_UPDATED")),
		verifiers.Form("SIGNATURE_SHA2_256").Lower(),
	),
	Type:       verifiers.First(verifiers.Form("MESSAGE_TYPE"), verifiers.Form("ORDERSTATUS"), verifiers.Form("DISPATCH_REASON")),
	TypePrefix: "com.2checkout",
	Success:    verifiers.Reply{Custom: acknowledgeTwoCheckout},

	Category: "payments",
	Setup:    "Add the URL under Integrations > Webhooks & API > IPN settings and choose SHA-2 among the hashing algorithms. The secret key is on the same page.",
	Signs:    "Length and value of every field but the signatures, in their order",
	Retries:  "Until the signed answer comes.",
	Notes: []string{
		"The answer is <sig algo=\"sha256\" date=\"...\">...</sig>, signed with the secret key; a 200 alone does not count.",
		"The signatures with MD5 and SHA-3 are not looked at: choose SHA-2 in the settings.",
		"Names of fields are not signed, only their values and order.",
	},
	Sources: []string{
		"https://verifone.cloud/docs/2checkout/API-Integration/Webhooks/06Instant_Payment_Notification_IPN",
		"github 2Checkout/2checkout-php-sdk src/Tco/Source/Ipn/IpnSignature.php",
	},
	Confidence: verifiers.High,
})

func appendTwoCheckout(dst []byte, r *verifiers.Request) ([]byte, error) {
	fields, err := orderedForm(string(r.Body))
	if err != nil {
		return dst, err
	}
	for _, f := range fields {
		switch f.name {
		case "SIGNATURE_SHA3_256", "SIGNATURE_SHA2_256", "HASH":
		default:
			dst = appendSized(dst, f.value)
		}
	}
	return dst, nil
}

func appendSized(dst []byte, value string) []byte {
	return append(strconv.AppendInt(dst, int64(len(value)), 10), value...)
}

// acknowledgeTwoCheckout signs the first product, the date of the notification
// and that of the answer; for a license the code and its end.
func acknowledgeTwoCheckout(dst []byte, r *verifiers.Request, p verifiers.Prover) ([]byte, error) {
	fields, err := orderedForm(string(r.Body))
	if err != nil {
		return dst, err
	}
	first := func(name string) (string, bool) {
		i := slices.IndexFunc(fields, func(f formField) bool {
			return f.name == name || f.name == name+"[]" || f.name == name+"[0]"
		})
		if i < 0 {
			return "", false
		}
		return fields[i].value, true
	}
	signed := []string{"IPN_PID", "IPN_PNAME", "IPN_DATE"}
	if _, ok := first("IPN_PID"); !ok {
		signed = []string{"LICENSE_CODE", "EXPIRATION_DATE"}
	}
	var text []byte
	for _, name := range signed {
		value, ok := first(name)
		if !ok {
			return dst, verifiers.ErrMissing
		}
		text = appendSized(text, value)
	}
	date := p.Now().UTC().Format("20060102150405")
	mac, err := p.MAC(verifiers.SHA256, appendSized(text, date))
	if err != nil {
		return dst, err
	}
	dst = append(dst, `<sig algo="sha256" date="`+date+`">`...)
	return append(hex.AppendEncode(dst, mac), "</sig>"...), nil
}
