package providers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Rapyd signs the URL as configured, salt, timestamp, both of its keys and the
// body. What it sends is the base64 of the hexadecimal text of the MAC, 88
// characters, as in its samples.
var Rapyd = add(verifiers.Provider{
	Name:   "rapyd",
	Title:  "Rapyd",
	Docs:   "https://docs.rapyd.net/en/webhook-authentication.html",
	Scheme: rapydScheme{},
	Options: []verifiers.Option{{
		Name:     "access_key",
		Doc:      "The access key that belongs to the secret key.",
		Required: true,
	}},
	SecretHint: "the secret key, under Developers > Credential Details",
	ID:         verifiers.JSON("/id"),
	Type:       verifiers.JSON("/type"),
	Time:       verifiers.JSON("/created_at"),
	TypePrefix: "net.rapyd",
	NeedsJSON:  true,

	Category: "payments",
	Setup:    "Enter the URL under Developers > Webhooks in the Client Portal. Access key and secret key are under Credential Details.",
	Signs:    "URL, salt, timestamp, access key, secret key and body, with HMAC-SHA256 in hex, of which the base64 is sent",
	Retries:  "By report several times within 24 hours; the replay window is as long.",
	Notes: []string{
		"The documentation calls it a path, but the whole URL as configured is signed: scheme, host and all.",
		"The header is base64 of the hexadecimal text, not of the bytes.",
	},
	Sources: []string{
		"https://docs.rapyd.net/en/webhook-authentication.html",
		"https://community.rapyd.net/t/calculation-of-signature/288",
	},
	Confidence: verifiers.High,
})

var (
	rapydSignature = verifiers.Header("Signature")
	rapydHMAC      = verifiers.HMAC{
		Hash: verifiers.SHA256,
		Signed: verifiers.Signed{
			Signature: rapydSignature,
			Content:   "{url}{header:Salt}{timestamp}{option:access_key}{secret}{body}",
			Timestamp: verifiers.Header("Timestamp"),
			Tolerance: 24 * time.Hour,
		},
	}
)

// rapydScheme unwraps the base64 around the hexadecimal signature.
type rapydScheme struct{}

func (rapydScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return adapted{scheme: rapydHMAC, places: rapydHMAC.Places(), form: unwrapRapyd}.Build(provider, cfg)
}

// Places says where signature and timestamp are.
func (rapydScheme) Places() verifiers.Places { return rapydHMAC.Places() }

// Sign adds timestamp and signature. The salt has to be there.
func (rapydScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if err := rapydHMAC.Sign(req, cfg); err != nil {
		return err
	}
	text := req.Header.Get(rapydSignature.Header)
	req.Header.Set(rapydSignature.Header, base64.StdEncoding.EncodeToString([]byte(text)))
	return nil
}

func unwrapRapyd(r *verifiers.Request) (*verifiers.Request, error) {
	text, err := rapydSignature.Lookup(r)
	if err != nil {
		return nil, &verifiers.Error{Field: rapydSignature.String(), Err: err}
	}
	hexadecimal, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, &verifiers.Error{Field: rapydSignature.String(), Err: verifiers.ErrMalformed}
	}
	if _, err := hex.DecodeString(string(hexadecimal)); err != nil && len(hexadecimal) == 2*sha256.Size {
		// A text of the right length that is not hexadecimal is another text.
		return nil, &verifiers.Error{Field: rapydSignature.String(), Err: verifiers.ErrMismatch}
	}
	c := reform(r)
	c.Header[rapydSignature.Header] = []string{string(hexadecimal)}
	return c, nil
}

// Interface guards.
var (
	_ verifiers.Signer = rapydScheme{}
	_ verifiers.Placer = rapydScheme{}
)
