package providers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// limited is a scheme whose key is the same for all customers of a sender, so
// that a signature does not say whose event it is. An option names the values
// of a member that are accepted; without it all are.
type limited struct {
	verifiers.Scheme
	option string
	member verifiers.Source
}

// Build returns a verifier that looks at the member of authentic requests.
func (l limited) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := l.Scheme.Build(provider, cfg)
	values := strings.Fields(cfg.Options[l.option])
	if err != nil || len(values) == 0 {
		return inner, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := inner.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		value, err := l.member.Lookup(req)
		switch {
		case errors.Is(err, verifiers.ErrMissing):
			err = verifiers.ErrMissing
		case err != nil:
			err = verifiers.ErrMalformed
		case !slices.Contains(values, value):
			err = verifiers.ErrUntrusted
		default:
			return res, nil
		}
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: l.member.String(), Err: err}
	}), nil
}

// Sign signs as the scheme does. The member is not written: it belongs to the
// event.
func (l limited) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return signAs(l.Scheme, req, cfg)
}

// Places are those of the scheme.
func (l limited) Places() verifiers.Places {
	p, _ := l.Scheme.(verifiers.Placer)
	return p.Places()
}

// Interface guards.
var (
	_ verifiers.Placer = limited{}
	_ verifiers.Signer = limited{}
)
