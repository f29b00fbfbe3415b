package undo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	cureCharset  = "the text was converted to another character set: hand over the raw bytes"
	cureForm     = "the form was decoded and encoded again: hand over the raw bytes, as they were before any parser of forms"
	cureEnvelope = "what was captured is the wrapping that a cloud service puts around a request: take the body out of it"
)

// Rare are further changes, the likely ones first: a capture that one person looks at
// is worth more tries than each request of a stranger. The media type is that of the
// body; empty if it is not known.
func Rare(media string) []Change {
	list := slices.Clone(wrapped)
	if media == "" || !strings.Contains(media, "form") {
		list = append(list, rewritten...)
	}
	if media == "" || !strings.Contains(media, "json") {
		list = append(list, forms...)
	}
	return append(list, charsets...)
}

// wrapped are bodies in something else.
var wrapped = []Change{
	{"it was written in base64", cureEnvelope, func(b []byte) ([]byte, bool) {
		out, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(b)))
		return out, err == nil && len(out) > 0
	}},
	{"it was wrapped in the event of a function of a cloud", cureEnvelope, func(b []byte) ([]byte, bool) {
		var event struct {
			Body   *string `json:"body"`
			Base64 bool    `json:"isBase64Encoded"`
		}
		if json.Unmarshal(b, &event) != nil || event.Body == nil {
			return nil, false
		}
		if !event.Base64 {
			return []byte(*event.Body), true
		}
		out, err := base64.StdEncoding.DecodeString(*event.Body)
		return out, err == nil
	}},
	{"it was the field payload of a form, and taken out of it", cureForm, func(b []byte) ([]byte, bool) {
		return []byte("payload=" + url.QueryEscape(string(b))), json.Valid(b)
	}},
	{"it was written into the field payload of a form", cureForm, func(b []byte) ([]byte, bool) {
		values, err := url.ParseQuery(string(b))
		if err != nil || len(values["payload"]) != 1 || len(values) != 1 {
			return nil, false
		}
		return []byte(values.Get("payload")), true
	}},
}

// A style is how a library writes JSON.
type style struct {
	name  string
	write func(compact []byte) []byte
}

var spacings = []style{
	{"without spaces", func(b []byte) []byte { return b }},
	{"with spaces after colons and commas", func(b []byte) []byte { out, _ := spacedJSON(b); return out }},
	{"indented by two spaces", indented("  ")},
	{"indented by four spaces", indented("    ")},
	{"indented by tabs", indented("\t")},
}

var escapes = []style{
	{"", func(b []byte) []byte { return b }},
	{"non-ASCII characters escaped", asciiJSON},
	{"slashes escaped", escapedSlashes},
	{"slashes and non-ASCII characters escaped", func(b []byte) []byte { return escapedSlashes(asciiJSON(b)) }},
	{"<, > and & escaped", escapedHTML},
	{"no character escaped that need not be", plainJSON},
}

var ends = []style{{"", func(b []byte) []byte { return b }}, {"a newline at the end", func(b []byte) []byte { return join("", b, "\n") }}}

// rewritten are all ways in which a sender may have written the JSON that a parser
// then read and wrote again.
var rewritten = func() []Change {
	var list []Change
	for _, sorted := range []bool{false, true} {
		for _, end := range ends {
			for _, spacing := range spacings {
				for _, escape := range escapes {
					name := "JSON was written again; the sender writes it " + strings.Join(nonEmpty(spacing.name, escape.name, end.name), ", ")
					if sorted {
						name += ", its keys sorted"
					}
					list = append(list, Change{name, cureParser, func(b []byte) ([]byte, bool) {
						compact, ok := compactJSON(b)
						if ok && sorted {
							compact, ok = sortedJSON(compact)
						}
						if !ok || deep(compact) {
							return nil, false
						}
						return end.write(spacing.write(escape.write(compact))), true
					}})
				}
			}
		}
	}
	return list
}()

