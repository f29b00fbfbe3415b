package providers

import (
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Mollie's newer webhooks are signed, with or without sha256= before the
// signature, and in several headers while secrets are being replaced: one has to
// fit. Mollie's own library lets requests without a header through as of the
// older kind, which must not happen here.
var Mollie = add(verifiers.Provider{
	Name:       "mollie",
	Title:      "Mollie",
	Docs:       "https://docs.mollie.com/reference/webhooks-new",
	Scheme:     mollieScheme{mollieAdapted},
	SecretHint: "the signing secret of the webhook",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/createdAt"),
	TypePrefix: "com.mollie",
	NeedsJSON:  true,
	RetrySpan:  28 * time.Hour,

	Addresses: []verifiers.AddressList{{URL: "https://ip-ranges.mollie.com/ips.txt"}},

	Category: "payments",
	Setup:    "Create the webhook with the API or in the dashboard; its signing secret is shown once.",
	Signs:    "The body, with HMAC-SHA256",
	Retries:  "With growing pauses for about 26 hours by report.",
	Notes: []string{
		"The header may be there several times.",
		"The older webhooks, a form with an id, are not signed: see mollie-legacy.",
	},
	Sources: []string{
		"https://docs.mollie.com/reference/webhooks-new",
		"https://github.com/mollie/mollie-api-php src/Webhooks/SignatureValidator.php",
		"https://help.mollie.com/hc/en-us/articles/213470829-Which-IP-addresses-does-Mollie-use",
	},
	Confidence: verifiers.High,
})

var (
	mollieHMAC = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Mollie-Signature").Split(","),
		Content:   "{body}",
	}}
	// mollieAdapted makes one list of all headers.
	mollieAdapted = adapted{
		scheme: mollieHMAC,
		places: molliePlaces(),
		form: func(r *verifiers.Request) (*verifiers.Request, error) {
			c := reform(r)
			var list []string
			for _, value := range r.Header["X-Mollie-Signature"] {
				if strings.Contains(value, ",") {
					return nil, &verifiers.Error{Field: "header X-Mollie-Signature", Err: verifiers.ErrMalformed}
				}
				list = append(list, strings.TrimPrefix(value, "sha256="))
			}
			c.Header["X-Mollie-Signature"] = []string{strings.Join(list, ",")}
			return c, nil
		},
	}
)

func molliePlaces() verifiers.Places {
	p := mollieHMAC.Places()
	p.Signature = verifiers.Header("X-Mollie-Signature")
	return p
}

// mollieScheme can sign as well.
type mollieScheme struct{ adapted }

// Sign adds one signature.
func (mollieScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return mollieHMAC.Sign(req, cfg)
}

// Interface guards.
var _ verifiers.Signer = mollieScheme{}
