package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// credentials are headers that no consumer may ever see.
var credentials = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie",
	"X-Gitlab-Token", "X-Api-Key", "X-Auth-Token", "X-Github-Encoded-Secret",
}

// forwardable reports whether a header may be on a route's allow-list. Names of
// the broker's and of CloudEvents would let a sender write what only the
// gateway may say.
func forwardable(name string, provider *verifiers.Provider) bool {
	if slices.Contains(credentials, name) || strings.HasPrefix(name, "Nats-") || strings.HasPrefix(name, "Ce-") {
		return false
	}
	for i := range provider.Handshakes {
		if slices.Contains(sourceHeaders(nil, provider.Handshakes[i].Capture), name) {
			return false
		}
	}
	if s, ok := provider.Scheme.(verifiers.Placer); ok {
		p := s.Places()
		return !p.Secret || !slices.Contains(sourceHeaders(nil, p.Signature), name)
	}
	return true
}

// schemeHeaders lists the headers that a signature scheme reads, with which a
// consumer can verify the event again. Where the scheme proves nothing but that
// the sender knows a secret there is nothing to verify.
func schemeHeaders(scheme verifiers.Scheme) []string {
	s, ok := scheme.(verifiers.Placer)
	if !ok {
		return nil
	}
	p := s.Places()
	if p.Secret {
		return p.Headers
	}
	return p.HeaderNames()
}

// sourceHeaders appends the headers that a source reads.
func sourceHeaders(names []string, s verifiers.Source) []string {
	if s.Header != "" {
		names = append(names, http.CanonicalHeaderKey(s.Header))
	}
	for _, part := range s.First {
		names = sourceHeaders(names, part)
	}
	for _, part := range s.Join {
		names = sourceHeaders(names, part)
	}
	return names
}

// pick returns the headers on the allow-list, or nil if there are none.
func pick(from http.Header, allowed []string) http.Header {
	var picked http.Header
	for _, name := range allowed {
		if values := from[name]; len(values) > 0 {
			if picked == nil {
				picked = make(http.Header, len(allowed))
			}
			picked[name] = values
		}
	}
	return picked
}

// isToken reports whether s is a token of RFC 9110, as methods and names of
// headers are.
func isToken(s string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	for i := range len(s) {
		c := s[i]
		if !isAlnum(c) && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return s != ""
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
