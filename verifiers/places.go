package verifiers

import (
	"strings"
	"time"
)

// Places say what a scheme is, and where in a request it puts what it needs.
type Places struct {
	// Scheme is the word of [Result.Scheme] for a request that is verified in
	// the usual way; empty if there is no usual way.
	Scheme string
	// Covers is what the signature protects then.
	Covers Coverage
	// Signature is where signatures, or the token, are.
	Signature Source
	// Secret means that what is there is the secret itself, which no consumer
	// may see.
	Secret bool
	// Timestamp is where the signed time is; zero if there is none.
	Timestamp Source
	// Unit is how the timestamp is written.
	Unit TimeUnit
	// Tolerance is the replay window.
	Tolerance time.Duration
	// Headers are further headers without which nobody can verify the request
	// again.
	Headers []string
}

// A Placer is a [Scheme] that says where it puts what it needs. All schemes of
// this package are.
type Placer interface {
	Scheme
	Places() Places
}

func (s *Signed) places(word string) Places {
	c := s.canonical()
	p := Places{
		Scheme:    word,
		Signature: c.Signature, Timestamp: c.Timestamp, Unit: c.Unit, Tolerance: c.Tolerance,
	}
	if p.Unit == "" {
		p.Unit = Seconds
	}
	if p.Tolerance == 0 && !p.Timestamp.IsZero() {
		p.Tolerance = defaultTolerance
	}
	t, err := parseTemplate(c.Content)
	if err != nil {
		return p
	}
	p.Covers = t.coverage(&c)
	p.Headers = c.ID.headers(p.Headers)
	for i := range t {
		p.Headers = t[i].source.headers(p.Headers)
	}
	return p
}

// headers appends the headers that the source reads.
func (s *Source) headers(names []string) []string {
	if s.Header != "" {
		names = append(names, s.Header)
	}
	for i := range s.First {
		names = s.First[i].headers(names)
	}
	for i := range s.Join {
		names = s.Join[i].headers(names)
	}
	return names
}

// HeaderNames lists the headers in which signature and timestamp are, and the
// further ones.
func (p Places) HeaderNames() []string {
	names := p.Signature.headers(nil)
	names = p.Timestamp.headers(names)
	return append(names, p.Headers...)
}

// Places says where signature and timestamp are.
func (h HMAC) Places() Places { return h.places("hmac-" + string(h.Hash)) }

// Places says where signature and timestamp are.
func (d Digest) Places() Places { return d.places("digest-" + string(d.Hash)) }

// Places says where signature and timestamp are.
func (e Ed25519) Places() Places { return e.places(e.scheme().word) }

// Places says where signature and timestamp are.
func (e ECDSA) Places() Places { return e.places(e.scheme().word) }

// Places says where signature and timestamp are.
func (r RSA) Places() Places { return r.places(r.scheme().word) }

// Places says where the token is. It is a credential until it expires.
func (j JWT) Places() Places {
	p := Places{
		Signature: j.Token.canonical(), Secret: true, Tolerance: j.Tolerance,
		Covers: j.coverage(j.Audience == audienceURL),
	}
	if p.Tolerance == 0 {
		p.Tolerance = defaultTolerance
	}
	if len(j.Algorithms) > 0 {
		p.Scheme = "jwt-" + strings.ToLower(j.Algorithms[0])
	}
	return p
}

func (j JWT) coverage(url bool) Coverage {
	c := Coverage{Body: j.BodyHash != "", URL: url}
	if j.Token.Pointer != "" || j.Token.Form != "" || j.Token.Whole {
		c = c.with(j.Token)
	}
	return c
}

// Places says where the token is.
func (t Token) Places() Places {
	return Places{Scheme: "token", Signature: t.Source.canonical(), Secret: true}
}

// Places says that it is in the header Authorization.
func (Basic) Places() Places { return Places{Scheme: "basic", Signature: authorization, Secret: true} }

// Interface guards.
var (
	_ Placer = HMAC{}
	_ Placer = Digest{}
	_ Placer = Ed25519{}
	_ Placer = ECDSA{}
	_ Placer = RSA{}
	_ Placer = JWT{}
	_ Placer = Token{}
	_ Placer = Basic{}
)