// deep reports whether JSON is so deep that it would grow out of all proportion
// when it is indented, and that nobody has written it by hand or with a library.
func deep(b []byte) bool {
	const deepest = 100
	depth := 0
	for _, c := range b {
		switch c { // also in strings, which does not matter
		case '{', '[':
			if depth++; depth > deepest {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

func nonEmpty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func indented(by string) func([]byte) []byte {
	return func(b []byte) []byte {
		var out bytes.Buffer
		_ = json.Indent(&out, b, "", by) // it is valid
		return out.Bytes()
	}
}

func escapedSlashes(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte(`\/`), []byte("/")), []byte("/"), []byte(`\/`))
}

func escapedHTML(b []byte) []byte {
	var out bytes.Buffer
	json.HTMLEscape(&out, b)
	return out.Bytes()
}

// plainJSON writes characters in place of escapes wherever JSON permits.
func plainJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		end := i + 2
		if b[i+1] == 'u' {
			end = min(i+6, len(b))
			if end+6 <= len(b) && b[end] == '\\' && b[end+1] == 'u' {
				if pair := unquoted(b[i : end+6]); utf8.RuneCountInString(pair) == 1 {
					end += 6
				}
			}
		}
		text := unquoted(b[i:end])
		if text == "" || text[0] < ' ' || text == `"` || text == `\` || text == "\ufffd" {
			out = append(out, b[i:end]...)
		} else {
			out = append(out, text...)
		}
		i = end - 1
	}
	return out
}

func unquoted(escape []byte) string {
	var text string
	_ = json.Unmarshal(join(`"`, escape, `"`), &text) // empty if it is none
	return text
}

// sortedJSON writes the members of objects in the order of their names, and
// everything else as it is.
func sortedJSON(b []byte) ([]byte, bool) {
	if deep(b) {
		return nil, false
	}
	var out bytes.Buffer
	var write func(raw json.RawMessage) bool
	write = func(raw json.RawMessage) bool {
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			return false
		}
		switch raw[0] {
		case '{':
			var object map[string]json.RawMessage
			if json.Unmarshal(raw, &object) != nil {
				return false
			}
			out.WriteByte('{')
			names := make([]string, 0, len(object))
			for name := range object {
				names = append(names, name)
			}
			slices.Sort(names)
			for i, name := range names {
				if i > 0 {
					out.WriteByte(',')
				}
				out.Write(quoted(name))
				out.WriteByte(':')
				if !write(object[name]) {
					return false
				}
			}
			out.WriteByte('}')
		case '[':
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) != nil {
				return false
			}
			out.WriteByte('[')
			for i := range list {
				if i > 0 {
					out.WriteByte(',')
				}
				if !write(list[i]) {
					return false
				}
			}
			out.WriteByte(']')
		default:
			out.Write(raw)
		}
		return true
	}
	ok := write(b)
	return out.Bytes(), ok
}

func quoted(text string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text can always be
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// forms are changes of URL-encoded forms.
var forms = []Change{
	{"spaces of the form were written as %20", cureForm, func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("%20"), []byte("+")), isForm(b) }},
	{"spaces of the form were written as +", cureForm, func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("+"), []byte("%20")), isForm(b) }},
	{"the form's percent-encoding became upper case", cureForm, func(b []byte) ([]byte, bool) { return recased(b, "0123456789abcdef"), isForm(b) }},
	{"the form's percent-encoding became lower case", cureForm, func(b []byte) ([]byte, bool) { return recased(b, "0123456789ABCDEF"), isForm(b) }},
	{"the form was decoded and encoded again", cureForm, reencoded("", "+", false)},
	{"the form was decoded and encoded again, with %20 for spaces before", cureForm, reencoded("", "%20", false)},
	{"the form was decoded and encoded again, where *, -, . and _ are the only characters kept by the sender", cureForm, reencoded("*", "+", false)},
	{"the form was decoded and encoded again, where ~ was encoded by the sender", cureForm, reencoded("~", "+", false)},
	{"the form was decoded and encoded again, with the marks !'()* kept by the sender", cureForm, reencoded("!'()*", "%20", false)},
	{"the form was decoded and encoded again, with brackets kept by the sender", cureForm, reencoded("[]", "+", false)},
	{"the form was decoded and encoded again, and its fields were sorted before", cureForm, reencoded("", "+", true)},
	{"the form was decoded and encoded again, with %20 for spaces and its fields sorted before", cureForm, reencoded("", "%20", true)},
	{"the form was decoded", cureForm, func(b []byte) ([]byte, bool) {
		if bytes.IndexByte(b, '%') >= 0 || !isForm(b) {
			return nil, false
		}
		return []byte(encodeForm(string(b), "", "+", false)), true
	}},
}

func isForm(b []byte) bool { return bytes.IndexByte(b, '=') > 0 }

// recased writes percent-encoded bytes with these digits.
func recased(b []byte, digits string) []byte {
	out := bytes.Clone(b)
	for i := 0; i+2 < len(out); i++ {
		if out[i] != '%' {
			continue
		}
		for k := i + 1; k <= i+2; k++ {
			if d := strings.IndexByte("0123456789abcdef", out[k]|0x20); d >= 0 {
				out[k] = digits[d]
			}
		}
	}
	return out
}

func reencoded(special, space string, sorted bool) func([]byte) ([]byte, bool) {
	return func(b []byte) ([]byte, bool) {
		if !isForm(b) {
			return nil, false
		}
		return []byte(encodeForm(string(b), special, space, sorted)), true
	}
}

// encodeForm decodes a form and encodes it again as url.QueryEscape does, except for
// spaces and for characters which are special: these are encoded if they would not
// be, and kept if they would be.
func encodeForm(text, special, space string, sorted bool) string {
	fields := strings.Split(text, "&")
	encode := func(s string) string {
		if plain, err := url.QueryUnescape(s); err == nil {
			s = plain
		}
		s = url.QueryEscape(s)
		for _, c := range []byte(special) {
			encoded := "%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15]))
			if strings.Contains(url.QueryEscape(string(c)), "%") {
				s = strings.ReplaceAll(s, encoded, string(c))
			} else {
				s = strings.ReplaceAll(s, string(c), encoded)
			}
		}
		return strings.ReplaceAll(s, "+", space)
	}
	for i, field := range fields {
		name, value, has := strings.Cut(field, "=")
		fields[i] = encode(name)
		if has {
			fields[i] += "=" + encode(value)
		}
	}
	if sorted {
		slices.Sort(fields)
	}
	return strings.Join(fields, "&")
}

// charsets are conversions of texts.
var charsets = []Change{
	{"it was converted from ISO 8859-1 to UTF-8", cureCharset, func(b []byte) ([]byte, bool) {
		out := make([]byte, 0, len(b))
		for _, r := range string(b) {
			if r > 0xff {
				return nil, false
			}
			out = append(out, byte(r))
		}
		return out, utf8.Valid(b)
	}},
	{"it was converted from Windows-1252 to UTF-8", cureCharset, func(b []byte) ([]byte, bool) {
		out := make([]byte, 0, len(b))
		for _, r := range string(b) {
			i := slices.Index(windows1252, r)
			switch {
			case i >= 0:
				out = append(out, byte(0x80+i))
			case r > 0xff:
				return nil, false
			default:
				out = append(out, byte(r))
			}
		}
		return out, utf8.Valid(b)
	}},
	{"it was converted from UTF-8 to ISO 8859-1", cureCharset, func(b []byte) ([]byte, bool) {
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return []byte(string(runes)), !utf8.Valid(b)
	}},
	{"every end of a line was doubled", cureEditor, func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte("\n\n"), []byte("\n")), true }},
	{"a zero byte was added at the end", cureEditor, func(b []byte) ([]byte, bool) { return bytes.CutSuffix(b, []byte{0}) }},
	{"it was packed several times", cureCompressed, func(b []byte) ([]byte, bool) {
		once, ok := gunzip(b)
		if !ok {
			return nil, false
		}
		return gunzip(once)
	}},
}

// windows1252 are the characters of 0x80 to 0x9f.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")
