package providers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// adapted lets a scheme of package verifiers decide about a sender that differs
// from it in form only: the request has to be written in another way first, or
// its time is.
type adapted struct {
	scheme verifiers.Scheme
	// places are where the sender itself puts signature and time, and what it
	// covers: the scheme's own words are about the other form.
	places verifiers.Places
	// form returns the request in the form that the scheme reads. Its error is
	// an [*verifiers.Error]. Nil means the request as it is.
	form func(r *verifiers.Request) (*verifiers.Request, error)
	// parse reads the time at places.Timestamp. Nil means that the scheme
	// reads it itself, or that there is none.
	parse func(text string) (time.Time, error)
	// blank is a signature that form takes, where there is none yet.
	blank string
}

func (a adapted) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	inner, err := a.scheme.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	v := &adaptedVerifier{adapted: a, provider: provider, inner: inner, tolerance: cfg.Tolerance, now: cfg.Time}
	if v.tolerance == 0 {
		v.tolerance = a.places.Tolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, nil
}

// Sign lets the scheme sign the request in its form, and puts the signature where
// the sender does.
func (a adapted) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	placer, ok := a.scheme.(verifiers.Placer)
	if !ok {
		return signAs(a.scheme, req, cfg)
	}
	if a.parse != nil {
		now := senderTime(cfg)
		at := now.Unix()
		if a.places.Unit == verifiers.Milliseconds {
			at = now.UnixMilli()
		}
		if err := a.places.Timestamp.Put(req, strconv.FormatInt(at, 10)); err != nil {
			return fmt.Errorf("adding the timestamp: %w", err)
		}
	}
	if a.blank != "" {
		if err := a.places.Signature.Put(req, a.blank); err != nil {
			return fmt.Errorf("adding the signature: %w", err)
		}
	}
	formed := req
	if a.form != nil {
		var err error
		if formed, err = a.form(req); err != nil {
			return err
		}
	}
	if err := signAs(a.scheme, formed, cfg); err != nil {
		return err
	}
	signature, err := placer.Places().Signature.Lookup(formed)
	if err != nil {
		return fmt.Errorf("reading the signature: %w", err)
	}
	return a.places.Signature.Put(req, signature)
}

// Places says where the sender puts signature and time.
func (a adapted) Places() verifiers.Places { return a.places }

type adaptedVerifier struct {
	adapted
	provider  string
	inner     verifiers.Verifier
	tolerance time.Duration
	now       func() time.Time
}

func (v *adaptedVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	signed, err := v.readTime(req)
	if err != nil {
		return verifiers.Result{}, v.fail(v.places.Timestamp.String(), err)
	}
	formed := req
	if v.form != nil {
		if formed, err = v.form(req); err != nil {
			return verifiers.Result{}, v.name(err)
		}
	}
	res, err := v.inner.Verify(ctx, formed)
	if err != nil {
		return res, err
	}
	res.Covers = &v.places.Covers
	if v.parse == nil {
		return res, nil
	}
	res.Signed = signed
	if err := inWindow(v.now(), signed, v.tolerance); err != nil {
		return verifiers.Result{}, v.fail(v.places.Timestamp.String(), err)
	}
	return res, nil
}

func (v *adaptedVerifier) readTime(req *verifiers.Request) (time.Time, error) {
	if v.parse == nil {
		return time.Time{}, nil
	}
	text, err := v.places.Timestamp.Lookup(req)
	if err != nil {
		return time.Time{}, err
	}
	return v.parse(text)
}

func (v *adaptedVerifier) fail(field string, err error) error {
	return &verifiers.Error{Provider: v.provider, Field: field, Err: err}
}

// name puts the provider's name into an error of form.
func (v *adaptedVerifier) name(err error) error {
	if typed, ok := errors.AsType[*verifiers.Error](err); ok {
		return v.fail(typed.Field, typed.Err)
	}
	return v.fail("", fmt.Errorf("rewriting the request: %w", verifiers.ErrMalformed))
}

// inWindow checks the replay window.
func inWindow(now, signed time.Time, tolerance time.Duration) error {
	switch age := now.Sub(signed); {
	case age > tolerance:
		return verifiers.ErrStale
	case age < -tolerance:
		return verifiers.ErrFuture
	}
	return nil
}

// reform returns a copy of a request whose header and body may be changed.
func reform(r *verifiers.Request) *verifiers.Request {
	return &verifiers.Request{
		Method: r.Method, URL: r.URL, Header: maps.Clone(r.Header), Body: r.Body, Remote: r.Remote, Peer: r.Peer,
	}
}

// Interface guards.
var (
	_ verifiers.Placer   = adapted{}
	_ verifiers.Signer   = adapted{}
	_ verifiers.Verifier = (*adaptedVerifier)(nil)
)
