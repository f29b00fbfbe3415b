package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ProvidersOptions say what [Providers] writes.
type ProvidersOptions struct {
	// Name is the provider to describe. Empty means a table of all.
	Name string
	// JSON writes a JSON object, or an array of objects for all.
	JSON bool
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

	places verifiers.Places
}

// Providers writes the catalogue, or one entry of it, to w. The error wraps
// [ErrUsage] if there is no such provider.
func Providers(w io.Writer, o ProvidersOptions) error {
	if o.Name != "" {
		p, err := lookup(o.Name)
		if err != nil {
			return err
		}
		e := newEntry(p)
		if o.JSON {
			return encodeIndented(w, e)
		}
		return e.write(w)
	}
	all := providers.All()
	entries := make([]entry, len(all))
	for i, p := range all {
		entries[i] = newEntry(p)
	}
	if o.JSON {
		return encodeIndented(w, entries)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSENDER\tAUTHENTICATION\tCOVERS\tREPLAY WINDOW\tEVENT ID")
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Title, e.scheme(), strings.ReplaceAll(e.covers(), "**", ""), or(e.window(), "-"), place(e.ID))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	_, err := fmt.Fprintln(w, "\n`caddy webhooks providers <name>` says more about one.")
	return err
}

func encodeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func newEntry(p verifiers.Provider) entry {
	e := entry{Provider: p}
	if text, err := verifiers.MarshalScheme(p.Scheme); err == nil {
		e.Verify = text
	}
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return e
	}
	e.places = placer.Places()
	e.SchemeWord, e.Covers = e.places.Scheme, &e.places.Covers
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
