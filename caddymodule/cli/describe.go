package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ProviderTable writes the catalogue as Markdown, for README.md: how many
// entries there are, and a table of them.
func ProviderTable(w io.Writer) error {
	var rows strings.Builder
	n := 0
	for _, p := range providers.All() {
		e := newEntry(p)
		name := "`" + e.Name + "`"
		if e.documented() {
			name = "[" + name + "](docs/providers/" + e.Name + ".md)"
			n++
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", name, e.Title, e.scheme(), e.covers())
	}
	_, err := fmt.Fprintf(w, "%d senders, each with a page of its own:\n\n<details><summary>The catalogue</summary>\n\n"+
		"| Name | Sender | Signature | Covers |\n| --- | --- | --- | --- |\n%s\n</details>\n", n, &rows)
	return err
}

// documented reports whether the entry describes a sender.
func (e *entry) documented() bool { return e.Covers != nil }

func (e *entry) scheme() string { return or(e.SchemeWord, "as described") }

// covers says what the signature protects and what it does not.
func (e *entry) covers() string {
	c := e.Covers
	if c == nil {
		return "what is described"
	}
	var parts []string
	if c.URL {
		parts = append(parts, "URL")
	}
	switch {
	case c.Body:
		parts = append(parts, "body")
	case len(c.Pointers)+len(c.Form) > 0:
		parts = append(parts, "**parts of the body**")
	}
	if e.timed() {
		parts = append(parts, "time of sending")
	}
	if inHeader(e.ID) && c.Covers(e.ID) {
		parts = append(parts, "id")
	}
	if !c.Content() {
		return strings.Join(append([]string{"**nothing of the content**"}, parts...), "; only ")
	}
	text := strings.Join(parts, ", ")
	if len(e.Unsigned) > 0 {
		text += "; not " + strings.Join(e.Unsigned, ", ")
	}
	return text
}

func inHeader(s verifiers.Source) bool {
	return s.Header != "" || slices.ContainsFunc(s.First, inHeader)
}

// window is how long a captured request can be sent again; "" means for ever,
// as far as the signature goes.
func (e *entry) window() string {
	if e.timed() && e.places.Tolerance > 0 {
		return short(e.places.Tolerance)
	}
	return ""
}

// short writes a duration without zeros: "5m", "72h".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// write describes the entry for a person.
func (e *entry) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	row("name", strings.Join(append([]string{e.Name}, e.Aliases...), ", "))
	row("sender", e.Title)
	row("documentation", e.Docs)
	row("authentication", e.scheme())
	row("signature covers", strings.ReplaceAll(e.covers(), "**", ""))
	row("replay window", or(e.window(), "none: only the deduplication of ids stops a replay"))
	row("secret", or(e.SecretHint, "none: the key is the sender's"))
	for _, o := range e.Options {
		doc := o.Doc
		if o.Required {
			doc += " Required."
		}
		row("option "+o.Name, doc)
	}
	row("event id", place(e.ID))
	row("event type", place(e.Type))
	row("event time", place(e.Time))
	row("type prefix", e.TypePrefix)
	for i := range e.Handshakes {
		row("handshake", handshake(&e.Handshakes[i]))
	}
	row("methods", strings.Join(e.Methods, ", "))
	row("content types", strings.Join(e.ContentTypes, ", "))
	row("largest body", fmt.Sprintf("%d KiB", cmp.Or(e.MaxBody, 1<<20)>>10))
	if e.SignsUncompressed {
		row("compression", "signed before it; with limits { decompressed } gzip is taken")
	}
	for _, l := range e.Addresses {
		row("addresses", l.URL)
	}
	row("answer due", short(cmp.Or(e.Deadline, 10*time.Second)))
	row("retries", e.retries())
	row("headers kept", strings.Join(e.Headers, ", "))
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

func (e *entry) retries() string {
	switch {
	case e.NeverRetries && e.RetrySpan > 0:
		return "none by itself; by hand for " + short(e.RetrySpan)
	case e.NeverRetries:
		return "none: a failed delivery is lost"
	case e.Retries != "":
		return e.Retries
	case e.RetrySpan > 0:
		return "for " + short(e.RetrySpan)
	}
	return "not known"
}

func place(s verifiers.Source) string {
	if s.IsZero() {
		return "none"
	}
	if s.Const != "" {
		return "always " + s.Const
	}
	return s.String()
}

func handshake(h *verifiers.Handshake) string {
	method := or(h.Method, "POST")
	switch {
	case h.Signed:
		return h.Name + " (" + method + ", answered after its signature is verified)"
	case h.TokenOption != "":
		return h.Name + " (" + method + ", answered if the token is that of the option " + h.TokenOption + ")"
	}
	return h.Name + " (" + method + ", answered without a check)"
}
