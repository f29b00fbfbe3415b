package gateway

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Sent describes the body of a request as it was sent, where that was compressed.
type Sent struct {
	// Encoding is the content coding: "gzip".
	Encoding string
	// Digest is the SHA-256 of the compressed bytes, and Size their number.
	Digest [32]byte
	Size   int
}

const (
	codingGzip = "gzip"

	defaultMaxRatio = 100
	// maxMembers is how many gzip members one body may have: the format permits to
	// join them, and each costs more than its bytes.
	maxMembers = 1024
	// inflaterSize is what is reserved for the work itself, besides the result.
	inflaterSize = 48 << 10
	// plausible is how many times as large the result is believed to become because
	// the end of the body says so; other results are made room for as they grow.
	plausible = 8
)

var (
	errCoding         = errors.New("the body has a content coding")
	errExpanded       = errors.New("the body is over the limit for decompressed bodies")
	errRatio          = errors.New("the body grows more than permitted when it is decompressed")
	errMembers        = errors.New("the body has too many gzip members")
	errAfterTheEnd    = errors.New("something follows the end of the gzip data")
	errNotGzip        = errors.New("the body is no whole gzip data")
	errKeptCompressed = errors.New("the body was kept compressed, and the route decompresses none now: set `limits { decompressed <size> }`")
)

// compression is how a route treats compressed bodies.
type compression struct {
	// signsPlain: the signature is over the decompressed body, or over members of it.
	signsPlain bool
	// first: the body has to be decompressed before it is verified.
	first bool
}

// newCompression decides what has to be known first. A body that is not verified is
// decompressed only if it must be: because that is what the sender signs, or because
// the signature, or what tells a handshake that nobody signs, is in it.
func newCompression(p *verifiers.Provider, unsigned []*verifiers.Handshake) compression {
	c := compression{signsPlain: p.SignsUncompressed}
	if s, ok := p.Scheme.(verifiers.Placer); ok {
		places := s.Places()
		covers := &places.Covers
		members := !covers.Body && len(covers.Form)+len(covers.Pointers) > 0
		c.signsPlain = c.signsPlain || members || inPayload(places.Signature)
	}
	c.first = c.signsPlain
	for _, h := range unsigned {
		c.first = c.first || inPayload(h.Token) || inPayload(h.Capture) ||
			slices.ContainsFunc(h.When, func(m verifiers.Match) bool { return inPayload(m.Source) })
	}
	return c
}

// SignsDecompressed reports whether the provider's signature of a body that comes
// compressed is over what comes out of it, so that it has to be decompressed first.
func SignsDecompressed(p *verifiers.Provider) bool { return newCompression(p, nil).signsPlain }

// checkCoding refuses a body in a content coding, unless it is one that the route
// takes: gzip, and nothing else beside it.
func (x *exchange) checkCoding() error {
	for _, value := range x.r.Header["Content-Encoding"] {
		for coding := range strings.SplitSeq(value, ",") {
			switch coding = strings.TrimSpace(coding); {
			case coding == "" || strings.EqualFold(coding, "identity"):
			case x.route.cfg.MaxDecompressed == 0, x.coding != "":
				return errCoding
			case strings.EqualFold(coding, codingGzip), strings.EqualFold(coding, "x-gzip"):
				x.coding = codingGzip
			default:
				return errCoding
			}
		}
	}
	return nil
}

// accepted is the value of the header Accept-Encoding with which a coding is refused.
func (rt *Route) accepted() string {
	if rt.cfg.MaxDecompressed == 0 {
		return "identity"
	}
	return codingGzip
}

// signed returns the request whose body is what the sender has signed.
func (x *exchange) signed() *verifiers.Request {
	if !x.signsPacked() {
		return &x.req
	}
	return &verifiers.Request{
		Method: x.req.Method, URL: x.req.URL, Header: x.req.Header, Body: x.packed, Remote: x.req.Remote, Peer: x.req.Peer,
	}
}

// signsPacked reports whether the signature is over the compressed bytes.
func (x *exchange) signsPacked() bool { return x.packed != nil && !x.route.packed.signsPlain }

