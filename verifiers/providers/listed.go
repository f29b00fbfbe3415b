package providers

import (
	"context"
	"net/http"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// listed is an HMAC over headers that the request itself lists, among other
// things. What an accepted signature protects depends on the request.
type listed struct {
	ordered
	// names returns the listed headers. The error is the one that reading them
	// for the signature has.
	names func(r *verifiers.Request) ([]string, error)
}

// Build returns a verifier whose results cover the headers that are listed.
func (s listed) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v, err := s.ordered.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := v.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		names, err := s.names(req)
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "signed headers", Err: err}
		}
		covers := *res.Covers
		covers.Headers = append([]string(nil), covers.Headers...)
		for _, name := range names {
			if name = http.CanonicalHeaderKey(name); !slices.Contains(covers.Headers, name) {
				covers.Headers = append(covers.Headers, name)
			}
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Interface guards.
var (
	_ verifiers.Placer = listed{}
	_ verifiers.Signer = listed{}
)
