package verifiers

import "time"

// Places are where in a request a scheme puts what it needs.
type Places struct {
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

func (s *Signed) places() Places {
	c := s.canonical()
	p := Places{Signature: c.Signature, Timestamp: c.Timestamp, Unit: c.Unit, Tolerance: c.Tolerance}
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
func (h HMAC) Places() Places { return h.places() }

// Places says where signature and timestamp are.
func (d Digest) Places() Places { return d.places() }

// Places says where signature and timestamp are.
func (e Ed25519) Places() Places { return e.places() }

// Places says where signature and timestamp are.
func (e ECDSA) Places() Places { return e.places() }

// Places says where signature and timestamp are.
func (r RSA) Places() Places { return r.places() }

// Places says where the token is. It is a credential until it expires.
func (j JWT) Places() Places { return Places{Signature: j.Token.canonical(), Secret: true} }

// Places says where the token is.
func (t Token) Places() Places { return Places{Signature: t.Source.canonical(), Secret: true} }

// Places says that it is in the header Authorization.
func (Basic) Places() Places { return Places{Signature: authorization, Secret: true} }

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
