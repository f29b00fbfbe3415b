// Package canon puts parts of requests into the canonical forms that senders
// sign. It is shared by several providers.
package canon

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// AppendForm appends each field's name and value without separators, in byte
// order of the names. Of a field that is there several times the distinct
// values are appended in byte order, each after the name.
func AppendForm(dst []byte, form url.Values) []byte {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		if len(values) > 1 {
			values = slices.Compact(slices.Sorted(slices.Values(values)))
		}
		for _, value := range values {
			dst = append(dst, name...)
			dst = append(dst, value...)
		}
	}
	return dst
}

// BrowserQuery returns a query as the WHATWG URL standard writes that of an
// HTTP URL: what is already escaped stays as it is.
func BrowserQuery(raw string) string {
	return escape(raw, func(c byte) bool {
		return c > ' ' && c <= '~' && !strings.ContainsRune(`"#<>'`, rune(c))
	})
}

// NodeQuery returns a query as Node's querystring module writes it after
// parsing it: fields of one name together, a space as %20, and nothing escaped
// but what has to be. A query that cannot be parsed is returned as it is.
func NodeQuery(raw string) string {
	type field struct{ name, values string }
	var fields []field
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return raw
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return raw
		}
		item := escape(name, nodeSafe) + "=" + escape(value, nodeSafe)
		if i := slices.IndexFunc(fields, func(f field) bool { return f.name == name }); i >= 0 {
			fields[i].values += "&" + item
		} else {
			fields = append(fields, field{name, item})
		}
	}
	items := make([]string, len(fields))
	for i, f := range fields {
		items[i] = f.values
	}
	return strings.Join(items, "&")
}

func nodeSafe(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' ||
		strings.IndexByte("-_.!~*'()", c) >= 0
}

func escape(s string, safe func(byte) bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; safe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
