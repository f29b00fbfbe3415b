package verifiers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Golden is a request that a sender really signed, with the key that it was
// signed with: the proof that a description of the sender is right. The key has
// to be one that protects nothing, since it stands beside the description.
type Golden struct {
	// Secret is the shared secret, or the public key, as the sender shows it.
	Secret string `json:"secret,omitempty"`
	// Documents are what key servers answer, by URL, for schemes whose keys are
	// fetched.
	Documents map[string]string `json:"documents,omitempty"`
	// Options are the provider's.
	Options map[string]string `json:"options,omitempty"`
	// At is the receiver's clock. Required if the scheme checks a time.
	At time.Time `json:"at,omitzero"`
	// Method is the HTTP method. Empty means POST.
	Method string `json:"method,omitempty"`
	// URL is the absolute URL that the sender addressed. Empty means one that
	// no signature covers.
	URL string `json:"url,omitempty"`
	// Header are the headers, under names in any case.
	Header map[string]string `json:"header,omitempty"`
	// Body is the exact body.
	Body []byte `json:"body,omitempty"`
}

// ErrGolden means that a description does not agree with its golden request.
var ErrGolden = errors.New("the example")

// Prove checks that p's scheme accepts g, and that it does so because of the
// signature: it must refuse g with a bit flipped in whatever it says that it
// covers, in the timestamp, and in the signature. The error wraps [ErrGolden]
// and says what is wrong.
func (p Provider) Prove(ctx context.Context, g Golden) error {
	req, err := g.request()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGolden, err)
	}
	v, err := p.New(g.config())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGolden, err)
	}
	res, err := v.Verify(ctx, req)
	if err != nil {
		if d := p.Diagnose(ctx, g.config(), req, err); d.Cause != "" {
			return fmt.Errorf("%w is refused: %w (%s)", ErrGolden, err, d)
		}
		return fmt.Errorf("%w is refused: %w", ErrGolden, err)
	}
	f := flipper{ctx: ctx, verifier: v, golden: g}
	if res.Covers.Body {
		if err := f.body(); err != nil {
			return err
		}
	}
	for _, name := range res.Covers.Headers {
		if err := f.header(name, "is said to be covered"); err != nil {
			return err
		}
	}
	if placer, ok := p.Scheme.(Placer); ok {
		return f.places(placer.Places())
	}
	return nil
}

func (g *Golden) config() Config {
	cfg := Config{Options: g.Options, Time: func() time.Time { return g.At }, Fetcher: goldenDocuments(g.Documents)}
	if key, err := NewKey("example", []byte(g.Secret)); err == nil {
		cfg.Keys = Keys{key}
	}
	return cfg
}

func (g *Golden) request() (*Request, error) {
	req := &Request{Method: g.Method, Header: http.Header{}, Body: g.Body}
	if req.Method == "" {
		req.Method = http.MethodPost
	}
	text := g.URL
	if text == "" {
		text = "https://example.invalid/"
	}
	u, err := url.Parse(text)
	if err != nil || !u.IsAbs() {
		return nil, errors.New("the URL is not absolute")
	}
	req.URL = u
	for name, value := range g.Header {
		name = http.CanonicalHeaderKey(name)
		if req.Header[name] != nil {
			return nil, fmt.Errorf("header %s is there twice", name)
		}
		req.Header[name] = []string{value}
	}
	return req, nil
}

// goldenDocuments is a [Fetcher] that serves texts by URL.
type goldenDocuments map[string]string

func (d goldenDocuments) Fetch(_ context.Context, pin Pin, rawURL string) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, err
	}
	text, ok := d[rawURL]
	if !ok {
		return nil, errors.New("the example has no document for this URL")
	}
	return []byte(text), nil
}

// flipper changes the golden request and wants it refused.
type flipper struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call
	verifier Verifier
	golden   Golden
}

func (f *flipper) refused(what string, edit func(req *Request)) error {
	req, err := f.golden.request()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGolden, err)
	}
	edit(req)
	if _, err := f.verifier.Verify(f.ctx, req); err == nil {
		return fmt.Errorf("%w is accepted after %s: the description is not what the sender signs", ErrGolden, what)
	}
	return nil
}

// body flips a bit of each byte of a short body, and of some of a long one.
func (f *flipper) body() error {
	n := len(f.golden.Body)
	for i := 0; i < n; i += 1 + n/256 {
		err := f.refused("a bit of the body was flipped", func(req *Request) {
			req.Body = append([]byte(nil), req.Body...)
			req.Body[i] ^= 1
		})
		if err != nil {
			return err
		}
	}
	return f.refused("a byte was added to the body", func(req *Request) { req.Body = append(req.Body[:n:n], ' ') })
}

func (f *flipper) header(name, why string) error {
	return f.refused("a bit of the header "+name+", which "+why+", was flipped", func(req *Request) {
		if values := req.Header[name]; len(values) == 1 && values[0] != "" {
			req.Header[name] = []string{flip(values[0], len(values[0])/2)}
		} else {
			req.Header[name] = []string{"x", "y"} // there was nothing to flip
		}
	})
}

// places flips bits in the signature and in the timestamp. Those in a place that
// cannot be written to are left alone.
func (f *flipper) places(p Places) error {
	for _, part := range []struct {
		name   string
		source Source
		at     func(length int) int
	}{
		{"signature", p.Signature, func(n int) int { return n / 2 }}, // no padding bits are there
		{"timestamp", p.Timestamp, func(n int) int { return n - 1 }}, // it stays inside the window
	} {
		req, err := f.golden.request()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrGolden, err)
		}
		var found items
		if part.source.IsZero() || part.source.collect(req, &found) != nil {
			continue
		}
		err = f.refused("a bit of the "+part.name+" was flipped", func(req *Request) {
			for _, value := range found.list() {
				part.source.replace(req, value, flip(value, part.at(len(value))))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replace writes a value over another wherever the source's place has it.
func (s *Source) replace(req *Request, old, with string) {
	for i := range s.First {
		s.First[i].replace(req, old, with)
	}
	switch {
	case s.Header != "":
		req.Header[s.Header] = []string{replaceLast(req.Header.Get(s.Header), old, with)}
	case s.Query != "":
		u := *req.URL
		u.RawQuery = replaceLast(u.RawQuery, url.QueryEscape(old), url.QueryEscape(with))
		req.URL = &u
	case s.Form != "":
		req.Body = []byte(replaceLast(string(req.Body), url.QueryEscape(old), url.QueryEscape(with)))
	case s.Pointer != "", s.Whole:
		req.Body = []byte(replaceLast(string(req.Body), old, with))
	}
}

func replaceLast(text, old, with string) string {
	if i := strings.LastIndex(text, old); i >= 0 {
		return text[:i] + with + text[i+len(old):]
	}
	return text
}

// flip returns the text with one character exchanged for another that could
// stand there in hexadecimal, base64 and decimal alike.
func flip(text string, at int) string {
	b := []byte(text)
	for ; at > 0 && !isAlnum(b[at]); at-- {
		continue
	}
	switch c := &b[at]; *c {
	case '1':
		*c = '2'
	case 'a':
		*c = 'b'
	case 'A':
		*c = 'B'
	default:
		switch {
		case '0' <= *c && *c <= '9':
			*c = '1'
		case 'A' <= *c && *c <= 'Z':
			*c = 'A'
		default:
			*c = 'a'
		}
	}
	return string(b)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
