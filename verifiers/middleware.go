package verifiers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
)

const retryAfter = "10" // seconds

type resultKey struct{}

type middleware struct {
	v       Verifier
	maxBody int64
	next    http.Handler
}

// Middleware verifies each request with v and hands the authentic ones to next,
// with the body intact and the [Result] in the context ([FromContext]). A body
// of more than maxBody bytes is answered 413, a body that cannot be read 400,
// an undecidable request 503 with Retry-After, and any other failure 401; the
// answers say nothing about the reason.
//
// Behind a proxy that changes scheme or host, set r.URL to the absolute public
// URL before, for schemes that sign it; without that it is put together from
// r.TLS, r.Host and r.URL.
func Middleware(v Verifier, maxBody int64, next http.Handler) http.Handler {
	return &middleware{v: v, maxBody: maxBody, next: next}
}

// FromContext returns the result that [Middleware] put into the context of an
// authentic request.
func FromContext(ctx context.Context) (Result, bool) {
	r, ok := ctx.Value(resultKey{}).(Result)
	return r, ok
}

func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := m.read(w, r)
	if err != nil {
		status := http.StatusBadRequest
		if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
			status = http.StatusRequestEntityTooLarge
		}
		refuse(w, status)
		return
	}
	res, err := m.v.Verify(r.Context(), newRequest(r, body))
	switch {
	case errors.Is(err, ErrUnavailable):
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable)
	case err != nil:
		refuse(w, http.StatusUnauthorized)
	default:
		next := r.WithContext(context.WithValue(r.Context(), resultKey{}, res))
		next.Body = io.NopCloser(bytes.NewReader(body))
		next.ContentLength = int64(len(body))
		m.next.ServeHTTP(w, next)
	}
}

func (m *middleware) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > m.maxBody {
		return nil, &http.MaxBytesError{Limit: m.maxBody}
	}
	if r.Body == nil {
		return nil, nil
	}
	limited := http.MaxBytesReader(w, r.Body, m.maxBody)
	if r.ContentLength < 0 {
		return io.ReadAll(limited)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(limited, body)
	return body, err
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// newRequest describes r, whose body has been read.
func newRequest(r *http.Request, body []byte) *Request {
	req := &Request{Method: r.Method, URL: publicURL(r), Header: r.Header, Body: body}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		req.Remote = addr.Addr()
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && len(r.TLS.VerifiedChains[0]) > 0 {
		req.Peer = r.TLS.VerifiedChains[0][0]
	}
	return req
}

func publicURL(r *http.Request) *url.URL {
	if r.URL.IsAbs() {
		return r.URL
	}
	u := *r.URL
	u.Host = r.Host
	if u.Scheme = "http"; r.TLS != nil {
		u.Scheme = "https"
	}
	return &u
}
