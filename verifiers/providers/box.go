package providers

import (
	"context"
	"fmt"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Box signs the body with the time behind it, with both of its keys, in two
// headers of which one has to fit. Version and algorithm are named in headers
// that must be as expected. Where the body as received does not fit, the form is
// tried that Box's own library tries: other characters than ASCII and slashes
// escaped.
var Box = add(verifiers.Provider{
	Name:       "box",
	Title:      "Box",
	Docs:       "https://developer.box.com/guides/webhooks/v2/signatures-v2/",
	Scheme:     boxScheme{},
	SecretHint: "the primary signature key, and the secondary one as the second secret",
	ID:         verifiers.Header("Box-Delivery-Id"),
	Type:       verifiers.JSON("/trigger"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "com.box",
	NeedsJSON:  true,
	Deadline:   30 * time.Second,
	RetrySpan:  24 * time.Hour,
	Headers:    []string{"Box-Delivery-Id", "Box-Signature-Version", "Box-Signature-Algorithm", "Box-Signature-Secondary"},

	Category: "saas",
	Setup:    "Create the webhook with the API or in the developer console; the signature keys are under Webhooks of the app.",
	Signs:    "Body and time, with HMAC-SHA256, once with each of two keys",
	Retries:  "Up to ten times by report.",
	Notes: []string{
		"Configure both keys: while one is replaced the other still fits.",
		"The delivery id is not signed.",
	},
	Sources: []string{
		"https://developer.box.com/guides/webhooks/v2/signatures-v2/",
		"npm box-node-sdk@10.12.0 WebhooksManager.validateMessage",
		"https://github.com/box/box-python-sdk test/webhooks.py",
	},
	Confidence: verifiers.High,
})

var (
	boxPrimary   = boxHMAC("Box-Signature-Primary", "{body}", nil)
	boxSecondary = boxHMAC("Box-Signature-Secondary", "{body}", nil)
	boxVariants  = oneOf{
		boxPrimary, boxSecondary,
		boxHMAC("Box-Signature-Primary", "{custom}", boxEscaped), boxHMAC("Box-Signature-Secondary", "{custom}", boxEscaped),
	}
	boxFixed = []struct{ header, want string }{{"Box-Signature-Version", "1"}, {"Box-Signature-Algorithm", "HmacSHA256"}}
)

func boxHMAC(header, body string, custom verifiers.AppendFunc) verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature:    verifiers.Header(header),
		Encoding:     verifiers.Base64,
		Content:      body + "{timestamp}",
		Custom:       custom,
		CustomCovers: verifiers.Coverage{Body: custom != nil},
		Timestamp:    verifiers.Header("Box-Delivery-Timestamp"),
		Unit:         verifiers.RFC3339,
		Tolerance:    10 * time.Minute,
	}}
}

// boxScheme is an HMAC in two headers and two forms.
type boxScheme struct{}

func (boxScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := boxVariants.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		for _, fixed := range boxFixed {
			header := verifiers.Header(fixed.header)
			value, err := header.Lookup(req)
			if err == nil && value != fixed.want {
				err = verifiers.ErrUntrusted
			}
			if err != nil {
				return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: header.String(), Err: cause(err)}
			}
		}
		return inner.Verify(ctx, req)
	}), nil
}

// Places says where the first signature and the time are.
func (boxScheme) Places() verifiers.Places { return boxPrimary.Places() }

// Sign adds the signature with the first key, as the primary one.
func (boxScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	for _, fixed := range boxFixed {
		req.Header.Set(fixed.header, fixed.want)
	}
	return boxPrimary.Sign(req, cfg)
}

// boxEscaped is the body with each UTF-16 unit that is not ASCII written as
// \\uXXXX, and slashes that are not escaped written as such.
func boxEscaped(dst []byte, r *verifiers.Request) ([]byte, error) {
	if !utf8.Valid(r.Body) {
		return dst, verifiers.ErrMalformed
	}
	escaped := false
	for _, c := range string(r.Body) {
		switch {
		case c == '/' && !escaped:
			dst = append(dst, `\/`...)
		case c < utf8.RuneSelf:
			dst = append(dst, byte(c)) //nolint:gosec // it is ASCII
		default:
			for _, unit := range utf16.AppendRune(nil, c) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
		}
		escaped = c == '\\' && !escaped
	}
	return dst, nil
}

// Interface guards.
var (
	_ verifiers.Signer = boxScheme{}
	_ verifiers.Placer = boxScheme{}
)
