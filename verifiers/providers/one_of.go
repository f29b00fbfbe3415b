package providers

import (
	"context"
	"errors"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// oneOf accepts what any of its schemes accepts, with the same keys: for
// senders that sign in two ways or in two places. The first is what they do
// today, which is also how a sender is played.
type oneOf []verifiers.Scheme

func (s oneOf) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	list := make(oneOfVerifier, len(s))
	for i, scheme := range s {
		v, err := scheme.Build(provider, cfg)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

// Places says where the first scheme puts what it needs. What the others read
// is listed as well.
func (s oneOf) Places() verifiers.Places {
	var p verifiers.Places
	for i, scheme := range s {
		placer, ok := scheme.(verifiers.Placer)
		switch {
		case !ok:
		case i == 0:
			p = placer.Places()
		default:
			p.Headers = append(p.Headers, placer.Places().HeaderNames()...)
		}
	}
	return p
}

// Sign signs as the first scheme does that the request has a place for.
func (s oneOf) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	var first error
	for _, scheme := range s {
		try := &verifiers.Request{Method: req.Method, URL: req.URL, Header: req.Header.Clone(), Body: req.Body, Remote: req.Remote, Peer: req.Peer}
		err := signAs(scheme, try, cfg)
		if err == nil {
			return signAs(scheme, req, cfg)
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// signAs signs as a scheme does, if its sender's side is known.
func signAs(s verifiers.Scheme, req *verifiers.Request, cfg verifiers.Config) error {
	if signer, ok := s.(verifiers.Signer); ok {
		return signer.Sign(req, cfg)
	}
	return errors.New("the sender's side of the scheme is not known")
}

type oneOfVerifier []verifiers.Verifier

// Verify goes on only while it is the signature that does not fit: a request
// that is authentic but old is not tried in another way. Of several refusals the
// first is reported that is about something that is there.
func (l oneOfVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	var refusal error
	for _, v := range l {
		res, err := v.Verify(ctx, req)
		if err == nil {
			return res, nil
		}
		missing := errors.Is(err, verifiers.ErrMissing)
		if !missing && !errors.Is(err, verifiers.ErrMismatch) && !errors.Is(err, verifiers.ErrMalformed) {
			return verifiers.Result{}, err
		}
		if refusal == nil || !missing && errors.Is(refusal, verifiers.ErrMissing) {
			refusal = err
		}
	}
	return verifiers.Result{}, refusal
}

// Interface guards.
var (
	_ verifiers.Signer = oneOf(nil)
	_ verifiers.Placer = oneOf(nil)
)
