package providers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Paddle Classic signs the fields of the form in the way in which PHP writes a
// sorted array down, with RSA and SHA-1. Lengths are those of bytes. A field
// with brackets in its name would be an array in PHP and is refused.
var PaddleClassic = add(verifiers.Provider{
	Name:  "paddle-classic",
	Title: "Paddle Classic",
	Docs:  "https://developer.paddle.com/classic/reference/ZG9jOjI1MzUzOTg2-verifying-webhooks",
	Scheme: verifiers.RSA{
		Hash: verifiers.SHA1,
		Signed: verifiers.Signed{
			Signature:    verifiers.Form("p_signature"),
			Encoding:     verifiers.Base64,
			Content:      "{custom}",
			Custom:       paddleSerialized,
			CustomCovers: verifiers.Coverage{Body: true},
			Key:          verifiers.KeyPEM,
		},
	},
	SecretHint:   "the public key of the vendor, as PEM",
	ID:           verifiers.Form("alert_id"),
	Type:         verifiers.Form("alert_name"),
	TypePrefix:   "com.paddle.classic",
	ContentTypes: []string{"application/x-www-form-urlencoded"},
	RetrySpan:    72 * time.Hour,

	Category: "payments",
	Setup:    "Enter the URL under Developer Tools > Alerts; the public key is under Public Key.",
	Signs:    "The sorted fields as PHP serializes them, with RSA-SHA1",
	Retries:  "For up to 3 days by report.",
	Notes: []string{
		"The key is RSA, and the hash SHA-1.",
		"The time is in UTC but has no zone: it is not used.",
	},
	Sources: []string{
		"https://developer.paddle.com/classic/reference/ZG9jOjI1MzUzOTg2-verifying-webhooks",
		"https://github.com/daveagill/verify-paddle-webhook",
	},
	Confidence: verifiers.Medium,
})

// paddleSerialized is PHP's serialize of the sorted fields without the signature.
func paddleSerialized(dst []byte, r *verifiers.Request) ([]byte, error) {
	form, err := r.Form()
	if err != nil {
		return dst, verifiers.ErrMalformed
	}
	names := slices.Sorted(maps.Keys(form))
	names = slices.DeleteFunc(names, func(name string) bool { return name == "p_signature" })
	dst = fmt.Appendf(dst, "a:%d:{", len(names))
	for _, name := range names {
		if len(form[name]) != 1 || strings.ContainsAny(name, "[]") {
			return dst, verifiers.ErrMalformed
		}
		value := form[name][0]
		dst = fmt.Appendf(dst, `s:%d:"%s";s:%d:"%s";`, len(name), name, len(value), value)
	}
	return append(dst, '}'), nil
}
