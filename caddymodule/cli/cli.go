// Package cli is what `caddy webhooks` does: play a sender, read what has been
// stored, and look up the catalogue. It knows neither Caddy nor flags: each
// command is a function of a context, a writer and a struct of options, so that
// it can be used and tested without a terminal.
//
// Secrets come from the environment or from files, never from options, because
// everybody on the machine can read the arguments of a process.
package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ErrUnexpectedStatus means that the gateway has answered, and not with the status
// that was expected.
var ErrUnexpectedStatus = errors.New("unexpected status")

// lookup finds a provider of the catalogue, or says which names are near.
func lookup(name string) (verifiers.Provider, error) {
	if p, ok := providers.Lookup(name); ok {
		return p, nil
	}
	if near := providers.Similar(name); len(near) > 0 {
		return verifiers.Provider{}, fmt.Errorf("%w: there is no provider %q: do you mean %s?", ErrUsage, name, strings.Join(near, " or "))
	}
	var found []string
	for _, p := range providers.All() {
		if e := newEntry(p); len(name) > 2 && e.has([]string{name}) {
			found = append(found, p.Name)
		}
	}
	if len(found) > 0 {
		return verifiers.Provider{}, fmt.Errorf("%w: there is no provider %q: do you mean %s?", ErrUsage, name, oneOf(found[:min(len(found), 3)]))
	}
	return verifiers.Provider{}, fmt.Errorf("%w: there is no provider %q: `caddy webhooks providers` lists them", ErrUsage, name)
}
