// Package providers is the catalogue: one file and one literal for each sender
// of webhooks, in the words of package verifiers.
package providers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

var catalogue = map[string]verifiers.Provider{}

// add enters p in the catalogue under its name and aliases. A name that is
// taken is a programmer's mistake.
func add(p verifiers.Provider) verifiers.Provider {
	for _, name := range append([]string{p.Name}, p.Aliases...) {
		if _, taken := catalogue[name]; taken {
			panic(fmt.Sprintf("providers: %q is registered twice", name))
		}
		catalogue[name] = p
	}
	return p
}

// Lookup returns the provider with this name or alias.
func Lookup(name string) (verifiers.Provider, bool) {
	p, ok := catalogue[name]
	return p, ok
}

// All returns every provider once, in the order of their names.
func All() []verifiers.Provider {
	var all []verifiers.Provider
	for _, name := range slices.Sorted(maps.Keys(catalogue)) {
		if p := catalogue[name]; p.Name == name {
			all = append(all, p)
		}
	}
	return all
}
