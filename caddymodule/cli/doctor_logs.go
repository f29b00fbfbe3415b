package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SecretPlace is where in a request a sender puts its secret itself: a header, or a
// parameter of the URL.
type SecretPlace struct{ Header, Query string }

// String names the place.
func (s SecretPlace) String() string {
	if s.Header != "" {
		return "the header " + s.Header
	}
	return "the parameter " + s.Query + " of the URL"
}

// SecretPlaces returns where in requests of the provider, handshakes included, there
// is a secret that logs must not show.
func SecretPlaces(p verifiers.Provider) (places []SecretPlace) {
	add := func(s verifiers.Source) {
		for _, place := range placesOf(s) {
			if !slices.Contains(places, place) {
				places = append(places, place)
			}
		}
	}
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		if at := placer.Places(); at.Secret {
			add(at.Signature)
		}
	}
	for i := range p.Handshakes {
		add(p.Handshakes[i].Capture)
		for _, o := range p.Options {
			if o.Name == p.Handshakes[i].TokenOption && o.Secret {
				add(p.Handshakes[i].Token)
			}
		}
	}
	return places
}

func placesOf(s verifiers.Source) (list []SecretPlace) {
	switch {
	case s.Header != "":
		list = append(list, SecretPlace{Header: s.Header})
	case s.Query != "":
		list = append(list, SecretPlace{Query: s.Query})
	}
	for _, part := range slices.Concat(s.First, s.Join) {
		list = append(list, placesOf(part)...)
	}
	return list
}

// LogFilter returns the option log that leaves the places out of what is logged, with
// each line after an indent. It has a line feed at its end.
func LogFilter(places []SecretPlace, indent string) string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, "%s%s%s\n", indent, strings.Repeat("\t", depth), fmt.Sprintf(format, args...))
	}
	line(0, "log {")
	line(1, "format filter {")
	var headers, queries []string
	for _, s := range places {
		if s.Header != "" {
			headers = append(headers, s.Header)
		} else {
			queries = append(queries, s.Query)
		}
	}
	slices.Sort(headers)
	for _, name := range slices.Compact(headers) {
		line(2, "request>headers>%s delete", name)
	}
	slices.Sort(queries)
	if queries = slices.Compact(queries); len(queries) > 0 {
		line(2, "request>uri query {")
		for _, name := range queries {
			line(3, "delete %s", name)
		}
		line(2, "}")
	}
	line(1, "}")
	line(0, "}")
	return b.String()
}
