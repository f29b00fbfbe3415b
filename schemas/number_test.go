package schemas

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// randomNumber makes a number of JSON, often one that is near others or written in
// an unusual way.
func randomNumber(r *rand.Rand) string {
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "000123459"[r.IntN(9)]
		}
		return string(b)
	}
	var b strings.Builder
	if r.IntN(3) == 0 {
		b.WriteByte('-')
	}
	if whole := strings.TrimLeft(digits(1+r.IntN(4)*r.IntN(8)), "0"); whole != "" {
		b.WriteString(whole)
	} else {
		b.WriteByte('0')
	}
	if r.IntN(2) == 0 {
		b.WriteString("." + digits(1+r.IntN(4)*r.IntN(8)))
	}
	if r.IntN(3) == 0 {
		b.WriteString([]string{"e", "E", "e+", "e-", "E-0"}[r.IntN(5)] + digits(1) + digits(r.IntN(2)))
	}
	return b.String()
}

func rat(t *testing.T, s string) *big.Rat {
	t.Helper()
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		t.Fatalf("%q is no number", s)
	}
	return n
}

// Decimals do what rational numbers do.
func TestDecimals(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 9))
	e := &evaluator{left: unbounded}
	equal := 0
	for range 200_000 {
		a, b := randomNumber(r), randomNumber(r)
		x, y := rat(t, a), rat(t, b)
		if r.IntN(4) == 0 { // the same, written in another way
			b = y.Set(x).FloatString(40) + []string{"", "e0", "E+00"}[r.IntN(3)]
			y = rat(t, b)
		}
		d, ok := parseDecimal(a)
		f, ok2 := parseDecimal(b)
		if !ok || !ok2 {
			t.Fatalf("%s, %s: refused", a, b)
		}
		want := x.Cmp(y)
		if want == 0 {
			equal++
		}
		if got := d.compare(f); got != want {
			t.Fatalf("%s, %s: got %d, want %d", a, b, got, want)
		}
		if hashes := e.hash(json.Number(a), 0) == e.hash(json.Number(b), 0); hashes != (want == 0) {
			t.Fatalf("%s, %s: same hash %v", a, b, hashes)
		}
		limit := newConstantNumber(y)
		if got, ok := limit.compareTo(a); !ok || got != want {
			t.Fatalf("%s with the limit %s: got %d, %v, want %d", a, b, got, ok, want)
		}
		if got, ok := integerText(a); !ok || got != x.IsInt() {
			t.Fatalf("%s: integer %v, %v, want %v", a, got, ok, x.IsInt())
		}
		if y.Sign() != 0 {
			if got, want := d.multipleOf(f), new(big.Rat).Quo(x, y).IsInt(); got != want {
				t.Fatalf("%s a multiple of %s: got %v, want %v", a, b, got, want)
			}
		}
	}
	if equal < 10_000 {
		t.Errorf("only %d are equal", equal)
	}
	for _, s := range []string{"", "-", "+1", ".5", "5.", "1e", "1e+", "0x1", "1/2", "NaN", "Infinity", "1_0", "1 ", "--1", "1e1.5", "1e1000000000", "1e-99999999999999999999"} {
		if _, ok := parseDecimal(s); ok {
			t.Errorf("%q is accepted", s)
		}
		if _, ok := smallInteger(s); ok {
			t.Errorf("%q is an integer", s)
		}
	}
}

// What is equal has one hash, whatever the order of members, and what is not has
// others.
func TestHash(t *testing.T) {
	t.Parallel()
	var list []any
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `1`, `-1`, `10`, `0.1`, `"1"`, `"null"`, `""`, `[]`, `{}`, `[null]`, `[[]]`, `[[],[]]`, `[{}]`, `{"":null}`, `{"a":1}`, `{"a":"1"}`,
		`{"a":1,"b":2}`, `{"a":2,"b":1}`, `{"b":1,"a":1}`, `[1,2]`, `[2,1]`, `[[1],2]`, `[[1,2]]`, `[true,false]`, `[false,true]`, `["a","b"]`, `["ab",""]`, `{"a":{"b":1}}`, `{"b":{"a":1}}`,
	} {
		v, err := decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	e := &evaluator{left: unbounded}
	for i, a := range list {
		for j, b := range list {
			if got := e.equal(a, b, 0); got != (i == j) {
				t.Errorf("%v, %v: equal %v", a, b, got)
			}
			if got := e.hash(a, 0) == e.hash(b, 0); got != (i == j) {
				t.Errorf("%v, %v: same hash %v", a, b, got)
			}
		}
	}
	if !e.distinct(list) {
		t.Error("they are not distinct")
	}
	for i := range list {
		if e.distinct(append(slices.Clip(list), list[i])) {
			t.Errorf("%v: there are two, and they are distinct", list[i])
		}
	}
	set := newValueSet(list)
	for i, v := range list {
		if !e.permits(set, v) || e.permits(newValueSet(append(list[:i:i], list[i+1:]...)), v) {
			t.Errorf("%v: enum permits it when it should not, or not when it should", v)
		}
	}
	if e.permits(set, json.Number("2")) || e.permits(set, "other") || e.permits(set, []any{json.Number("3")}) {
		t.Error("enum permits what is not in it")
	}
}

