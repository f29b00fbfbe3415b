package schemas

import (
	"encoding/json"
	"testing"
)

func TestURITemplate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "https://example.com/{/sha}", "{/sha}", "{?q,r}", "https://api.github.com/gists{/gist_id}", "{+path}/x", "{#frag}", "{.ext*}",
		"{var:3}", "{a.b_c}", "{%20x}", "é/{x}", "{&a,b*}", "a%20b",
	} {
		if !isURITemplate(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{"{", "}", "a}b", "{a", "{}", "{a b}", "{a,}", "{a:0}", "{a:10000}", "{a:x}", "{a..b}", "{.}", "{{a}}", "a b", "a%2", "<x>", "{a*:3}", `a"b`} {
		if isURITemplate(s) {
			t.Errorf("%q is accepted", s)
		}
	}
	if !isURITemplate(json.Number("1")) {
		t.Error("a number is refused, and formats are about strings")
	}
}

func FuzzURITemplate(f *testing.F) {
	f.Add("{/sha}")
	f.Add("%{")
	f.Fuzz(func(_ *testing.T, s string) { isURITemplate(s) })
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for format, examples := range map[string]struct{ valid, invalid string }{
		"date-time":     {"2026-01-01T00:00:00Z", "2026-01-01 00:00:00"},
		"date":          {"2026-01-31", "2026-02-31"},
		"time":          {"00:00:00+01:00", "24:00:00Z"},
		"duration":      {"P1DT1H", "1D"},
		"email":         {"a@example.com", "a"},
		"hostname":      {"example.com", "-a.example"},
		"ipv4":          {"192.0.2.1", "192.0.2.256"},
		"ipv6":          {"2001:db8::1", "192.0.2.1"},
		"uri":           {"https://example.com/a", "a"},
		"uri-reference": {"a", "\\a"},
		"uuid":          {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae"},
		"json-pointer":  {"/a~1b", "a"},
		"regex":         {"^a+$", "("},
		"uri-template":  {"https://example.com{/sha}", "{"},
	} {
		for _, draft := range []string{
			"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#",
			"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema",
		} {
			s := compilePlain(t, `{"$schema":"`+draft+`","format":"`+format+`"}`)
			if err := s.Validate(examples.valid); err != nil {
				t.Errorf("%s, %s: %q is refused: %v", draft, format, examples.valid, err)
			}
			if s.Validate(examples.invalid) == nil {
				t.Errorf("%s, %s: %q is accepted", draft, format, examples.invalid)
			}
			if err := s.Validate(json.Number("1")); err != nil {
				t.Errorf("%s, %s: a number is refused: %v", draft, format, err)
			}
		}
	}
}
