package verifiers

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/undo"
)

// A Cause is a fixed word for why a request was refused.
type Cause string

// The causes. All but the last four say what [Reason] says, in the words of
// somebody who has to mend it.
const (
	CauseMissing     Cause = "missing"         // a header, field or parameter is not there
	CauseMalformed   Cause = "malformed"       // it is there and has not the right form
	CauseStale       Cause = "too_old"         // authentic, and outside the replay window
	CauseFuture      Cause = "in_the_future"   // authentic, and one of the clocks is wrong
	CauseUntrusted   Cause = "untrusted"       // it names what is not trusted
	CauseUnknownKey  Cause = "unknown_key"     // it names a key that is not known
	CauseUnavailable Cause = "key_unavailable" // the keys could not be had
	CauseInternal    Cause = "internal"        // not an error of this package

	CauseWrongSecret Cause = "wrong_secret"       // nothing that was tried fits: another secret, or a forgery
	CauseBody        Cause = "body_modified"      // it fits if the body is changed back
	CauseURL         Cause = "url_mismatch"       // it fits another form of the URL
	CauseAlgorithm   Cause = "algorithm_mismatch" // it fits with another hash, encoding or form of the secret
)

// A Diagnosis says why a request was refused. It is for operators alone: told to
// the sender, it would help to forge.
type Diagnosis struct {
	// Cause is the most likely cause.
	Cause Cause
	// Detail says more, in words that never hold a secret, an expected signature
	// or request data, except for the parts of the URL that would have fitted.
	Detail string
}

// String returns "body_modified: a byte order mark was added".
func (d Diagnosis) String() string {
	if d.Detail == "" {
		return string(d.Cause)
	}
	return string(d.Cause) + ": " + d.Detail
}

// maxDiagnosed is the length of the longest body of which variants are made.
const maxDiagnosed = 1 << 20

// Diagnose finds out why a verifier that p.New built from cfg refused req with
// err. Where the signature fits no key it tries what usually happens to requests
// on their way: some forty verifications, so that whoever lets strangers cause
// it should limit how often. It changes nothing and accepts nothing.
func (p Provider) Diagnose(ctx context.Context, cfg Config, req *Request, err error) Diagnosis {
	field := ""
	if typed, ok := errors.AsType[*Error](err); ok {
		field = typed.Field
	}
	d := diagnoser{ctx: ctx, provider: p, cfg: cfg, req: req}
	switch {
	case err == nil:
		return Diagnosis{}
	case errors.Is(err, ErrMissing):
		return Diagnosis{CauseMissing, field + twin(field, req.Header)}
	case errors.Is(err, ErrMalformed):
		// A place inside the body cannot be read if the body has changed.
		for _, try := range []func() (Diagnosis, bool){d.body, d.scheme} {
			if found, ok := try(); ok {
				return found
			}
		}
		return Diagnosis{CauseMalformed, field}
	case errors.Is(err, ErrStale), errors.Is(err, ErrFuture):
		return d.skew(err, field)
	case errors.Is(err, ErrUntrusted):
		// A token may be for a URL, in a claim.
		if found, ok := d.url(); ok {
			return found
		}
		return Diagnosis{CauseUntrusted, field}
	case errors.Is(err, ErrUnknownKey):
		return Diagnosis{CauseUnknownKey, field}
	case errors.Is(err, ErrUnavailable):
		return Diagnosis{CauseUnavailable, field}
	case !errors.Is(err, ErrMismatch):
		return Diagnosis{CauseInternal, field}
	}
	for _, try := range []func() (Diagnosis, bool){d.body, d.url, d.scheme} {
		if found, ok := try(); ok {
			return found
		}
	}
	return Diagnosis{CauseWrongSecret, "no variant of body, URL and algorithm fits any of the keys"}
}

// twin names a header that is there in place of the missing one, such as that of
// an older signature. Its name is the beginning of the missing one's.
func twin(field string, header http.Header) string {
	missing, ok := strings.CutPrefix(field, "header ")
	if !ok {
		return ""
	}
	for name := range header {
		if rest, ok := strings.CutPrefix(missing, name); ok && strings.HasPrefix(rest, "-") {
			return "; the request has " + name + " in its place"
		}
	}
	return ""
}

// diagnoser tries variants of one request.
type diagnoser struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call
	provider Provider
	cfg      Config
	req      *Request
}

// fits reports whether the request has a signature of ours, whatever its age.
func (d *diagnoser) fits(v Verifier, req *Request) bool {
	if d.ctx.Err() != nil {
		return false
	}
	_, err := v.Verify(d.ctx, req)
	return err == nil || errors.Is(err, ErrStale) || errors.Is(err, ErrFuture)
}

