package providers

import (
	"context"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Turnkey signs with keys that all its customers share: a signature proves that
// it comes from Turnkey, and not that it is about your organization, which the
// body names. Only the documented algorithm and version are accepted. Event type
// and organization are in headers too, which are not signed. Code that expects
// an HMAC in the same header does not match the documentation.
var Turnkey = add(verifiers.Provider{
	Name:         "turnkey",
	Title:        "Turnkey",
	Docs:         "https://docs.turnkey.com/features/webhooks/verify-signatures",
	Scheme:       turnkeyScheme{},
	ID:           verifiers.Header("X-Turnkey-Event-Id"),
	Type:         verifiers.Header("X-Turnkey-Event-Type"),
	TypePrefix:   "com.turnkey",
	ContentTypes: []string{"application/json"},
	NeedsJSON:    true,
	Headers:      []string{"X-Turnkey-Event-Id", "X-Turnkey-Event-Type", "X-Turnkey-Organization-Id", "X-Turnkey-Webhook-Version"},

	Category: "identity",
	Setup:    "Create a webhook endpoint through the API or the dashboard with the URL and the events.",
	Signs:    "Version, algorithm, key id, time, event id and body, with Ed25519 and Turnkey's published keys",
	Retries:  "Repeated under the same event id.",
	Notes: []string{
		"Turnkey signs for all of its customers with the same keys: compare the organization in the body.",
		"Time is in milliseconds.",
	},
	Sources: []string{
		"https://docs.turnkey.com/features/webhooks/verify-signatures",
		"npm @turnkey/crypto verifyTurnkeyWebhookSignature",
	},
	Confidence: verifiers.High,
})

const turnkeyKeys = "https://api.turnkey.com/public/v1/discovery/webhooks/jwks"

var (
	turnkeyKid = verifiers.Header("X-Turnkey-Signature-Key-Id")
	// turnkeyFixed are headers that may have one value only.
	turnkeyFixed = []verifiers.Match{
		verifiers.Header("X-Turnkey-Signature-Algorithm").Is("ed25519"),
		verifiers.Header("X-Turnkey-Signature-Version").Is("v1"),
	}
)

// turnkeyScheme is an Ed25519 signature with a fetched key that a header names.
type turnkeyScheme struct{}

func (turnkeyScheme) signature() verifiers.Ed25519 {
	return verifiers.Ed25519{Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Turnkey-Signature"),
		Timestamp: verifiers.Header("X-Turnkey-Timestamp"),
		Unit:      verifiers.Milliseconds,
		ID:        verifiers.Header("X-Turnkey-Event-Id"),
		Content:   "v1.ed25519.{header:X-Turnkey-Signature-Key-Id}.{timestamp}.{id}.{body}",
		Tolerance: 5 * time.Minute,
	}}
}

// Build returns a verifier that fetches keys.
func (s turnkeyScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	keys, err := newOKPKeys(provider, cfg, verifiers.Pin{Hosts: []string{"api.turnkey.com"}}, turnkeyKeys)
	if err != nil {
		return nil, err
	}
	cfg.Keys = keys
	v, err := s.signature().Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	fail := func(field verifiers.Source, err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: field.String(), Err: err}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		for _, m := range turnkeyFixed {
			value, err := m.Source.Lookup(req)
			if err == nil && value != m.Equals {
				err = verifiers.ErrUntrusted
			}
			if err != nil {
				return fail(m.Source, err)
			}
		}
		kid, err := turnkeyKid.Lookup(req)
		if err != nil {
			return fail(turnkeyKid, err)
		}
		if ctx, err = keys.withKid(ctx, kid); err != nil {
			return fail(turnkeyKid, err)
		}
		return v.Verify(ctx, req)
	}), nil
}

// Places says where signature and time are.
func (s turnkeyScheme) Places() verifiers.Places {
	p := s.signature().Places()
	for _, m := range turnkeyFixed {
		p.Headers = append(p.Headers, m.Source.Header)
	}
	return p
}

// Interface guards.
var _ verifiers.Placer = turnkeyScheme{}
