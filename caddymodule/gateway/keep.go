package gateway

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Kept is what quarantine keeps of a request besides its body, so that it can be
// put through the pipeline again. It holds no credential: of headers and of
// parameters of the URL it has the names, and values only of those that are known
// to hold none.
type Kept struct {
	// Method is the HTTP method.
	Method string `json:"method"`
	// URL is the URL as the sender addressed it. Values of parameters that are
	// left out are replaced by [Redacted].
	URL string `json:"url"`
	// Header holds the headers whose values are kept.
	Header http.Header `json:"header,omitempty"`
	// Redacted are the names of the other headers, sorted.
	Redacted []string `json:"redacted,omitempty"`
	// Remote is the sender's address; the zero Addr if it is not known.
	Remote netip.Addr `json:"remote,omitzero"`
	// Encoding is the content coding in which the body is kept: "gzip" where the
	// signature of a compressed body did not fit, so that it was not decompressed.
	Encoding string `json:"encoding,omitempty"`
	// Unprovable means that the request was authentic and that what is kept of it
	// is not enough to verify it again.
	Unprovable bool `json:"unprovable,omitempty"`
}

// Redacted stands in place of a value that is not kept.
const Redacted = "REDACTED"

const (
	// maxKept bounds what is kept of headers and of the URL, in bytes. Headers
	// that do not fit are left out, those first that nothing reads.
	maxKept = 8 << 10
	// maxKeptNames bounds the names of headers that are left out.
	maxKeptNames = 64
)

// harmless are headers of any request that hold no credential.
var harmless = []string{
	"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Type", "Date", "Expect", "Idempotency-Key", "Traceparent", "User-Agent", "X-Request-Id",
}

// keeping says which values of a route's requests are kept. It is made with the
// route.
type keeping struct {
	headers  []string // canonical, in the order of their importance
	query    []string // names of parameters
	allQuery bool
	// plain are those of headers in which no signature is.
	plain []string
	// secret means that what proves the sender is a credential, or stands where
	// one may be, so that a kept request cannot be verified again, and inBody
	// that it is in the body.
	secret, inBody bool
	// covers is what the proof protects, if it is a credential.
	covers *verifiers.Coverage
}

// newKeeping decides by allow-list. What a scheme reads is kept unless it is the
// secret itself; so are the places of the id, the type and the time.
func newKeeping(rt *Route) keeping {
	p := &rt.cfg.Provider
	read := []verifiers.Source{rt.whole.id, rt.whole.typ, rt.whole.t}
	if b := rt.batching; b != nil {
		read = append(read, b.request.id, b.request.typ, b.request.t, b.element.id, b.element.typ, b.element.t, b.of.In)
	}
	for i := range p.Handshakes {
		for _, m := range p.Handshakes[i].When {
			read = append(read, m.Source)
		}
	}
	k := keeping{covers: &verifiers.Coverage{}}
	plain := slices.Clone(harmless)
	for _, source := range read {
		plain = sourceHeaders(plain, source)
	}
	var hidden, signature []string // headers
	if s, ok := p.Scheme.(verifiers.Placer); ok {
		places := s.Places()
		k.covers = &places.Covers
		signature = sourceHeaders(nil, places.Signature)
		k.secret = places.Secret || slices.ContainsFunc(signature, isCredential)
		if k.secret {
			hidden = signature
			k.inBody = places.Secret && inPayload(places.Signature)
		} else {
			read = append(read, places.Signature, places.Timestamp)
			k.allQuery = places.Covers.URL
			k.query = append(k.query, places.Covers.Query...)
		}
	}
	names := slices.Clone(rt.headers)
	for _, s := range read {
		names = sourceHeaders(names, s)
		k.query = sourceQuery(k.query, s)
	}
	// Tokens of handshakes, and secrets that they deliver, are credentials.
	var hiddenQuery []string
	for i := range p.Handshakes {
		for _, s := range []verifiers.Source{p.Handshakes[i].Token, p.Handshakes[i].Capture} {
			hidden, hiddenQuery = sourceHeaders(hidden, s), sourceQuery(hiddenQuery, s)
		}
	}
	k.query = without(k.query, hiddenQuery)
	keepable := func(list []string) (kept []string) {
		for _, name := range list {
			name = http.CanonicalHeaderKey(name)
			if !isCredential(name) && !slices.Contains(hidden, name) && !slices.Contains(kept, name) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	k.headers, k.plain = keepable(slices.Concat(names, harmless)), without(keepable(plain), signature)
	return k
}

func without(list, remove []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return slices.Contains(remove, s) })
}

