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
	// secret means that what proves the sender is a credential, so that a kept
	// request cannot be verified again, and inBody that it is in the body.
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
	hidden := verifiers.Source{}
	if s, ok := p.Scheme.(verifiers.Placer); ok {
		places := s.Places()
		k.secret, k.covers = places.Secret, &places.Covers
		if places.Secret {
			hidden = places.Signature
			k.inBody = inPayload(places.Signature)
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
	for i := range p.Handshakes {
		// Tokens of handshakes, and secrets that they deliver, are credentials.
		k.query = without(k.query, sourceQuery(nil, p.Handshakes[i].Token))
		k.query = without(k.query, sourceQuery(nil, p.Handshakes[i].Capture))
		names = without(names, sourceHeaders(nil, p.Handshakes[i].Token))
	}
	k.query = without(k.query, sourceQuery(nil, hidden))
	for _, name := range slices.Concat(names, harmless) {
		if name = http.CanonicalHeaderKey(name); forwardable(name, p) && !slices.Contains(k.headers, name) {
			k.headers = append(k.headers, name)
		}
	}
	return k
}

func without(list, remove []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return slices.Contains(remove, s) })
}

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

// keep returns what is kept of the request.
func (x *exchange) keep() *Kept {
	k := &x.route.keeping
	kept := &Kept{Method: x.req.Method, Remote: x.req.Remote}
	room := maxKept
	if x.req.URL != nil {
		kept.URL = cutText(k.url(x.req.URL), maxKept/2)
		room -= len(kept.URL)
	}
	for _, name := range k.headers {
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