// decompress takes the compressed body apart, if it is one and has not been yet.
// From then on the body is what came out: what consumers get, and where the id, the
// type and the events of a batch are.
func (x *exchange) decompress() bool {
	if x.packed == nil || x.sent != nil {
		return true
	}
	body, outcome, err := x.gunzip()
	if err != nil {
		return x.end(outcome, "", fmt.Errorf("decompressing the body: %w", err))
	}
	x.sent = &Sent{Encoding: x.coding, Digest: sha256.Sum256(x.packed), Size: len(x.packed)}
	// A new one, which has decoded nothing yet.
	x.res.JSONPasses += x.req.Passes()
	x.req = verifiers.Request{
		Method: x.req.Method, URL: x.req.URL, Header: x.req.Header, Body: body, Remote: x.req.Remote, Peer: x.req.Peer,
	}
	x.req.Want(x.route.members)
	x.req.Strictly(x.route.limits)
	return true
}

// inflater decompresses one body. What it has read from is not kept.
type inflater struct {
	in      bytes.Reader
	out     gzip.Reader
	open    bool // within a member
	members int
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// gunzip returns the decompressed body, for which it reserves memory as it grows.
func (x *exchange) gunzip() ([]byte, Outcome, error) {
	limit, tooMuch := x.route.cfg.MaxDecompressed, errExpanded
	// Divided, as the product may be more than there are numbers.
	if n, ratio := int64(len(x.packed)), int64(x.route.cfg.MaxRatio); ratio <= limit/n && n*ratio < limit {
		limit, tooMuch = n*ratio, errRatio
	}
	if !x.lease.grow(inflaterSize) {
		return nil, Overloaded, errBudget
	}
	defer x.lease.shrink(inflaterSize)
	z, ok := inflaters.Get().(*inflater)
	if !ok {
		z = new(inflater)
	}
	defer func() {
		z.in.Reset(nil)
		inflaters.Put(z)
	}()
	z.in.Reset(x.packed)
	z.open, z.members = false, 0

	var buf []byte
	for size := x.firstDecompressed(limit); ; size = nextDecompressed(size, limit) {
		if !x.lease.grow(size - int64(cap(buf))) {
			return nil, Overloaded, errBudget
		}
		grown := make([]byte, len(buf), size)
		copy(grown, buf)
		got, whole, err := z.fill(grown)
		buf = got
		switch {
		case int64(len(buf)) > limit:
			return nil, BodyTooLarge, tooMuch
		case err != nil:
			return nil, BodyNotGzip, err
		case whole:
			return buf, Accepted, nil
		}
	}
}

// DecompressedMemory is how much memory a body takes that may have so many bytes
// when it is decompressed, besides the body as it was sent.
func DecompressedMemory(limit int64) int64 { return limit + 1 + inflaterSize }

// firstDecompressed is how much room there is at first: as much as the end of the
// body says that there will be, if that is plausible, and one byte to see the end.
func (x *exchange) firstDecompressed(limit int64) int64 {
	size := int64(firstSize)
	if n := len(x.packed); n >= 4 {
		if says := int64(binary.LittleEndian.Uint32(x.packed[n-4:])); says <= plausible*int64(n) {
			size = says + 1
		}
	}
	return min(max(size, 512), limit+1)
}

// nextDecompressed is never the limit itself, which would be one byte too little.
func nextDecompressed(size, limit int64) int64 {
	if 2*size >= limit {
		return limit + 1
	}
	return 2 * size
}

// fill decompresses until b is full, or to the end, which it reports.
func (z *inflater) fill(b []byte) (got []byte, whole bool, err error) {
	for len(b) < cap(b) {
		if err := z.begin(); err != nil {
			return b, false, err
		}
		n, err := z.out.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, io.EOF) && z.in.Len() == 0:
			return b, true, nil
		case errors.Is(err, io.EOF):
			z.open = false
		case err != nil:
			return b, false, errNotGzip
		}
	}
	return b, false, nil
}

// begin goes on to the next member where one has ended.
func (z *inflater) begin() error {
	if z.open {
		return nil
	}
	if z.members++; z.members > maxMembers {
		return errMembers
	}
	if err := z.out.Reset(&z.in); err != nil {
		if z.members > 1 {
			return errAfterTheEnd
		}
		return errNotGzip
	}
	z.out.Multistream(false)
	z.open = true
	return nil
}
