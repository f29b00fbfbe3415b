package conformance

import (
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func signatureElsewhere(t *trial) {
	h := leaf(t.places.Signature)
	if h.Header == "" || h.Header == "Authorization" {
		t.skip("its signature is not in a header of its own")
		return
	}
	if t.lenient() {
		return
	}
	for _, name := range []string{h.Header, strings.ToLower(h.Header), strings.ReplaceAll(strings.ToLower(h.Header), "-", "_"), "signature"} {
		e, ok := t.event()
		if !ok {
			return
		}
		value := e.req.Header.Get(h.Header)
		e.req = copied(e.req)
		e.req.Header.Del(h.Header)
		q := e.req.URL.Query()
		q.Set(name, value)
		e.req.URL.RawQuery = q.Encode()
		t.refuse("an event whose signature is in the parameter "+name, e)
	}
}

// lenient reports whether events without any signature are accepted: then nothing
// tells whether one that is somewhere else is looked at.
func (t *trial) lenient() bool {
	e, ok := t.event()
	if !ok {
		return false
	}
	bad := without(e, t.places.Signature)
	if bad == nil {
		return false
	}
	if a := t.patient(t.ctx, bad); !a.ok() {
		return false
	}
	t.skip("events without a signature are accepted anyway")
	return true
}

// listed writes several signatures as the source has them.
func listed(s verifiers.Source, texts ...string) string {
	sep, before := s.Sep, s.Prefix
	if s.Pair != "" {
		before = s.Pair + "="
		if sep == "" {
			sep = ","
		}
	}
	for i := range texts {
		texts[i] = before + texts[i]
	}
	return strings.Join(texts, sep)
}

// rotates lists senders whose list of pairs is documented to hold several.
var rotates = map[string]bool{"stripe": true}

// list returns a correct event and what its signature is in the list.
func (t *trial) list() (e *event, s verifiers.Source, item string, ok bool) {
	s = leaf(t.places.Signature)
	if s.Header == "" || s.Pair == "" && s.Sep == "" {
		t.skip("%s sends one signature", t.target.Provider.Name)
		return nil, s, "", false
	}
	if s.Pair != "" && !rotates[t.target.Provider.Name] {
		t.result.Severity = Should // nothing says that it sends several
	}
	if e, ok = t.event(); !ok || e.good == "" {
		return nil, s, "", false
	}
	return e, s, listed(s, e.good), true
}

func rotation(t *trial) {
	for _, first := range []bool{false, true} {
		e, s, item, ok := t.list()
		if !ok {
			return
		}
		texts, where := []string{recoded(e.good, flipped), e.good}, "last"
		if first {
			texts[0], texts[1], where = texts[1], texts[0], "first"
		}
		if c, ok := t.exchanged(e, item, listed(s, texts...)); ok {
			t.accept("an event with two signatures, of which the "+where+" one is right", c)
		}
	}
}

func rotationVersions(t *trial) {
	e, s, item, ok := t.list()
	if !ok {
		return
	}
	other := s
	switch {
	case strings.HasPrefix(s.Pair, "v"):
		other.Pair = "v0"
		if s.Pair == "v0" {
			other.Pair = "v9"
		}
	case strings.HasPrefix(s.Prefix, "v"):
		other.Prefix = "v9,"
	default:
		t.skip("its signatures have no version")
		return
	}
	if c, ok := t.exchanged(e, item, listed(other, recoded(e.good, flipped))+or(s.Sep, ",")+item); ok {
		t.accept("an event with a signature of another version before the right one", c)
	}
}

func headerCase(t *trial) {
	for what, f := range map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper} {
		if e, ok := t.event(); ok {
			e.wire.rename = f
			t.accept("an event whose headers are written in "+what+" case", e)
		}
	}
}

func headerSpace(t *trial) {
	if e, ok := t.event(); ok {
		e.wire.value = func(_, value string) string { return "  " + value + " \t" }
		t.accept("an event with white space around the values of headers", e)
	}
}

func headerFolded(t *trial) {
	if e, ok := t.event(); ok {
		e.wire.extra = []string{"X-Folded: one,", "  two"}
		t.survive("an event with a header over two lines", e)
	}
}

func signatureTwice(t *trial) {
	s := leaf(t.places.Signature)
	if s.Header == "" {
		t.skip("its signature is not in a header")
		return
	}
	for _, v := range []struct {
		what string
		f    func(good, bad string) []string
	}{
		{"the right one first", func(good, bad string) []string { return []string{good, bad} }},
		{"the wrong one first", func(good, bad string) []string { return []string{bad, good} }},
		{"both in one header, the right one first", func(good, bad string) []string { return []string{good + ", " + bad} }},
		{"both in one header, the wrong one first", func(good, bad string) []string { return []string{bad + ", " + good} }},
	} {
		e, ok := t.event()
		if !ok {
			return
		}
		bad, ok := t.otherwise(e, raw(flipped))
		if !ok {
			return
		}
		both := v.f(e.req.Header.Get(s.Header), bad.req.Header.Get(s.Header))
		if s.Pair != "" && len(both) == 1 {
			continue // that is a list
		}
		e.req = copied(e.req)
		e.req.Header[s.Header] = both
		t.refuse("an event with two signatures, "+v.what, e)
	}
}

func prefixMissing(t *trial) {
	s := leaf(t.places.Signature)
	if s.Header == "" || s.Prefix == "" || s.Header == "Authorization" {
		t.skip("its signature has no prefix")
		return
	}
	if e, ok := t.event(); ok {
		if c, ok := t.exchanged(e, s.Prefix+e.good, e.good); ok {
			t.refuse("an event whose signature lacks "+s.Prefix, c)
		}
	}
}

func hexCase(t *trial) {
	e, ok := t.event()
	if !ok {
		return
	}
	if t.places.Secret || !isHex(e.good) {
		t.skip("its signature is not hexadecimal")
		return
	}
	if c, ok := t.with(e, strings.ToUpper(e.good)); ok {
		a := t.survive("an event whose signature is written in upper case", c)
		if t.result.Note = "accepted"; !a.ok() {
			t.result.Note = "refused"
		}
	}
}

func manySignatures(t *trial) {
	const many = 10000
	s := leaf(t.places.Signature)
	if s.Header == "" {
		t.skip("its signature is not in a header")
		return
	}
	e, ok := t.event()
	if !ok || e.good == "" {
		return
	}
	bad := recoded(e.good, flipped)
	item := listed(s, bad)
	if c, ok := t.exchanged(e, listed(s, e.good), item+strings.Repeat(or(s.Sep, ",")+item, many-1)); ok {
		t.probes++
		const sent = "an event with 10 000 wrong signatures"
		a := t.patient(t.ctx, c)
		switch slow := max(time.Second, 20*t.usual); {
		case a.ok():
			t.flaw(sent, c, a, "it was accepted: %s", got(a, t.runner))
		case a.err == nil && a.took > slow || a.err == errTimeout: //nolint:errorlint // it is never wrapped
			t.flaw(sent, c, a, "the answer took %s", a.took.Round(time.Millisecond))
		}
	}
}
