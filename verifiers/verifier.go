package verifiers

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// A Verifier decides whether a request comes from the provider it claims to
// come from. Implementations are safe for concurrent use and neither modify
// nor retain the request.
type Verifier interface {
	// Verify returns a nil error only for an authentic request. Any other
	// outcome is an [*Error] whose Err is, or wraps, one of this package's
	// Err values.
	Verify(ctx context.Context, req *Request) (Result, error)
}

// VerifierFunc lets an ordinary function be a [Verifier].
type VerifierFunc func(ctx context.Context, req *Request) (Result, error)

// Verify calls f.
func (f VerifierFunc) Verify(ctx context.Context, req *Request) (Result, error) { return f(ctx, req) }

// A Request is what the sender put on the wire. The caller fills the exported
// fields and changes none of them afterwards. A Request caches what it decodes,
// so one Request is for one goroutine at a time.
type Request struct {
	// Method is the HTTP method, in upper case.
	Method string
	// URL is absolute and as the sender addressed it: the public scheme, host,
	// path and query from before any proxy rewrote them.
	URL *url.URL
	// Header holds the request's headers under their canonical names.
	Header http.Header
	// Body is the body exactly as received. It is never modified.
	Body []byte
	// Remote is the sender's address. It is the zero Addr when unknown.
	Remote netip.Addr
	// Peer is the TLS client certificate that the server has verified, if any.
	Peer *x509.Certificate

	document document
	want     *Pointers
	limits   *JSONLimits // nil: any JSON is taken
	trees    treeKind    // what the pass may decode
	members  members
	inner    []inner
	opened   []*Request // those of inner that CheckInner looks at
	passes   int
	form     form
	query    query
}

// Result describes an authentic request.
type Result struct {
	// KeyID is the id of the key that matched. It lets an operator see when an
	// old key may be retired. Empty where keys have no id of their own.
	KeyID string
	// KeyIndex is the position of that key in the [KeySource], 0 for the
	// newest. Fit for a metric label, which an id is not.
	KeyIndex int
	// Signed is the signed timestamp; zero if the scheme has none.
	Signed time.Time
	// Scheme is a fixed word for the way the request was authenticated, such
	// as "hmac-sha256" or "token".
	Scheme string
	// Covers says which parts of the request the signature protects. It is
	// shared between results and read-only. It is never nil on success.
	Covers *Coverage
}
