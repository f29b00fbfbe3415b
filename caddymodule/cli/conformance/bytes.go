package conformance

import (
	"bytes"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// tampered changes a body after it was signed.
func (t *trial) tampered(sent string, f func([]byte) []byte) {
	e, ok := t.event()
	if !ok {
		return
	}
	body := f(bytes.Clone(e.req.Body))
	if body == nil || bytes.Equal(body, e.req.Body) {
		t.skip("its body has nothing of the kind")
		return
	}
	e.req = copied(e.req)
	e.req.Body = body
	t.refuse(sent, e)
}

func bodyChanged(t *trial) {
	const sent = "an event of which one byte was changed after it was signed"
	t.tampered(sent, otherLetter)
	// Who looks for duplicates before it verifies accepts anything under an id that
	// it knows.
	e, ok := t.event()
	if !ok {
		return
	}
	body := otherLetter(bytes.Clone(e.req.Body))
	if _, ok := t.accept("an event", e); !ok || body == nil {
		return
	}
	e.req = copied(e.req)
	e.req.Body = body
	t.refuse(sent+", after the right one was accepted", e)
}

// otherLetter changes one letter, so that the body is still what it was.
func otherLetter(body []byte) []byte {
	for i := len(body) - 1; i > 0; i-- {
		if c := body[i]; c >= 'b' && c <= 'y' && body[i-1] != '\\' && body[i-1] != '%' {
			body[i]++
			return body
		}
	}
	for i := range body {
		if body[i] >= '0' && body[i] <= '8' {
			body[i]++
			return body
		}
	}
	return nil
}

func bodyTrimmed(t *trial) {
	for _, space := range []string{"\n", " ", "\r\n"} {
		t.tampered("an event with white space after it, added after it was signed", func(body []byte) []byte {
			return append(body, space...)
		})
	}
	t.tampered("an event with a space before it, added after it was signed", func(body []byte) []byte {
		return append([]byte(" "), body...)
	})
}

func bodyReserialised(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	if !isJSON(e.req) {
		t.skip("its body is not JSON")
		return
	}
	t.tampered("an event whose JSON has spaces that were added after it was signed", spaced)
	t.tampered("an event whose JSON was indented after it was signed", indented)
	t.tampered("an event whose members were put in another order after it was signed", reordered)
	t.tampered("an event in whose JSON a letter was escaped after it was signed", escaped)
}

func bodyExact(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	if !isJSON(e.req) {
		t.skip("its body is not JSON")
		return
	}
	for _, v := range []struct {
		sent string
		f    func([]byte) []byte
	}{
		{"an event whose JSON has spaces", spaced},
		{"an event whose JSON is indented", indented},
		{"an event whose JSON ends in a line break", func(b []byte) []byte { return append(b, '\n') }},
		{"an event whose members are in another order", reordered},
		{"an event in whose JSON a letter is escaped", escaped},
	} {
		if e, ok := t.event(func(req *verifiers.Request) {
			if body := v.f(bytes.Clone(req.Body)); body != nil {
				req.Body = body
			}
		}); ok {
			t.accept(v.sent, e)
		}
	}
	if e, ok = t.event(withRaw(`"conformance_text":"plain"`)); !ok {
		return
	}
	if a := t.patient(t.ctx, e); !a.ok() {
		return // that is unknown-field
	}
	for sent, member := range map[string]string{
		"an event with characters beyond ASCII":            `"conformance_text":"Zoë 東京 🚀"`,
		"an event with escapes":                            `"conformance_text":"\u00e9\/\u003c\ud83d\ude80\t"`,
		"an event with a number that floats cannot hold":   `"conformance_number":12345678901234567890`,
		"an event with a number written in another way":    `"conformance_number":1.50e+2`,
		"an event with characters that HTML escapes":       `"conformance_text":"<b>&'</b>"`,
		"an event with the separators of lines of Unicode": "\"conformance_text\":\"a\u2028b\"",
	} {
		if e, ok := t.event(withRaw(member)); ok {
			t.accept(sent, e)
		}
	}
}