// Dates and times are those that the library takes.
func TestDateTimesAsTheLibrary(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(10, 11))
	valid := 0
	for _, base := range []string{"2026-01-01T00:00:00Z", "2024-02-29T23:59:60Z", "1998-12-31T15:59:60.123-08:00", "2000-02-29t12:00:00.5z", "1900-02-28T01:02:03+05:30", "2026-12-31T23:59:59.999999999Z"} {
		for range 20_000 {
			b := []byte(base)
			for range r.IntN(4) {
				b[r.IntN(len(b))] = "0123456789:.TZtz x"[r.IntN(18)]
			}
			s := string(b)
			for name, text := range map[string]string{"date-time": s, "date": s[:10], "time": s[11:]} {
				got, want := formats[name](text), jsonschema.Formats[name](text)
				if got != want {
					t.Fatalf("%s %q: got %v, the library %v", name, text, got, want)
				}
				if got {
					valid++
				}
			}
		}
	}
	if valid < 10_000 {
		t.Errorf("only %d are valid", valid)
	}
	valid = 0
	for range 200_000 {
		b := []byte("P")
		for range r.IntN(8) {
			b = append(b, "1122PTWYMDHS/9"[r.IntN(14)])
		}
		for name, text := range map[string]string{"duration": string(b), "period": "2026-01-01T00:00:00Z/" + string(b)} {
			if got, want := formats[name](text), jsonschema.Formats[name](text); got != want {
				t.Fatalf("%s %q: got %v, the library %v", name, text, got, want)
			} else if got {
				valid++
			}
		}
	}
	if valid < 1000 {
		t.Errorf("only %d durations are valid", valid)
	}
}

// No format takes more than linear time.
func TestFormatsAreLinear(t *testing.T) {
	t.Parallel()
	for name := range jsonschema.Formats {
		format, size := formatNamed(name), 1<<18
		if name == "regex" {
			size >>= 4 // it is slow, and counts as that
		}
		for _, part := range []string{"1Y", "P1Y", "a.", "1.", "a@", "/", "~0", "{a}", "{", "(", "[", "a:", "::", "%20", "é", "2026-01-01T", "1e", "\"", "a,", "x+", "-"} {
			for _, prefix := range []string{"", "P", "https://", "\"", "1", "2026-01-01T00:00:00."} {
				text := prefix + strings.Repeat(part, size/len(part))
				start := time.Now()
				format(text)
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("%s of %q again and again: %v", name, prefix+part, took)
				}
			}
		}
	}
}

// A number that would be ignored does not load.
func TestUnusableNumbers(t *testing.T) {
	t.Parallel()
	for text, pointer := range map[string]string{
		`{"properties":{"a/b":{"minimum":1e9999999}}}`:            "/properties/a~1b/minimum",
		`{"items":{"allOf":[true,{"multipleOf":1e-99999999}]}}`:   "/items/allOf/1/multipleOf",
		`{"maxLength":1e99999999999999999999}`:                    "/maxLength",
		`{"maximum":1` + strings.Repeat("23", maxNumber) + `}`:    "/maximum",
		`{"maximum":1e1000,"minimum":-1e999,"multipleOf":1e-999}`: "/maximum",
	} {
		_, err := Load(Config{FS: fstest.MapFS{"x.json": {Data: []byte(text)}}})
		if e, ok := errors.AsType[*LoadError](err); !ok || e.File != "x.json" || e.Pointer != pointer {
			t.Errorf("%.60s: got %v, want %s", text, err, pointer)
		}
	}
	s := compileOurs(t, `{"maximum":1e999,"minimum":-1e999,"multipleOf":1e-999}`)
	for number, want := range map[json.Number]bool{"1e999": true, "1.1e999": false, "-1e999": true, "-1e1000": false, "1e-999": true, "1e-1000": false} {
		if got := s.accepts(number); got != want {
			t.Errorf("%s: got %v, want %v", number, got, want)
		}
	}
}
