package providers

import (
	"regexp"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Braintree signs the field bt_payload with HMAC-SHA1 under the SHA-1 of the
// private key, and names the public key beside each signature. Its library also
// takes a signature over the payload with a line feed behind it, and so do we.
// The URL is checked with a challenge under the same key; only what cannot be a
// payload is answered: 20 to 32 hexadecimal digits.
var Braintree = add(verifiers.Provider{
	Name:         "braintree",
	Title:        "Braintree",
	Docs:         "https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
	Scheme:       oneOf{braintreeScheme("{form:bt_payload}"), braintreeScheme("{form:bt_payload}\n")},
	SecretHint:   "the private key",
	ID:           verifiers.Form("bt_signature"),
	Type:         verifiers.Const("notification"),
	TypePrefix:   "com.braintree",
	Opaque:       true,
	Options:      []verifiers.Option{{Name: braintreePublic, Required: true, Doc: "The public key, which tells signatures apart."}},
	ContentTypes: []string{"application/x-www-form-urlencoded"},
	Deadline:     30 * time.Second,
	RetrySpan:    25 * time.Hour,
	Handshakes: []verifiers.Handshake{{
		Name:   "challenge",
		Method: "GET",
		When:   []verifiers.Match{verifiers.Query("bt_challenge").Like("[a-f0-9]{20,32}")},
		Reply: verifiers.Reply{
			Template: "{option:" + braintreePublic + "}|{proof}",
			Proof:    &verifiers.Proof{Hash: verifiers.SHA1, KeyHash: verifiers.SHA1, Content: "{query:bt_challenge}"},
		},
	}},

	Category: "payments",
	Setup:    "Add the URL under API > Webhooks in the control panel; public and private key are under API Keys.",
	Signs:    "The field bt_payload, with HMAC-SHA1 under the SHA-1 of the private key",
	Retries:  "Every hour, for 24 hours in production and 3 in the sandbox, by report.",
	Notes: []string{
		"The payload is base64 of XML: kind and time are in it, and schemas do not apply.",
		"The private key signs other things as well: keep it out of reach.",
	},
	Sources: []string{
		"https://developer.paypal.com/braintree/docs/guides/webhooks/parse",
		"npm braintree@3.40.0 webhookNotification.parse",
	},
	Confidence: verifiers.High,
})

const (
	braintreePublic = "public_key"
	braintreeHeader = "Braintree-Signature"
)

// braintree is an HMAC of one content. The signature is put into a header first.
type braintree struct{ content string }

func braintreeScheme(content string) braintree { return braintree{content} }

func (b braintree) hmac() verifiers.HMAC {
	return verifiers.HMAC{Hash: verifiers.SHA1, KeyHash: verifiers.SHA1, Signed: verifiers.Signed{
		Signature: verifiers.Header(braintreeHeader).Split(","),
		Content:   b.content,
	}}
}

// Build returns a verifier of the signatures beside the public key of the option.
func (b braintree) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	return adapted{scheme: b.hmac(), places: b.Places(), form: func(r *verifiers.Request) (*verifiers.Request, error) {
		return braintreeForm(r, cfg.Options[braintreePublic])
	}}.Build(provider, cfg)
}

// Sign writes the public key of the option and the signature.
func (b braintree) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	signed := reform(req)
	if err := b.hmac().Sign(signed, cfg); err != nil {
		return err
	}
	return verifiers.Form("bt_signature").Put(req, cfg.Options[braintreePublic]+"|"+signed.Header.Get(braintreeHeader))
}

// Places says where the signature is.
func (b braintree) Places() verifiers.Places {
	p := b.hmac().Places()
	p.Signature, p.Headers = verifiers.Form("bt_signature"), nil
	return p
}

// braintreeForm takes the signatures of one public key out of the pairs. The
// payload must be base64.
func braintreeForm(r *verifiers.Request, public string) (*verifiers.Request, error) {
	fail := func(field verifiers.Source, err error) (*verifiers.Request, error) {
		return nil, &verifiers.Error{Field: field.String(), Err: err}
	}
	pairs, payload := verifiers.Form("bt_signature"), verifiers.Form("bt_payload")
	text, err := pairs.Lookup(r)
	if err != nil {
		return fail(pairs, cause(err))
	}
	content, err := payload.Lookup(r)
	if err == nil && !braintreeBase64.MatchString(content) {
		err = verifiers.ErrMalformed
	}
	if err != nil {
		return fail(payload, cause(err))
	}
	var signatures []string
	for pair := range strings.SplitSeq(text, "&") {
		name, signature, ok := strings.Cut(pair, "|")
		if !ok || strings.Contains(signature, ",") {
			return fail(pairs, verifiers.ErrMalformed)
		}
		if name == public {
			signatures = append(signatures, signature)
		}
	}
	if len(signatures) == 0 {
		return fail(pairs, verifiers.ErrUnknownKey)
	}
	c := reform(r)
	c.Header[braintreeHeader] = []string{strings.Join(signatures, ",")}
	return c, nil
}

var braintreeBase64 = regexp.MustCompile(`^[A-Za-z0-9+/=\n]+$`)

// Interface guards.
var (
	_ verifiers.Placer = braintree{}
	_ verifiers.Signer = braintree{}
)
