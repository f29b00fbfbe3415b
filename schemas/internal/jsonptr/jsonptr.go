// Package jsonptr is what schemas, and the tools that look at them, need of JSON
// Pointers (RFC 6901): following one into a document that encoding/json has decoded,
// and writing one. It knows nothing of schemas or of URI fragments.
package jsonptr

import (
	"strconv"
	"strings"
)

// Lookup returns what a pointer leads to, and whether there is anything; "" is the
// document. The index of an array must be written as RFC 6901 has it, without zeros
// before it.
func Lookup(doc any, pointer string) (any, bool) {
	if pointer == "" {
		return doc, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = Unescape(token)
		switch node := doc.(type) {
		case map[string]any:
			child, ok := node[token]
			if !ok {
				return nil, false
			}
			doc = child
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) || strconv.Itoa(i) != token {
				return nil, false
			}
			doc = node[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

// Escape writes a name as a token of a pointer.
func Escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// Unescape returns the name that a token of a pointer means.
func Unescape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}