// copyOf returns the request with nothing decoded.
func (d *diagnoser) copyOf() *Request {
	return &Request{
		Method: d.req.Method, URL: d.req.URL, Header: d.req.Header, Body: d.req.Body,
		Remote: d.req.Remote, Peer: d.req.Peer,
	}
}

// skew says by how much the clocks differ.
func (d *diagnoser) skew(err error, field string) Diagnosis {
	cause := CauseStale
	if errors.Is(err, ErrFuture) {
		cause = CauseFuture
	}
	wide := d.cfg
	wide.Tolerance = 1 << 62
	v, buildErr := d.provider.New(wide)
	if buildErr != nil {
		return Diagnosis{cause, field}
	}
	res, err := v.Verify(d.ctx, d.copyOf())
	if err != nil || res.Signed.IsZero() {
		return Diagnosis{cause, field}
	}
	age := clock(d.cfg).Sub(res.Signed).Round(time.Second)
	if cause == CauseFuture {
		return Diagnosis{cause, "signed " + (-age).String() + " ahead of our clock"}
	}
	return Diagnosis{cause, "signed " + age.String() + " ago"}
}

// body tries what proxies and frameworks do to bodies.
func (d *diagnoser) body() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || len(d.req.Body) > maxDiagnosed {
		return Diagnosis{}, false
	}
	for _, change := range undo.Bodies() {
		body, ok := change.Undo(d.req.Body)
		if !ok || string(body) == string(d.req.Body) {
			continue
		}
		req := d.copyOf()
		req.Body = body
		if d.fits(v, req) {
			return Diagnosis{CauseBody, change.Name}, true
		}
	}
	return Diagnosis{}, false
}

// url tries what proxies do to URLs.
func (d *diagnoser) url() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || d.req.URL == nil {
		return Diagnosis{}, false
	}
	for _, form := range undo.URLs(d.req.URL, d.req.Header) {
		req := d.copyOf()
		req.URL = form.URL
		if d.fits(v, req) {
			return Diagnosis{CauseURL, form.Name}, true
		}
	}
	return Diagnosis{}, false
}

// scheme tries other hashes, encodings and forms of the secret.
func (d *diagnoser) scheme() (Diagnosis, bool) {
	var digest func(h Hash, s Signed) Scheme
	var hash Hash
	var signed Signed
	switch s := d.provider.Scheme.(type) {
	case HMAC:
		hash, signed = s.Hash, s.Signed
		digest = func(h Hash, signed Signed) Scheme { return HMAC{Hash: h, KeyHash: s.KeyHash, Signed: signed} }
	case Digest:
		hash, signed = s.Hash, s.Signed
		digest = func(h Hash, signed Signed) Scheme { return Digest{Hash: h, Signed: signed} }
	default:
		return Diagnosis{}, false
	}
	for _, h := range []Hash{hash, SHA1, SHA256, SHA384, SHA512, MD5} {
		for _, e := range []Encoding{signed.Encoding, Hex, Base64, Base64URL} {
			for _, k := range []KeyFormat{signed.Key, KeyText, KeyWhsec, KeyBase64, KeyHex} {
				variant := signed
				variant.Encoding, variant.Key = e, k
				variant.Signature = withHash(signed.Signature, hash, h)
				p := d.provider
				p.Scheme = digest(h, variant)
				v, err := p.New(d.cfg)
				if err == nil && d.fits(v, d.copyOf()) {
					return Diagnosis{CauseAlgorithm, difference(hash, h, signed, variant)}, true
				}
			}
		}
	}
	return Diagnosis{}, false
}

// withHash exchanges the hash's name where it is the prefix of signatures.
func withHash(s Source, from, to Hash) Source {
	if rest, ok := strings.CutPrefix(s.Prefix, string(from)); ok {
		s.Prefix = string(to) + rest
	}
	return s
}

func difference(hash, h Hash, signed, variant Signed) string {
	var list []string
	if h != hash {
		list = append(list, "the hash is "+string(h)+" where "+string(hash)+" is due")
	}
	if e := signed.Encoding; variant.Encoding != e && variant.Encoding != "" && (e != "" || variant.Encoding != Hex) {
		list = append(list, "the signature is written as "+string(variant.Encoding))
	}
	if k := signed.Key; variant.Key != k && variant.Key != "" && (k != "" || variant.Key != KeyText) {
		list = append(list, "the secret is used as "+string(variant.Key))
	}
	return strings.Join(list, ", ")
}
