package providers

import (
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Schemes whose signature is in the body, or is over members of it, read these
// members of the text: a body that nobody has signed is not decoded, which may take
// many times its size.

func mustPointers(pointers ...string) *verifiers.Pointers {
	p, err := verifiers.PointersTo(pointers...)
	if err != nil {
		panic(err)
	}
	return p
}

// isNull reports whether a member's JSON text is null, or there is none.
func isNull(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }

func isObject(text []byte) bool {
	i := slices.IndexFunc(text, func(c byte) bool { return c > ' ' })
	return i >= 0 && text[i] == '{'
}
