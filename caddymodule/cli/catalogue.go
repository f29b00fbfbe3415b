package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ProvidersOptions say what [Providers] writes.
type ProvidersOptions struct {
	// Name is the provider to describe, by its name or an alias. Empty means a table
	// of those that the other options choose.
	Name string
	// Search are words that are all in the name, the title, an alias, the category,
	// the scheme or the signature's place.
	Search []string
	// Scheme is how requests are authenticated, or how that begins: "hmac" or
	// "hmac-sha256".
	Scheme string
	// Category is one of [verifiers.Categories].
	Category string
	// Covers are what the signature covers, all of them of [Covered].
	Covers []string
	// Signable means that events of the provider can be signed here.
	Signable bool
	// JSON writes a JSON object, or an array of objects for a table.
	JSON bool
}

// Covered are the parts of a request that [ProvidersOptions].Covers takes. "parts"
// are some members of the body, and "nothing" is a token alone.
var Covered = []string{"body", "parts", "url", "time", "id", "type", "nothing"}

// Schemes are the ways in which requests of the catalogue are authenticated, in
// order.
func Schemes() []string {
	var words []string
	for _, p := range providers.All() {
		if e := newEntry(p); e.SchemeWord != "" {
			words = append(words, e.SchemeWord)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// entry is what is known about a provider, in words for an operator.
type entry struct {
	verifiers.Provider
	// SchemeWord is the way requests are authenticated, as consumers see it.
	SchemeWord string `json:"scheme,omitempty"`
	// Verify is the scheme in the words of the configuration, if it has them.
	Verify json.RawMessage `json:"verify,omitempty"`
	// Covers is what the signature protects; nil if only the operator knows.
	Covers *verifiers.Coverage `json:"covers,omitempty"`
	// Unsigned are those of id, type and time that the signature does not cover.
	Unsigned []string `json:"unsigned,omitempty"`
	// Caddyfile is the line of a Caddyfile, with its block.
	Caddyfile string `json:"caddyfile,omitempty"`
	// Signable: events can be signed here.
	Signable bool `json:"signable"`

	places verifiers.Places
}

// errNoMatch: the options choose nobody.
var errNoMatch = errors.New("no provider of the catalogue is so")

// Providers writes the catalogue, or one entry of it, to w. The error wraps
// [ErrUsage] if there is no such provider, or nothing that an option names; it is
// another if the options choose nobody.
func Providers(w io.Writer, o ProvidersOptions) error {
	if o.Name != "" {
		p, err := o.one()
		if err != nil {
			return err
		}
		e := newEntry(p)
		if o.JSON {
			return encodeIndented(w, e)
		}
		return e.write(w)
	}
	if err := o.check(); err != nil {
		return err
	}
	entries := []entry{}
	for _, p := range providers.All() {
		if e := newEntry(p); o.choose(&e) {
			entries = append(entries, e)
		}
	}
	if o.JSON {
		if err := encodeIndented(w, entries); err != nil || len(entries) > 0 {
			return err
		}
		return ErrNo
	}
	if len(entries) == 0 {
		return errNoMatch
	}
	t := table{head: []string{"NAME", "SENDER", "AUTHENTICATION", "COVERS", "REPLAY WINDOW", "EVENT ID"}, gives: []int{5, 3, 1, 2}}
	for i := range entries {
		e := &entries[i]
		t.rows = append(t.rows, []string{e.Name, e.Title, e.scheme(), unmarked(e.covers()), or(e.window(), "-"), place(e.ID)})
	}
	if err := t.write(w, StyleOf(w), terminalWidth(w)); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	_, err := fmt.Fprintf(w, "\n%d of %d. `caddy webhooks providers <name>` says more about one.\n", len(entries), len(providers.All()))
	return err
}

// one is the provider that is described.
func (o *ProvidersOptions) one() (verifiers.Provider, error) {
	if len(o.Search) > 0 || o.Scheme != "" || o.Category != "" || len(o.Covers) > 0 || o.Signable {
		return verifiers.Provider{}, fmt.Errorf("%w: --search, --scheme, --category, --covers and --signable choose from the table: leave the name out", ErrUsage)
	}
	return lookup(o.Name)
}

func (o *ProvidersOptions) check() error {
	for _, c := range o.Covers {
		if !slices.Contains(Covered, c) {
			return fmt.Errorf("%w: --covers %q: write %s", ErrUsage, c, oneOf(Covered))
		}
	}
	if o.Category != "" && !slices.Contains(verifiers.Categories, o.Category) {
		return fmt.Errorf("%w: --category %q: write %s", ErrUsage, o.Category, oneOf(verifiers.Categories))
	}
	if schemes := Schemes(); o.Scheme != "" && !slices.ContainsFunc(schemes, func(s string) bool { return ofScheme(s, o.Scheme) }) {
		return fmt.Errorf("%w: --scheme %q: write how one of these begins: %s", ErrUsage, o.Scheme, strings.Join(schemes, ", "))
	}
	return nil
}

// oneOf lists alternatives.
func oneOf(list []string) string {
	last := len(list) - 1
	if last == 0 {
		return list[0]
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

func ofScheme(scheme, begin string) bool {
	return scheme == begin || strings.HasPrefix(scheme, begin+"-")
}

func (o *ProvidersOptions) choose(e *entry) bool {
	switch {
	case o.Scheme != "" && !ofScheme(e.SchemeWord, o.Scheme),
		o.Category != "" && e.Category != o.Category,
		o.Signable && !e.Signable:
		return false
	}
	for _, part := range o.Covers {
		if !e.protects(part) {
			return false
		}
	}
	return e.has(o.Search)
}

// has reports whether all words are in what the entry is searched by.
func (e *entry) has(words []string) bool {
	text := strings.ToLower(strings.Join(append([]string{
		e.Name, e.Title, e.Category, e.SchemeWord, place(e.places.Signature), e.TypePrefix,
	}, e.Aliases...), "\n"))
	for _, word := range words {
		if !strings.Contains(text, strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// protects reports whether the signature covers a part of [Covered].
func (e *entry) protects(part string) bool {
	c := e.Covers
	if c == nil {
		return false
	}
	covers := func(s verifiers.Source) bool { return !s.IsZero() && c.Covers(s) }
	switch part {
	case "body":
		return c.Body
	case "parts":
		return !c.Body && len(c.Pointers)+len(c.Form) > 0
	case "url":
		return c.URL
	case "time":
		return e.timed()
	case "id":
		return covers(e.ID)
	case "type":
		return covers(e.Type)
	}
	return !c.Content() // nothing
}

func encodeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func newEntry(p verifiers.Provider) entry {
	e := entry{Provider: p}
	e.Signable = p.Name != providers.HMAC.Name && signable(p) == nil
	if text, err := verifiers.MarshalScheme(p.Scheme); err == nil {
		e.Verify = text
	}
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return e
	}
	e.places = placer.Places()
	e.SchemeWord, e.Covers = e.places.Scheme, &e.places.Covers
	e.Caddyfile = e.directive()
	for _, part := range []struct {
		name   string
		source verifiers.Source
	}{{"id", p.ID}, {"type", p.Type}, {"time", p.Time}} {
		if !part.source.IsZero() && !e.Covers.Covers(part.source) {
			e.Unsigned = append(e.Unsigned, part.name)
		}
	}
	return e
}

// timed reports whether the signature covers when the request was sent.
func (e *entry) timed() bool {
	_, isJWT := e.Scheme.(verifiers.JWT)
	return isJWT || !e.places.Timestamp.IsZero()
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
