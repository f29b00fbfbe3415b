package providers

import (
	"net/url"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A formField is a field of a form in the place in which it was sent.
type formField struct{ name, value string }

// orderedForm decodes an URL-encoded text and keeps the order of its fields,
// which url.Values forgets. The error is [verifiers.ErrMalformed].
func orderedForm(text string) ([]formField, error) {
	var fields []formField
	for item := range strings.SplitSeq(text, "&") {
		if item == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(item, "=")
		name, errName := url.QueryUnescape(rawName)
		value, errValue := url.QueryUnescape(rawValue)
		if errName != nil || errValue != nil || strings.Contains(item, ";") {
			return nil, verifiers.ErrMalformed
		}
		fields = append(fields, formField{name, value})
	}
	return fields, nil
}
