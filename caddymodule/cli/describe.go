package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
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
	if !e.documented() {
		return e.writeOpen(w)
	}
	title, list := e.page()
	if e.Signable {
		list = append(list, section{title: "Try it", code: "caddy webhooks send " + e.Name + " http://127.0.0.1:8080/" + e.Name + "\n"})
	}
	_, err := io.WriteString(w, textPage(title, list, StyleOf(w), terminalWidth(w)))
	return err
}

// writeOpen describes an entry that the operator completes.
func (e *entry) writeOpen(w io.Writer) error {
	s := section{}
	s.row("Name", strings.Join(append([]string{e.Name}, e.Aliases...), ", "))
	s.row("Authentication", e.scheme())
	s.row("Signature covers", e.covers())
	s.row("Secret", e.SecretHint)
	s.row("Documentation", e.Docs)
	_, err := io.WriteString(w, textPage(e.Title, []section{s}, StyleOf(w), terminalWidth(w)))
	return err
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
