package schemas

import (
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// source makes decisions from bytes; when they are spent it chooses the simplest.
type source struct{ data []byte }

func (s *source) below(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

func pick[T any](s *source, list ...T) T { return list[s.below(len(list))] }

var (
	fuzzNames    = []string{"a", "b", "c", "a/b~"}
	fuzzPatterns = []string{"^a", "b", "^$", "[0-9]+", "^.{2,3}$"}
	fuzzNumbers  = []json.Number{
		"0", "1", "2", "-1", "1.0", "2.5", "1e2", "100", "-0.0", "0.01", "10E-1", "12345678901234567890", "12345678901234567890.0",
		"1.5e300", "99999999999999999999e-19", "3", "7", "0.1", "1e-7", "-12.50", "18446744073709551616", "9223372036854775807",
	}
)

// value makes a payload, or a value for const and enum.
func (s *source) value(depth int) any {
	switch kind := s.below(8); {
	case kind == 0:
		return nil
	case kind == 1:
		return s.below(2) == 0
	case kind == 2:
		return fuzzNumbers[s.below(len(fuzzNumbers))]
	case kind == 3:
		return pick(s, "", "a", "b", "ab", "äöü", "12", "2026-01-01", "https://example.com/a", "eyJhIjoxfQ==", `{"a":1}`)
	case kind < 6 && depth > 0:
		items := make([]any, s.below(5))
		for i := range items {
			items[i] = s.value(depth - 1)
		}
		if s.below(8) == 0 { // beyond what is compared one by one
			for i := range 12 {
				items = append(items, json.Number(strconv.Itoa(i)))
			}
		}
		return items
	case depth > 0:
		object := map[string]any{}
		for range s.below(5) {
			object[fuzzNames[s.below(len(fuzzNames))]] = s.value(depth - 1)
		}
		return object
	}
	return pick[any](s, "a", json.Number("1"), nil)
}

// fuzzKeyword is what a schema may have, with the first draft that knows it.
type fuzzKeyword struct {
	since int
	name  string
	make  func(s *source, draft, depth int) any
}

func fuzzKeywords() []fuzzKeyword {
	return []fuzzKeyword{
		{4, "type", func(s *source, _, _ int) any {
			types := []string{"object", "array", "string", "number", "integer", "null", "boolean"}
			if s.below(2) == 0 {
				return pick(s, types...)
			}
			return []any{types[s.below(3)], types[3+s.below(4)]}
		}},
		{4, "enum", func(s *source, _, _ int) any {
			list := []any{s.value(2)}
			for range s.below(12) {
				list = append(list, s.value(1))
			}
			return list
		}},
		{6, "const", func(s *source, _, _ int) any { return s.value(2) }},
		{4, "properties", (*source).members},
		{4, "patternProperties", func(s *source, draft, depth int) any {
			members := map[string]any{}
			for range 1 + s.below(2) {
				members[fuzzPatterns[s.below(len(fuzzPatterns))]] = s.schema(draft, depth-1)
			}
			return members
		}},
		{4, "additionalProperties", (*source).schemaOrBool},
		{4, "required", func(s *source, _, _ int) any { return []any{fuzzNames[s.below(3)]} }},
		{4, "minProperties", fuzzCount},
		{4, "maxProperties", fuzzCount},
		{6, "propertyNames", (*source).sub},
		{4, "dependencies", func(s *source, draft, depth int) any {
			return map[string]any{"a": s.sub(draft, depth), "b": []any{"c"}}
		}},
		{2019, "dependentRequired", func(*source, int, int) any { return map[string]any{"a": []any{"b", "c"}} }},
		{2019, "dependentSchemas", func(s *source, draft, depth int) any { return map[string]any{"b": s.sub(draft, depth)} }},
		{2019, "unevaluatedProperties", (*source).sub},
		{2019, "unevaluatedItems", (*source).sub},
		{4, "items", func(s *source, draft, depth int) any {
			if draft < 2020 && s.below(2) == 0 {
				return []any{s.sub(draft, depth), s.sub(draft, depth)}
			}
			return s.sub(draft, depth)
		}},
		{4, "additionalItems", (*source).schemaOrBool},
		{2020, "prefixItems", (*source).list},
		{6, "contains", (*source).sub},
		{2019, "minContains", fuzzCount},
		{2019, "maxContains", fuzzCount},
		{4, "minItems", fuzzCount},
		{4, "maxItems", fuzzCount},
		{4, "uniqueItems", func(*source, int, int) any { return true }},
		{4, "minLength", fuzzCount},
		{4, "maxLength", fuzzCount},
		{4, "pattern", func(s *source, _, _ int) any { return fuzzPatterns[s.below(len(fuzzPatterns))] }},
		{4, "format", func(s *source, _, _ int) any { return pick(s, "date", "uri", "uri-reference", "unknown", "regex") }},
		{7, "contentEncoding", func(*source, int, int) any { return "base64" }},
		{7, "contentMediaType", func(*source, int, int) any { return "application/json" }},
		{4, "minimum", fuzzNumber},
		{4, "maximum", fuzzNumber},
		{4, "exclusiveMinimum", fuzzExclusive},
		{4, "exclusiveMaximum", fuzzExclusive},
		{4, "multipleOf", func(s *source, _, _ int) any {
			return pick[json.Number](s, "1", "2", "0.01", "2.5", "1e2", "3", "0.1", "1e-7", "7")
		}},
		{4, "allOf", (*source).list},
		{4, "anyOf", (*source).list},
		{4, "oneOf", (*source).list},
		{4, "not", (*source).sub},
		{7, "if", (*source).sub},
		{7, "then", (*source).sub},
		{7, "else", (*source).sub},
		{4, "$ref", func(s *source, _, _ int) any { return pick(s, "#/definitions/x", "#/definitions/y", "#") }},
		{2019, "$recursiveRef", func(*source, int, int) any { return "#" }},
		{2020, "$dynamicRef", func(s *source, _, _ int) any { return pick(s, "#node", "#/definitions/x") }},
	}
}

func fuzzCount(s *source, _, _ int) any  { return json.Number(strconv.Itoa(s.below(4))) }
func fuzzNumber(s *source, _, _ int) any { return fuzzNumbers[s.below(len(fuzzNumbers))] }

func fuzzExclusive(s *source, draft, _ int) any {
	if draft == 4 {
		return true
	}
	return fuzzNumbers[s.below(len(fuzzNumbers))]
}

func (s *source) sub(draft, depth int) any { return s.schema(draft, depth-1) }

func (s *source) schemaOrBool(draft, depth int) any {
	if s.below(2) == 0 {
		return s.below(2) == 0
	}
	return s.sub(draft, depth)
}

func (s *source) members(draft, depth int) any {
	members := map[string]any{}
	for range 1 + s.below(3) {
		members[fuzzNames[s.below(len(fuzzNames))]] = s.schema(draft, depth-1)
	}
	return members
}

func (s *source) list(draft, depth int) any {
	list := []any{s.schema(draft, depth-1)}
	for range s.below(4) {
		list = append(list, s.schema(draft, depth-1))
	}
	return list
}

func (s *source) schema(draft, depth int) any {
	if draft > 4 && s.below(12) == 1 {
		return s.below(2) == 0
	}
	schema := map[string]any{}
	if depth <= 0 || len(s.data) == 0 {
		return schema
	}
	keywords := fuzzKeywords()
	for range 1 + s.below(4) {
		k := keywords[s.below(len(keywords))]
		if k.since <= draft {
			schema[k.name] = k.make(s, draft, depth)
		}
	}
	if draft == 4 {
		for name, with := range map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"} {
			if _, ok := schema[name]; ok && schema[with] == nil {
				schema[with] = json.Number("1")
			}
		}
	}
	return schema
}

// document makes a whole schema of a draft.
func (s *source) document() map[string]any {
	i := s.below(len(suiteDrafts))
	draft := []int{4, 6, 7, 2019, 2020}[i]
	doc, ok := s.schema(draft, 4).(map[string]any)
	if !ok {
		doc = map[string]any{}
	}
	doc["$schema"] = suiteDrafts[i].schema
	// In old drafts a reference hides the definitions beside it, but not from others.
	doc["definitions"] = map[string]any{"x": s.schema(draft, 3), "y": s.schema(draft, 2)}
	if draft == 2019 && s.below(2) == 0 {
		doc["$recursiveAnchor"] = true
	}
	if draft == 2020 {
		doc["$dynamicAnchor"] = "node"
	}
	return doc
}

// compareWithLibrary judges payloads by a schema in both ways. Over the budget ours
// is the stricter, and in endless recursion the library.
func compareWithLibrary(t *testing.T, schema any, payloads []any) (valid, invalid int) {
	t.Helper()
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"x.json": {Data: text}}
	ours, err := Load(Config{FS: files, MaxSteps: 200_000})
	if err != nil {
		return 0, 0 // a schema that both refuse
	}
	plain := compilePlain(t, string(text))
	for _, payload := range payloads {
		want := plain.Validate(payload)
		if _, endless := errors.AsType[jsonschema.InfiniteLoopError](want); endless {
			continue
		}
		_, got := ours.Validate("x", payload)
		if errors.Is(got, ErrTooExpensive) {
			continue
		}
		if (got == nil) != (want == nil) {
			data, _ := json.Marshal(payload)
			t.Errorf("schema %s\npayload %s\nours: %v\nthe library: %v", text, data, got, want)
		}
		if want == nil {
			valid++
		} else {
			invalid++
		}
		checkInvalid(t, got)
	}
	return valid, invalid
}

