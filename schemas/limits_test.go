package schemas

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// nest makes a payload that is so deep.
func nest(depth int) any {
	var v any = "x"
	for i := range depth {
		if i%2 == 0 {
			v = []any{v}
		} else {
			v = map[string]any{"n": v}
		}
	}
	return v
}

func TestBounds(t *testing.T) {
	t.Parallel()
	const recursive = `{"additionalProperties":{"$ref":"#"},"items":{"$ref":"#"}}`
	number := func(s string) any { return map[string]any{"a/b": []any{json.Number("1"), json.Number(s)}} }
	inside := func(s string) string { return `{"properties":{"a/b":{"items":` + s + `}}}` }
	for _, tt := range []struct {
		name    string
		schema  string
		payload any
		want    string // the keyword
		pointer string
	}{
		{name: "depth", schema: recursive, payload: nest(maxDepth)},
		{name: "too deep", schema: recursive, payload: nest(maxDepth + 1), want: "depth", pointer: strings.Repeat("/0/n", maxDepth/2) + "/0"},
		{name: "too deep where it may be", schema: `{"not":` + recursive + `}`, payload: nest(maxDepth + 1), want: "depth"},
		{name: "too deep for const", schema: `{"const":1}`, payload: nest(maxDepth + 1), want: "const"},
		{name: "too deep to compare", schema: `{"uniqueItems":true}`, payload: []any{nest(maxDepth + 1), nest(maxDepth + 1)}, want: "depth"},
		{name: "deep where nobody looks", schema: `{"properties":{"n":{"type":"object"}}}`, payload: map[string]any{"n": map[string]any{"n": nest(2 * maxDepth)}}},
		{name: "digits", schema: inside(`{"multipleOf":1}`), payload: number(strings.Repeat("9", maxNumber))},
		{name: "too many digits", schema: inside(`{"multipleOf":1}`), payload: number(strings.Repeat("9", maxNumber+1)), want: "number", pointer: "/a~1b/1"},
		{name: "many digits where they do not matter", schema: inside(`{"type":"integer","minimum":0}`), payload: number(strings.Repeat("9", 100*maxNumber))},
		{name: "exponents", schema: inside(`{"type":"integer","minimum":1e999}`), payload: number("1e999999999"), want: "minimum", pointer: "/a~1b/0"},
		{name: "large exponent", schema: inside(`{"type":"integer"}`), payload: number("1e1000000000"), want: "number", pointer: "/a~1b/1"},
		{name: "small exponent", schema: inside(`{"enum":[1]}`), payload: number("1E-99999999999999999999"), want: "number", pointer: "/a~1b/1"},
		{name: "at the root", schema: `{"type":"integer"}`, payload: json.Number("1e9999999999"), want: "number"},
		{name: "no number", schema: `{"minimum":1}`, payload: json.Number("secret-value"), want: "number"},
		{name: "the first of several", schema: `{"additionalProperties":{"multipleOf":1}}`, payload: map[string]any{"b": json.Number("1e9999999999"), "a": json.Number("1e9999999998"), "c": json.Number("1e9999999997")}, want: "number", pointer: "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := compileOurs(t, tt.schema).Validate("x", tt.payload)
			invalid, ok := errors.AsType[*Invalid](err)
			switch {
			case tt.want == "" && err == nil:
				return
			case tt.want == "" || !ok || len(invalid.Violations) == 0:
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			got := invalid.Violations[0]
			if got.Keyword != tt.want || tt.pointer != "" && got.Pointer != clean(tt.pointer) || len(got.Pointer) > maxLocation {
				t.Errorf("got %+v, want %s %s", got, tt.pointer, tt.want)
			}
		})
	}
}

// A large payload of which every value is wrong takes bounded memory.
func TestManyViolations(t *testing.T) {
	t.Parallel()
	const n = 100_000
	_, err := compileOurs(t, `{"items":{"type":"string"}}`).Validate("x", make([]any, n))
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok || len(invalid.Violations) != maxViolations || invalid.More != n-maxViolations {
		t.Fatalf("got %v, want ten violations and the number of the others", err)
	}
	if want := "x.json: /0 type; /1 type; /10 type; /100 type; /1000 type"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want %q at its beginning", err, want)
	}
}
