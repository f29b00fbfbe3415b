package caddymodule

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Example is a request that a sender has signed, with a secret that protects
// nothing: it stands in the configuration.
type Example struct {
	// The secret, or the public key, that it was signed with. Never one that is
	// in use: it is shown wherever the configuration is.
	Secret string `json:"secret,omitempty"`
	// What key servers answer, by URL, where the scheme fetches keys.
	Documents map[string]string `json:"documents,omitempty"`
	// When the request arrived, in RFC 3339. Required if the scheme checks a time.
	At time.Time `json:"at,omitzero"`
	// The HTTP method. Default: POST.
	Method string `json:"method,omitempty"`
	// The URL that the sender addressed. Required if it is signed.
	URL string `json:"url,omitempty"`
	// The headers.
	Header map[string]string `json:"header,omitempty"`
	// The exact body.
	Body string `json:"body,omitempty"`
	// The exact body in base64, in place of body, if it is not text or ends in a
	// newline.
	BodyBase64 string `json:"body_base64,omitempty"`
}

var (
	errNoExample = errors.New("example is missing: add a request that the sender has signed, from its documentation or " +
		"captured with a secret that you throw away: " +
		"`example { secret <text> ... header <name> <value> ... body <text> }`; a mistake in the description would otherwise " +
		"only show when events are refused, or forged ones accepted")
	errTwoBodies     = errors.New("body and body_base64 exclude each other: remove one of them")
	errExampleSecret = errors.New("the example's secret is the one that is in use, and the configuration shows it: " +
		"sign the example with another one, and replace this secret")
)

// prove checks the description of a sender with its example.
func (s *Scheme) prove(ctx caddy.Context, p verifiers.Provider) error {
	if err := p.Check(); err != nil {
		return fmt.Errorf("verify %s: %w", s.Kind, err)
	}
	if s.Example == nil {
		if s.Kind == "token" || s.Kind == "basic" {
			return nil // they compute nothing
		}
		return fmt.Errorf("verify %s: %w", s.Kind, errNoExample)
	}
	g, err := s.Example.golden()
	if err == nil {
		err = p.Prove(ctx, g)
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", s.Kind, err)
	}
	return nil
}

// checkExampleSecret refuses a secret that the example shows. What public keys
// verify may be shown.
func (h *Handler) checkExampleSecret(s Secret) error {
	scheme := h.Verify
	if described := h.app.Providers[h.Provider]; described != nil {
		scheme = described.Verify
	}
	if scheme == nil || scheme.Example == nil || scheme.public() {
		return nil
	}
	if value, err := resolveSecret(s.Secret, true); err == nil && value == scheme.Example.Secret {
		return fmt.Errorf("%s: %w", secretLabel(s.Secret), errExampleSecret)
	}
	return nil
}

func (s *Scheme) public() bool {
	switch s.Kind {
	case "ed25519", "ecdsa", "rsa":
		return true
	}
	return s.Kind == "jwt" && len(s.Algorithms) > 0 && s.Algorithms[0][0] != 'H'
}

func (e *Example) golden() (verifiers.Golden, error) {
	g := verifiers.Golden{
		Secret: e.Secret, Documents: e.Documents, At: e.At, Method: e.Method, URL: e.URL, Header: e.Header,
		Body: []byte(e.Body),
	}
	if e.BodyBase64 == "" {
		return g, nil
	}
	if e.Body != "" {
		return g, errTwoBodies
	}
	var err error
	if g.Body, err = base64.StdEncoding.DecodeString(e.BodyBase64); err != nil {
		return g, errors.New("body_base64 is not standard base64")
	}
	return g, nil
}

// example { ... }
func (s *Scheme) parseExample(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	s.Example = &Example{}
	return parseBlock(d, "example", exampleSubdirectives, s.Example)
}

var exampleSubdirectives = map[string]subdirective[*Example]{
	"secret":      {parse: func(e *Example, d *caddyfile.Dispenser) error { return parseString(d, &e.Secret) }},
	"document":    {repeat: true, parse: (*Example).parseDocument},
	"at":          {parse: (*Example).parseAt},
	"method":      {parse: func(e *Example, d *caddyfile.Dispenser) error { return parseString(d, &e.Method) }},
	"url":         {parse: func(e *Example, d *caddyfile.Dispenser) error { return parseString(d, &e.URL) }},
	"header":      {repeat: true, parse: (*Example).parseHeader},
	"body":        {parse: func(e *Example, d *caddyfile.Dispenser) error { return parseString(d, &e.Body) }},
	"body_base64": {parse: func(e *Example, d *caddyfile.Dispenser) error { return parseString(d, &e.BodyBase64) }},
}

// at <time>
func (e *Example) parseAt(d *caddyfile.Dispenser) error {
	var text string
	if err := parseString(d, &text); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return d.Errf("at: '%s' is not a time: write it as 2026-01-02T03:04:05Z", redact(text))
	}
	e.At = t
	return nil
}

// document <url> <text>
func (e *Example) parseDocument(d *caddyfile.Dispenser) error {
	var url, text string
	if !d.AllArgs(&url, &text) {
		return d.ArgErr()
	}
	if e.Documents == nil {
		e.Documents = map[string]string{}
	}
	e.Documents[url] = text
	return nil
}

// header <name> <value>
func (e *Example) parseHeader(d *caddyfile.Dispenser) error {
	var name, value string
	if !d.AllArgs(&name, &value) {
		return d.ArgErr()
	}
	if e.Header == nil {
		e.Header = map[string]string{}
	}
	name = http.CanonicalHeaderKey(name)
	if _, there := e.Header[name]; there {
		return d.Errf("header: '%s' is there twice: a request has each header once", redact(name))
	}
	e.Header[name] = value
	return nil
}
