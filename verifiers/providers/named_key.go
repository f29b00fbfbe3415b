package providers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// namedKey is an HMAC whose key a header names. Every configured secret is
// tried. With the option the header must also name the key that the fitting
// secret belongs to, as the senders' libraries ask for.
type namedKey struct {
	hmac   verifiers.HMAC
	header verifiers.Source // the name of the key
	option string           // the names, in the order of the secrets
}

// Build returns a verifier that compares the header with the option, if it is
// set.
func (n namedKey) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v, err := n.hmac.Build(provider, cfg)
	names := strings.Fields(cfg.Options[n.option])
	if err != nil || len(names) == 0 {
		return v, err
	}
	if keys, ok := cfg.Keys.(verifiers.Keys); ok && len(keys) != len(names) {
		return nil, fmt.Errorf("%s: %w %s: there must be one for each secret", provider, verifiers.ErrOption, n.option)
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		name, err := n.header.Lookup(req)
		if err == nil && !slices.Contains(names, name) {
			err = verifiers.ErrUnknownKey
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: n.header.String(), Err: err}
		}
		res, err := v.Verify(ctx, req)
		if err == nil && (res.KeyIndex >= len(names) || names[res.KeyIndex] != name) {
			err = &verifiers.Error{Provider: provider, Field: n.header.String(), Err: verifiers.ErrMismatch}
		}
		if err != nil {
			return verifiers.Result{}, err
		}
		return res, nil
	}), nil
}

// Sign adds the signature with the first secret, and the first of the names.
func (n namedKey) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if names := strings.Fields(cfg.Options[n.option]); len(names) > 0 {
		req.Header.Set(n.header.Header, names[0])
	}
	return n.hmac.Sign(req, cfg)
}

// Places says where the signature is.
func (n namedKey) Places() verifiers.Places {
	p := n.hmac.Places()
	p.Headers = []string{n.header.Header}
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = namedKey{}
	_ verifiers.Signer = namedKey{}
)
