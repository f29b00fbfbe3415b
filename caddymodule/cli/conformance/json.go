package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Ways to write a JSON document that mean the same. They return nil if the
// document cannot be written so.

func spaced(body []byte) []byte {
	var b bytes.Buffer
	inString, escape := false, false
	for _, c := range body {
		b.WriteByte(c)
		switch {
		case escape:
			escape = false
		case inString && c == '\\':
			escape = true
		case c == '"':
			inString = !inString
		case !inString && (c == ':' || c == ','):
			b.WriteByte(' ')
		}
	}
	return b.Bytes()
}

func indented(body []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		return nil
	}
	return b.Bytes()
}

// reordered writes the members of the outermost object from the last name to the
// first.
func reordered(body []byte) []byte {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || len(object) < 2 {
		return nil
	}
	names := slices.Sorted(maps.Keys(object))
	slices.Reverse(names)
	var b bytes.Buffer
	for _, name := range names {
		key, err := json.Marshal(name)
		if err != nil {
			return nil
		}
		fmt.Fprintf(&b, ",%s:%s", key, object[name])
	}
	b.Bytes()[0] = '{'
	b.WriteByte('}')
	return b.Bytes()
}

// escaped writes the last letter of a string as an escape: nothing that looks for
// a value in the text is near it.
func escaped(body []byte) []byte {
	for i := len(body) - 2; i > 0; i-- {
		c := body[i]
		if body[i+1] == '"' && (c >= 'a' && c <= 'z') && body[i-1] != '\\' {
			return slices.Concat(body[:i], fmt.Appendf(nil, `\u%04x`, c), body[i+1:])
		}
	}
	return nil
}
