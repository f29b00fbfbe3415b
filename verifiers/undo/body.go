// Package undo makes of a request what it may have been before something on its
// way changed it. Proxies, frameworks, editors and consoles change requests in
// ways that break signatures; whoever undoes a change and finds that the signature
// fits then knows what it was.
package undo

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"unicode/utf8"
)

const maxInflated = 4 << 20

// A Change is something that happens to bodies.
type Change struct {
	// Name says what was done to the body: "a newline was added at the end".
	Name string
	// Cure says what to do about it.
	Cure string
	// Undo returns the body as it was before. It returns false if this cannot have
	// happened to the body. It does not change its argument, and what it returns
	// may be a part of it.
	Undo func(body []byte) ([]byte, bool)
}

// What to do about changes of bodies.
const (
	cureEditor     = "an editor, a console or a script did it: capture the request where it comes in, and keep the file as it is"
	cureParser     = "the body was parsed and written again: hand over the raw bytes, as they were before any parser of JSON"
	cureCompressed = "the signature is over the plain bytes: unpack the body, or leave it as it was sent, before it is captured"
	cureString     = "the body was written into JSON as a string: hand over the string's text"
)

// Bodies are the changes that happen most, the likely ones first. To try them all
// costs little.
func Bodies() []Change { return bodies }

var bodies = []Change{
	{"a byte order mark was added", cureEditor, func(b []byte) ([]byte, bool) { return bytes.CutPrefix(b, []byte("\ufeff")) }},
	{"a byte order mark was removed", cureEditor, func(b []byte) ([]byte, bool) { return join("\ufeff", b, ""), true }},
	{"a newline was added at the end", cureEditor, func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\n")) }},
	{"CRLF was added at the end", cureEditor, func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\r\n")) }},
	{"the newline at the end was removed", cureEditor, func(b []byte) ([]byte, bool) { return join("", b, "\n"), true }},
	{"the CRLF at the end was removed", cureEditor, func(b []byte) ([]byte, bool) { return join("", b, "\r\n"), true }},
	{"white space around it was added", cureEditor, func(b []byte) ([]byte, bool) { return bytes.TrimSpace(b), true }},
	{"LF became CRLF", cureEditor, func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), true }},
	{"CRLF became LF", cureEditor, func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), true }},
	{"JSON was indented", cureParser, compactJSON},
	{"JSON was written without spaces", cureParser, spacedJSON},
	{"JSON was written without escaping non-ASCII characters", cureParser, func(b []byte) ([]byte, bool) { return asciiJSON(b), json.Valid(b) }},
	{"JSON was written without escaping slashes", cureParser, func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(b, []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written without escaping slashes and non-ASCII characters", cureParser, func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(asciiJSON(b), []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written with escaped <, > and &", cureParser, func(b []byte) ([]byte, bool) { return plainHTML(b), json.Valid(b) }},
	{"it was compressed, or not unpacked", cureCompressed, gunzip},
	{"it was put into quotes as a JSON string", cureString, func(b []byte) ([]byte, bool) {
		var text string
		err := json.Unmarshal(b, &text)
		return []byte(text), err == nil
	}},
	{"it was removed", cureEditor, func([]byte) ([]byte, bool) { return nil, true }},
}

// join never writes into the memory of b.
func join(before string, b []byte, after string) []byte {
	out := make([]byte, 0, len(before)+len(b)+len(after))
	return append(append(append(out, before...), b...), after...)
}

func compactJSON(b []byte) ([]byte, bool) {
	var out bytes.Buffer
	err := json.Compact(&out, b)
	return out.Bytes(), err == nil
}

// spacedJSON writes spaces after colons and commas, as Python does.
func spacedJSON(b []byte) ([]byte, bool) {
	if !json.Valid(b) {
		return nil, false
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	quoted := false
	for i := range b {
		out = append(out, b[i])
		switch c := b[i]; {
		case c == '"' && !escaped(b[:i]):
			quoted = !quoted
		case !quoted && (c == ':' || c == ','):
			out = append(out, ' ')
		}
	}
	return out, true
}

// escaped reports whether what follows text is behind a backslash.
func escaped(text []byte) bool {
	n := len(text) - len(bytes.TrimRight(text, `\`))
	return n%2 == 1
}

func asciiJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, b[0])
		case r > 0xffff:
			r -= 0x10000
			out = appendUnicode(appendUnicode(out, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			out = appendUnicode(out, r)
		}
		b = b[size:]
	}
	return out
}

func appendUnicode(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

func plainHTML(b []byte) []byte {
	for _, pair := range [][2]string{{`\u003c`, "<"}, {`\u003e`, ">"}, {`\u0026`, "&"}} {
		b = bytes.ReplaceAll(b, []byte(pair[0]), []byte(pair[1]))
	}
	return b
}

func gunzip(b []byte) ([]byte, bool) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(r, maxInflated))
	return out, err == nil
}
