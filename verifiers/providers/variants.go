package providers

import (
	"context"
	"errors"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// variants are the ways in which one sender may sign, as it is configured or
// while it rotates secrets, and which a receiver cannot tell beforehand. A
// request is tried as the next one only if its signature does not fit, or does
// not have the form of, the one before: what is missing, or too old, is not
// better in another way. All of them protect the same parts of a request.
type variants []verifiers.HMAC

// Build returns a verifier of all of them.
func (s variants) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	list := make(variantsVerifier, len(s))
	for i, h := range s {
		v, err := h.Build(provider, cfg)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// Sign signs in the first way.
func (s variants) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	return s[0].Sign(req, cfg)
}

// Places are those of the first way.
func (s variants) Places() verifiers.Places { return s[0].Places() }

type variantsVerifier []verifiers.Verifier

// Verify returns the error that says most: that a well-formed signature does not
// fit rather than that another is not well-formed.
func (l variantsVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	var worst error
	for _, v := range l {
		res, err := v.Verify(ctx, req)
		if err == nil {
			return res, nil
		}
		mismatch := errors.Is(err, verifiers.ErrMismatch)
		if worst == nil || mismatch && !errors.Is(worst, verifiers.ErrMismatch) {
			worst = err
		}
		if !mismatch && !errors.Is(err, verifiers.ErrMalformed) {
			if errors.Is(err, verifiers.ErrMissing) {
				return verifiers.Result{}, worst
			}
			return verifiers.Result{}, err
		}
	}
	return verifiers.Result{}, worst
}

// Interface guards.
var (
	_ verifiers.Placer = variants(nil)
	_ verifiers.Signer = variants(nil)
)
