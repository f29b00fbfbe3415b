package verifiers

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// body tries what proxies and frameworks do to bodies.
func (d *diagnoser) body() (Diagnosis, bool) {
	v, err := d.provider.New(d.cfg)
	if err != nil || len(d.req.Body) > maxDiagnosed {
		return Diagnosis{}, false
	}
	for _, variant := range bodyVariants {
		body, ok := variant.undo(d.req.Body)
		if !ok || string(body) == string(d.req.Body) {
			continue
		}
		req := d.copyOf()
		req.Body = body
		if d.fits(v, req) {
			return Diagnosis{CauseBody, variant.name}, true
		}
	}
	return Diagnosis{}, false
}

// bodyVariants undo changes. Their names say what was done to the body.
var bodyVariants = []struct {
	name string
	undo func(body []byte) ([]byte, bool)
}{
	{"a byte order mark was added", func(b []byte) ([]byte, bool) { return bytes.CutPrefix(b, []byte("\ufeff")) }},
	{"a byte order mark was removed", func(b []byte) ([]byte, bool) { return append([]byte("\ufeff"), b...), true }},
	{"a newline was added at the end", func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\n")) }},
	{"CRLF was added at the end", func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte("\r\n")) }},
	{"the newline at the end was removed", func(b []byte) ([]byte, bool) { return append(bytes.Clone(b), '\n'), true }},
	{"the CRLF at the end was removed", func(b []byte) ([]byte, bool) { return append(bytes.Clone(b), "\r\n"...), true }},
	{"white space around it was added", func(b []byte) ([]byte, bool) { return bytes.TrimSpace(b), true }},
	{"LF became CRLF", func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), true }},
	{"CRLF became LF", func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), true }},
	{"JSON was indented", compactJSON},
	{"JSON was written without spaces", spacedJSON},
	{"JSON was written without escaping non-ASCII characters", func(b []byte) ([]byte, bool) { return asciiJSON(b), json.Valid(b) }},
	{"JSON was written without escaping slashes", func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(b, []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written without escaping slashes and non-ASCII characters", func(b []byte) ([]byte, bool) {
		return bytes.ReplaceAll(asciiJSON(b), []byte("/"), []byte(`\/`)), json.Valid(b)
	}},
	{"JSON was written with escaped <, > and &", func(b []byte) ([]byte, bool) { return unescapedJSON(b), json.Valid(b) }},
	{"it was compressed, or not unpacked", gunzip},
	{"it was put into quotes as a JSON string", func(b []byte) ([]byte, bool) {
		var text string
		err := json.Unmarshal(b, &text)
		return []byte(text), err == nil
	}},
	{"it was removed", func([]byte) ([]byte, bool) { return nil, true }},
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

func unescapedJSON(b []byte) []byte {
	for escape, char := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} {
		b = bytes.ReplaceAll(b, []byte(escape), []byte(char))
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
