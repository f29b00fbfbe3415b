package caddymodule

import (
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// weakness says what the sender's signature leaves open; "" if it covers the
// whole body.
func weakness(p verifiers.Provider) string {
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return ""
	}
	c := placer.Places().Covers
	switch {
	case c.Body:
		return ""
	case !c.Content():
		return "nothing binds the sender to the content: whoever sees one request can send others"
	}
	members := strings.Join(append(c.Pointers, c.Form...), ", ")
	return "the signature covers only parts of the body (" + members + "); the rest may have been changed on the way"
}