func isCredential(name string) bool { return slices.Contains(credentials, name) }

// sourceQuery appends the parameters that a source reads.
func sourceQuery(names []string, s verifiers.Source) []string {
	if s.Query != "" {
		names = append(names, s.Query)
	}
	for _, part := range slices.Concat(s.First, s.Join) {
		names = sourceQuery(names, part)
	}
	return names
}

// inPayload reports whether a source reads the body in any way.
func inPayload(s verifiers.Source) bool {
	return s.Form != "" || s.Pointer != "" || s.Whole || slices.ContainsFunc(slices.Concat(s.First, s.Join), inPayload)
}

// keep returns what is kept of an authentic request, or of one that has at least
// the form of one.
func (x *exchange) keep() *Kept { return x.keepHeaders(x.route.keeping.headers) }

// keepHeaders keeps the values of headers with these names. One that is malformed
// may have anything where the signature should be.
func (x *exchange) keepHeaders(names []string) *Kept {
	k := &x.route.keeping
	kept := &Kept{Method: x.req.Method, Remote: x.req.Remote}
	room := maxKept
	if x.req.URL != nil {
		kept.URL = cutText(k.url(x.req.URL), maxKept/2)
		room -= len(kept.URL)
	}
	for _, name := range names {
		values := x.req.Header[name]
		if len(values) == 0 {
			continue
		}
		size := len(name)
		for _, v := range values {
			size += len(v)
		}
		if size > room {
			continue
		}
		room -= size
		if kept.Header == nil {
			kept.Header = make(http.Header)
		}
		kept.Header[name] = slices.Clone(values)
	}
	for name := range x.req.Header {
		if kept.Header[name] == nil && isToken(name) && len(name) <= 128 {
			kept.Redacted = append(kept.Redacted, name)
		}
	}
	slices.Sort(kept.Redacted)
	if len(kept.Redacted) > maxKeptNames {
		kept.Redacted = kept.Redacted[:maxKeptNames]
	}
	return kept
}

// url writes a URL without what may be a credential.
func (k *keeping) url(u *url.URL) string {
	c := *u
	c.User, c.Fragment, c.RawFragment = nil, "", ""
	if k.allQuery || c.RawQuery == "" {
		return c.String()
	}
	parts := strings.Split(c.RawQuery, "&")
	for i, part := range parts {
		name, value, has := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		switch {
		case err == nil && slices.Contains(k.query, plain):
		case has && value != "":
			parts[i] = name + "=" + Redacted
		case !has && name != "": // the whole may be a credential
			parts[i] = Redacted
		}
	}
	c.RawQuery = strings.Join(parts, "&")
	return c.String()
}

// keepProven is keep for a request that was verified. It finds out whether what
// is kept can be.
func (x *exchange) keepProven() *Kept {
	kept, cfg := x.keep(), &x.route.cfg
	if cfg.Unverified || x.event.Part != nil || x.route.keeping.secret {
		return kept
	}
	kept.Unprovable = true
	if cfg.VerifierAt == nil {
		return kept
	}
	v, err := cfg.VerifierAt(x.event.Received)
	if err != nil {
		return kept
	}
	req, err := kept.request(x.req.Body)
	if err != nil {
		return kept
	}
	_, err = v.Verify(x.ctx, req)
	kept.Unprovable = err != nil
	return kept
}

// keepInCase is keepProven for an event that is, as a rule, never in quarantine. That
// what is kept can be verified again is found out once for a route: it costs as much
// as everything else. Where it cannot, it is tried each time.
func (x *exchange) keepInCase() *Kept {
	proven := x.route.proven
	if x.packed != nil { // the signature may be over what the event's body is not
		return x.keepProven()
	}
	if proven.Load() {
		return x.keep()
	}
	kept := x.keepProven()
	if !kept.Unprovable && x.event.Part == nil {
		proven.Store(true)
	}
	return kept
}

// request is the request as it is kept.
func (k *Kept) request(body []byte) (*verifiers.Request, error) {
	u, err := url.Parse(k.URL)
	if err != nil {
		return nil, ErrRequestNotKept
	}
	header := k.Header
	if header == nil {
		header = make(http.Header)
	}
	return &verifiers.Request{Method: k.Method, URL: u, Header: header, Body: body, Remote: k.Remote}, nil
}
