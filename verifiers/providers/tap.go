package providers

import (
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Tap signs a few members with their names before them and nothing between,
// which ones depends on the object. The amount is signed with the decimals of
// its currency although JSON has it without, so that it is written anew: three
// for dinars and the Omani rial, two for others, as Tap's table has it. A header
// hash, which may come along, is not documented and not looked at.
var Tap = add(verifiers.Provider{
	Name:  "tap",
	Title: "Tap Payments",
	Docs:  "https://developers.tap.company/docs/webhook",
	Scheme: oneOf{
		tapHMAC("", tapPayment...),
		tapHMAC("refund", tapRefund...),
		tapHMAC("invoice", tapInvoice...),
	},
	SecretHint: "the secret API key (sk_test_... or sk_live_...)",
	ID:         verifiers.Join(".", verifiers.JSON("/id"), verifiers.JSON("/status"), verifiers.JSON("/updated")),
	Type:       verifiers.Join(".", verifiers.JSON("/object"), verifiers.JSON("/status")),
	Time:       verifiers.First(verifiers.JSON("/transaction/created"), verifiers.JSON("/created")),
	TypePrefix: "company.tap",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Send post.url with each charge, authorization or invoice; the key is the secret API key under goSell > API Credentials.",
	Signs:    "Id, amount, currency, references or time of change, status and time of creation, each with its name before it, with HMAC-SHA256",
	Retries:  "Two more times.",
	Notes: []string{
		"Only id, amount, currency, references, status and time are signed: read anything else from the API.",
		"object is not signed: the beginning of the id says what it is.",
		"The amount is signed with the decimals of its currency: 1.0 SAR as 1.00, 1.5 KWD as 1.500.",
	},
	Sources: []string{
		"https://developers.tap.company/docs/webhook",
	},
	Confidence: verifiers.Medium,
})

// A tapMember is a member with its name in the signed text.
type tapMember struct{ name, pointer string }

var (
	tapBegin   = []tapMember{{"x_id", "/id"}, {"x_amount", "/amount"}, {"x_currency", "/currency"}}
	tapPayment = append(slices.Clip(tapBegin),
		tapMember{"x_gateway_reference", "/reference/gateway"}, tapMember{"x_payment_reference", "/reference/payment"},
		tapMember{"x_status", "/status"}, tapMember{"x_created", "/transaction/created"})
	tapRefund = append(slices.Clip(tapBegin),
		tapMember{"x_gateway_reference", "/reference/gateway"}, tapMember{"x_payment_reference", "/reference/payment"},
		tapMember{"x_status", "/status"}, tapMember{"x_created", "/created"})
	tapInvoice = append(slices.Clip(tapBegin),
		tapMember{"x_updated", "/updated"}, tapMember{"x_status", "/status"}, tapMember{"x_created", "/created"})
)

// tapHMAC signs these members of an object; "" stands for all objects that have
// no form of their own. A payment that failed early may have no references, which
// are then signed as empty.
func tapHMAC(object string, members ...tapMember) verifiers.HMAC {
	var covers verifiers.Coverage
	for _, m := range members {
		covers.Pointers = append(covers.Pointers, m.pointer)
	}
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature:    verifiers.Header("Hashstring"),
		Content:      "{custom}",
		CustomCovers: covers,
		Custom: func(dst []byte, r *verifiers.Request) ([]byte, error) {
			have, err := verifiers.JSON("/object").Lookup(r)
			if err != nil {
				return dst, err
			}
			if own := have == "refund" || have == "invoice"; have != object && (own || object != "") {
				return dst, verifiers.ErrMissing
			}
			return appendTap(dst, r, members)
		},
	}}
}

func appendTap(dst []byte, r *verifiers.Request, members []tapMember) ([]byte, error) {
	currency, err := verifiers.JSON("/currency").Lookup(r)
	if err != nil {
		return dst, err
	}
	for _, m := range members {
		value, err := verifiers.JSON(m.pointer).Lookup(r)
		reference := strings.HasPrefix(m.pointer, "/reference/")
		if err != nil && (!reference || !errors.Is(err, verifiers.ErrMissing)) {
			return dst, err
		}
		if m.pointer == "/amount" {
			if value, err = tapAmount(value, currency); err != nil {
				return dst, err
			}
		}
		dst = append(append(dst, m.name...), value...)
	}
	return dst, nil
}

// tapNumber bounds what is computed with.
var tapNumber = regexp.MustCompile(`^[0-9]{1,20}(\.[0-9]{1,20})?([eE]\+?[0-9]{1,2})?$`)

// tapAmount writes an amount with the decimals of its currency. One that has
// more is malformed: it would be signed as another.
func tapAmount(text, currency string) (string, error) {
	decimals, scale := 2, big.NewRat(100, 1)
	switch currency {
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		decimals, scale = 3, big.NewRat(1000, 1)
	}
	if !tapNumber.MatchString(text) {
		return "", verifiers.ErrMalformed
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok || !scale.Mul(scale, amount).IsInt() {
		return "", verifiers.ErrMalformed
	}
	return amount.FloatString(decimals), nil
}
