package schemas

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	nest := func(depth int) any {
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
	number := func(s string) any { return map[string]any{"a/b": []any{json.Number("1"), json.Number(s)}} }
	long := strings.Repeat("k", 50_000)
	many := func(n int) []any { return make([]any, n) }
	for _, tt := range []struct {
		name    string
		payload any
		want    string // the keyword
		pointer string
	}{
		{name: "depth", payload: nest(maxDepth)},
		{name: "too deep", payload: nest(maxDepth + 1), want: "depth"},
		{name: "digits", payload: number(strings.Repeat("9", maxNumber))},
		{name: "too many digits", payload: number(strings.Repeat("9", maxNumber+1)), want: "number", pointer: "/a~1b/1"},
		{name: "too many digits and an exponent", payload: number(strings.Repeat("9", maxNumber) + ".5e1"), want: "number", pointer: "/a~1b/1"},
		{name: "exponents", payload: []any{json.Number("1e1000"), json.Number("1E-1000"), json.Number("1e+1000"), json.Number("-1.5e308")}},
		{name: "large exponent", payload: number("1e1001"), want: "number", pointer: "/a~1b/1"},
		{name: "small exponent", payload: number("1E-1001"), want: "number", pointer: "/a~1b/1"},
		{name: "vast exponent", payload: number("1e99999999999999999999"), want: "number", pointer: "/a~1b/1"},
		{name: "at the root", payload: json.Number("1e9999"), want: "number"},
		{name: "many values", payload: many(1_500_000)},
		{name: "too many values", payload: many(2_000_000), want: "size"},
		{name: "values below a long name", payload: map[string]any{long: many(5_000)}, want: "size"},
		{name: "few values below a long name", payload: map[string]any{long: many(1_000)}},
		{name: "the first of several", payload: map[string]any{"b": json.Number("1e9999"), "a": json.Number("1e9998"), "c": json.Number("1e9997")}, want: "number", pointer: "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := checkLimits(tt.payload)
			switch {
			case got == nil && tt.want == "":
			case got == nil || got.Keyword != tt.want:
				t.Errorf("got %+v, want %q", got, tt.want)
			case tt.pointer != "" && got.Pointer != tt.pointer:
				t.Errorf("got %q, want %q", got.Pointer, tt.pointer)
			case len(got.Pointer) > maxLocation:
				t.Errorf("got a pointer of %d bytes", len(got.Pointer))
			}
		})
	}
}

// What is beyond the bounds never reaches the library, whatever the schema.
func TestLimitsMakeInvalid(t *testing.T) {
	t.Parallel()
	s := &Set{choice: chooser{named: map[string]*compiled{"x": {address: "x.json", schema: compilePlain(t, `{}`)}}}}
	schema, err := s.Validate("x", map[string]any{"n": json.Number("1e9999")})
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok || schema != "x.json" || err.Error() != "x.json: /n number" || len(invalid.Violations) != 1 {
		t.Errorf("got %q, %v, want it invalid", schema, err)
	}
}

// A large payload of which every value is wrong takes bounded memory.
func TestManyViolations(t *testing.T) {
	t.Parallel()
	s := &Set{choice: chooser{named: map[string]*compiled{"x": {address: "x.json", schema: compilePlain(t, `{"items":{"type":"string"}}`)}}}}
	const n = 100_000
	_, err := s.Validate("x", make([]any, n))
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok || len(invalid.Violations) != maxViolations || invalid.More != n-maxViolations {
		t.Fatalf("got %v, want ten violations and the number of the others", err)
	}
	if want := "x.json: /0 type; /1 type; /10 type; /100 type; /1000 type"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, want %q at its beginning", err, want)
	}
}
