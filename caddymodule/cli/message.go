package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxShown is how much of a payload a person is shown.
const maxShown = 4 << 10

// fetchTimeout bounds reading one body that is kept apart.
const fetchTimeout = 30 * time.Second

// eventPrinter shows events to a person.
type eventPrinter struct {
	w     io.Writer
	style Style
	// headers shows all headers, and fetched says that bodies that are kept apart were
	// asked for.
	headers, fetched bool
}

// print writes an event in a few lines.
func (p *eventPrinter) print(e *Event) error {
	var details strings.Builder
	trust := ""
	if value := e.shown("ce-whtrust"); value != "" { // operational events have none
		trust = "  trust " + value
	}
	for _, d := range []struct{ name, header string }{{"schema", "ce-whschema"}, {"reason", "ce-whreason"}, {"detail", "ce-whdetail"}} {
		if value := e.shown(d.header); value != "" && value != "none" {
			details.WriteString("  " + d.name + " " + value)
		}
	}
	if p.headers {
		for _, name := range slices.Sorted(maps.Keys(e.Header)) {
			for _, value := range e.Header[name] {
				details.WriteString("\n  " + p.style.Faint(visible(name, false)+":") + " " + visible(value, false))
			}
		}
	}
	_, err := fmt.Fprintf(p.w, "%s  %s\n  seq %d  id %s  type %s%s  %d bytes%s\n  %s\n\n",
		e.Time.Local().Format("2006-01-02 15:04:05.000"), p.style.Strong(visible(e.Subject, false)),
		e.Seq, e.shown("ce-id"), e.shown("ce-type"), trust, len(e.Data), details.String(), p.payload(e, "  "))
	return err
}

// payload returns the payload as a person reads it, and what is left out of it, with
// a margin from the second line on.
func (p *eventPrinter) payload(e *Event, margin string) string {
	text, more := e.Data, ""
	if len(e.Data) > maxShown {
		text = []byte(strings.ToValidUTF8(string(e.Data[:maxShown]), ""))
		more = fmt.Sprintf("\n%s… %d bytes more; --json and --raw have them all", margin, len(e.Data)-len(text))
	}
	switch apart := e.One("ce-dataref") != ""; {
	case e.Missing != nil:
		more = "\n" + margin + visible(e.Missing.Error(), false)
	case apart && !p.fetched:
		more = "\n" + margin + "its " + e.shown("ce-whsize") + " bytes are kept apart; --fetch reads them"
	}
	shown, isJSON := pretty(text)
	shown = strings.TrimRight(visible(shown, true), "\n")
	if isJSON {
		shown = p.style.json(shown)
	}
	return strings.ReplaceAll(shown, "\n", "\n"+margin) + more
}

// raw writes the exact payload, and a line feed if asked to. A terminal gets no bytes
// that could command it.
func (p *eventPrinter) raw(e *Event, line bool) error {
	if e.Missing != nil {
		return e.Missing
	}
	text := e.Data
	if _, ok := terminal(p.w); ok {
		text = []byte(visible(string(text), true))
	}
	if line {
		text = append(slices.Clip(text), '\n')
	}
	_, err := p.w.Write(text)
	return err
}

// shown returns a header's value for a person, as it was before it was escaped for
// NATS.
func (e *Event) shown(name string) string { return visible(e.One(name), false) }

// pretty indents a payload that is JSON and not nested so deeply that nobody
// could read it, and reports whether it is.
func pretty(data []byte) (string, bool) {
	const deepest = 40
	depth, most := 0, 0
	for _, c := range data {
		switch c {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	var b bytes.Buffer
	if most > deepest || json.Indent(&b, data, "", "  ") != nil {
		return string(data), false
	}
	return b.String(), true
}

// json colours JSON that was indented: names, texts, and other values.
func (s Style) json(text string) string {
	if !s.on {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		n := 1
		switch c := text[0]; {
		case c == '"':
			for n < len(text) && text[n] != '"' {
				if text[n] == '\\' {
					n++
				}
				n++
			}
			n = min(n+1, len(text))
			if strings.HasPrefix(text[n:], ":") {
				b.WriteString(s.Strong(text[:n]))
			} else {
				b.WriteString(s.Good(text[:n]))
			}
		case c >= '0' && c <= '9', c == '-', c >= 'a' && c <= 'z':
			for n < len(text) && !strings.ContainsRune(",\n]} ", rune(text[n])) {
				n++
			}
			b.WriteString(s.Warn(text[:n]))
		default:
			b.WriteByte(c)
		}
		text = text[n:]
	}
	return b.String()
}