// checkInvalid checks what is promised of every error.
func checkInvalid(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	invalid, ok := errors.AsType[*Invalid](err)
	if !ok {
		t.Fatalf("got %#v", err)
	}
	if (invalid.Err == nil) == (len(invalid.Violations) == 0) || len(invalid.Violations) > maxViolations {
		t.Errorf("got %#v: neither violations nor a reason, or both", invalid)
	}
	if errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

// FuzzAgainstLibrary makes schemas and payloads from bytes and compares our verdict
// with the library's.
func FuzzAgainstLibrary(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		data := make([]byte, 40+r.IntN(200))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{data}
		doc := s.document()
		var payloads []any
		for range 8 {
			payloads = append(payloads, s.value(4))
		}
		compareWithLibrary(t, doc, payloads)
	})
}

var againstLibrary = flag.Int("against-library", 3000, "schemas that TestAgainstLibrary compares")

func TestAgainstLibrary(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, uint64(*againstLibrary)))
	valid, invalid := 0, 0
	for range *againstLibrary {
		data := make([]byte, 400)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		s := &source{data}
		doc := s.document()
		var payloads []any
		for range 20 {
			payloads = append(payloads, (&source{data[r.IntN(300):]}).value(4))
		}
		v, i := compareWithLibrary(t, doc, payloads)
		valid, invalid = valid+v, invalid+i
		if t.Failed() {
			return
		}
	}
	if min(valid, invalid) < 3**againstLibrary {
		t.Errorf("%d valid, %d invalid: hardly anything is compared", valid, invalid)
	}
	t.Logf("%d valid, %d invalid", valid, invalid)
}
