package providers

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Marqeta always sends user and password, and signs the body besides if the
// webhook has a secret. Where the operator names that secret, both must fit:
// the signature alone protects the body. An account that changes from SHA-1 to
// SHA-256 goes on sending the old kind for two weeks of retries, so the length
// decides which it is.
var Marqeta = add(verifiers.Provider{
	Name:   "marqeta",
	Title:  "Marqeta",
	Docs:   "https://www.marqeta.com/docs/developer-guides/signature-verification",
	Scheme: marqetaScheme{},
	Options: []verifiers.Option{{
		Name:   marqetaSecret,
		Doc:    "The webhook's config.secret; with it every request must be signed as well.",
		Secret: true,
	}},
	SecretHint: "user:password, as in the webhook's basic_auth_username and basic_auth_password",
	ID:         marqetaFirst("token"),
	Type:       verifiers.First(marqetaFirst("type"), verifiers.Const("event")),
	TypePrefix: "com.marqeta",
	Batch: &verifiers.Batch{
		Elements: "/" + marqetaKinds[0],
		Or:       marqetaArrays(),
		ID:       verifiers.JSON("/token"),
		Type:     verifiers.First(verifiers.JSON("/type"), verifiers.Const("event")),
	},
	Handshakes: []verifiers.Handshake{{
		Name:   "ping",
		When:   []verifiers.Match{verifiers.JSON("/pings/0/payload").Is("healthcheck")},
		Signed: true,
	}},
	NeedsJSON: true,
	RetrySpan: 96 * time.Hour,

	Category: "payments",
	Setup:    "Create the webhook with POST /webhooks, with user and password, with config.secret and with signature_algorithm HMAC_SHA_256; then ping it.",
	Signs:    "The body, if the option signature_secret is set; otherwise nothing",
	Retries:  "For up to two weeks; events are remembered for 96 hours.",
	Notes: []string{
		"Set signature_secret: without it nothing of the body is protected.",
		"A request holds a list of objects under the name of their kind; if it holds two lists, it is one event.",
	},
	Sources: []string{
		"https://www.marqeta.com/docs/developer-guides/signature-verification",
		"https://www.marqeta.com/core-api/webhooks/",
	},
	Confidence: verifiers.High,
})

const marqetaSecret = "signature_secret"

// marqetaKinds are the names of the lists.
var marqetaKinds = []string{
	"transactions", "cardtransitions", "usertransitions", "businesstransitions", "cardactions",
	"digitalwallettokentransitions", "bankaccounttransitions", "directdeposittransitions", "chargebacktransitions",
}

func marqetaArrays() []string {
	var pointers []string
	for _, kind := range marqetaKinds[1:] {
		pointers = append(pointers, "/"+kind)
	}
	return pointers
}

// marqetaFirst is a member of the first object, of whatever kind it is.
func marqetaFirst(member string) verifiers.Source {
	var kinds []verifiers.Source
	for _, kind := range marqetaKinds {
		kinds = append(kinds, verifiers.JSON("/"+kind+"/0/"+member))
	}
	return verifiers.First(kinds...)
}

var marqetaSignature = verifiers.Header("X-Marqeta-Signature")

func marqetaHMAC(h verifiers.Hash) verifiers.HMAC {
	return verifiers.HMAC{Hash: h, Signed: verifiers.Signed{Signature: marqetaSignature, Content: "{body}"}}
}

// marqetaScheme is Basic authentication and, if there is a secret, an HMAC.
type marqetaScheme struct{}

func (marqetaScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	basic, err := verifiers.Basic{}.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	v := &marqetaVerifier{basic: basic}
	secret := cfg.Options[marqetaSecret]
	if secret == "" {
		return v, nil
	}
	key, err := verifiers.NewKey(marqetaSecret, []byte(secret))
	if err != nil {
		return nil, fmt.Errorf("%s: %w %s: %w", provider, verifiers.ErrOption, marqetaSecret, err)
	}
	cfg.Keys = verifiers.Keys{key}
	v.signature, err = oneOf{marqetaHMAC(verifiers.SHA256), marqetaHMAC(verifiers.SHA1)}.Build(provider, cfg)
	return v, err
}

// Places says where user and password are, which is all there is without a
// secret.
func (marqetaScheme) Places() verifiers.Places {
	p := verifiers.Basic{}.Places()
	p.Headers = []string{marqetaSignature.Header}
	return p
}

// Sign adds user and password and, if there is a secret, the signature.
func (marqetaScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if err := (verifiers.Basic{}).Sign(req, cfg); err != nil {
		return err
	}
	secret := cfg.Options[marqetaSecret]
	if secret == "" {
		return nil
	}
	key, err := verifiers.NewKey(marqetaSecret, []byte(secret))
	if err != nil {
		return fmt.Errorf("%w %s: %w", verifiers.ErrOption, marqetaSecret, err)
	}
	cfg.Keys = verifiers.Keys{key}
	return marqetaHMAC(verifiers.SHA256).Sign(req, cfg)
}

type marqetaVerifier struct{ basic, signature verifiers.Verifier }

// Verify returns the key of Basic authentication, which is the one that is
// rotated, and the coverage of the signature.
func (v *marqetaVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	res, err := v.basic.Verify(ctx, req)
	if err != nil || v.signature == nil {
		return res, err
	}
	signed, err := v.signature.Verify(ctx, req)
	if err != nil {
		return verifiers.Result{}, err
	}
	res.Covers, res.Scheme = signed.Covers, "basic+"+signed.Scheme
	return res, nil
}

// Interface guards.
var (
	_ verifiers.Signer = marqetaScheme{}
	_ verifiers.Placer = marqetaScheme{}
)
