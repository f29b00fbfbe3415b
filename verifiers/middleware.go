package verifiers

import (
	"context"
	"net/http"
)

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
