package schemas_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// A violation names the payload's member as the payload does, and the schema by
// its file, whatever its $id.
func TestViolations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, schema, payload string
		want                  []schemas.Violation
		text                  string
	}{
		{
			"names beyond ASCII", `{"properties":{"ä b/~%":{"type":"string"}}}`, `{"ä b/~%":1}`,
			[]schemas.Violation{{Pointer: "/ä b~1~0%", Keyword: "type", Schema: "my x.json#/properties/ä b~1~0%/type"}},
			"my x.json: /ä b~1~0% type",
		},
		{
			"an $id", `{"$id":"https://example.com/x","properties":{"properties":{"type":"string"}}}`, `{"properties":1}`,
			[]schemas.Violation{{Pointer: "/properties", Keyword: "type", Schema: "my x.json#/properties/properties/type"}},
			"my x.json: /properties type",
		},
		{
			"false", `{"properties":{"type":false}}`, `{"type":1}`,
			[]schemas.Violation{{Pointer: "/type", Keyword: "false", Schema: "my x.json#/properties/type"}},
			"my x.json: /type false",
		},
		{
			"a keyword with an index", `{"dependentRequired":{"a":["b","c"]}}`, `{"a":1,"b":1}`,
			[]schemas.Violation{{Keyword: "dependentRequired", Schema: "my x.json#/dependentRequired/a/1", Missing: []string{"c"}}},
			"my x.json: / dependentRequired (c)",
		},
		{
			"more members than allowed", `{"additionalProperties":false}`, `{"private name":1}`,
			[]schemas.Violation{{Keyword: "additionalProperties", Schema: "my x.json#/additionalProperties"}},
			"my x.json: / additionalProperties",
		},
		{
			"the branch of the payload's own", oneOf, `{"action":"closed","n":1}`,
			[]schemas.Violation{{Pointer: "/n", Keyword: "type", Schema: "my x.json#/$defs/closed/properties/n/type"}},
			"my x.json: /n type",
		},
		{
			"no branch", `{"properties":{"a":` + oneOf2 + `}}`, `{"a":{"k/":"secret-value"}}`,
			[]schemas.Violation{{Pointer: "/a/k~1", Keyword: "anyOf", Schema: "my x.json#/properties/a/anyOf"}},
			"my x.json: /a/k~1 anyOf",
		},
		{
			"no branch of the kind", `{"anyOf":[{"type":"null"},{"type":"object"}]}`, `"secret-value"`,
			[]schemas.Violation{{Keyword: "anyOf", Schema: "my x.json#/anyOf"}},
			"my x.json: / anyOf",
		},
		{
			"a member is missing in the only branch", `{"anyOf":[{"type":"null"},{"type":"object","required":["a"]}]}`, `{}`,
			[]schemas.Violation{{Keyword: "required", Schema: "my x.json#/anyOf/1/required", Missing: []string{"a"}}},
			"my x.json: / required (a)",
		},
		{
			"two branches", `{"oneOf":[{"type":"object"},{"required":["a"]}]}`, `{"a":1}`,
			[]schemas.Violation{{Keyword: "oneOf", Schema: "my x.json#/oneOf"}},
			"my x.json: / oneOf",
		},
		{
			"no item of many", `{"properties":{"a":{"contains":{"type":"string"}}}}`, `{"a":[1,2,3]}`,
			[]schemas.Violation{{Pointer: "/a", Keyword: "contains", Schema: "my x.json#/properties/a/contains"}},
			"my x.json: /a contains",
		},
		{
			"too few items and too many", `{"properties":{"a":{"contains":{"type":"string"},"minContains":2},"b":{"contains":true,"maxContains":2}}}`, `{"a":["x",2],"b":[1,2,3]}`,
			[]schemas.Violation{
				{Pointer: "/a", Keyword: "minContains", Schema: "my x.json#/properties/a/minContains"},
				{Pointer: "/b", Keyword: "maxContains", Schema: "my x.json#/properties/b/maxContains"},
			},
			"my x.json: /a minContains; /b maxContains",
		},
		{
			"an item that nobody knows", `{"prefixItems":[true],"unevaluatedItems":false}`, `[1,"secret-value"]`,
			[]schemas.Violation{{Pointer: "/1", Keyword: "unevaluatedItems", Schema: "my x.json#/unevaluatedItems"}},
			"my x.json: /1 unevaluatedItems",
		},
		{
			"a name", `{"propertyNames":{"maxLength":1}}`, `{"a/b":1}`,
			[]schemas.Violation{{Pointer: "/a~1b", Keyword: "maxLength", Schema: "my x.json#/propertyNames/maxLength"}},
			"my x.json: /a~1b maxLength",
		},
		{
			"what then says", `{"if":{"required":["a"]},"then":{"required":["b"]},"else":false}`, `{"a":1}`,
			[]schemas.Violation{{Keyword: "required", Schema: "my x.json#/then/required", Missing: []string{"b"}}},
			"my x.json: / required (b)",
		},
		{
			"the first five that are missing", `{"properties":{"o":{"required":["c","a","x","d","e","f","g"]}}}`, `{"o":{"a":1}}`,
			[]schemas.Violation{{Pointer: "/o", Keyword: "required", Schema: "my x.json#/properties/o/required", Missing: []string{"c", "x", "d", "e", "f"}}},
			"my x.json: /o required (c, x, d, e, f)",
		},
		{
			"several", `{"type":"object","minProperties":4,"properties":{"a":{"minimum":2,"multipleOf":2},"b":{"not":{}}}}`, `{"a":1,"b":2}`,
			[]schemas.Violation{
				{Keyword: "minProperties", Schema: "my x.json#/minProperties"},
				{Pointer: "/a", Keyword: "minimum", Schema: "my x.json#/properties/a/minimum"},
				{Pointer: "/a", Keyword: "multipleOf", Schema: "my x.json#/properties/a/multipleOf"},
				{Pointer: "/b", Keyword: "not", Schema: "my x.json#/properties/b/not"},
			},
			"my x.json: / minProperties; /a minimum; /a multipleOf; /b not",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := load(t, schemas.Config{Dir: tree(t, map[string]string{"my x.json": tt.schema})})
			_, err := s.Validate("my x", decode(t, tt.payload))
			invalid, ok := errors.AsType[*schemas.Invalid](err)
			if !ok {
				t.Fatalf("got %v, want it invalid", err)
			}
			if !reflect.DeepEqual(invalid.Violations, tt.want) || invalid.More != 0 {
				t.Errorf("got %+v, want %+v", invalid, tt.want)
			}
			if err.Error() != tt.text {
				t.Errorf("got %q, want %q", err, tt.text)
			}
		})
	}
}

const oneOf2 = `{"anyOf":[{"properties":{"k/":{"const":"a"},"l":{"const":"a"}}},{"properties":{"k/":{"const":"b"}}}]}`

// What cannot be judged is invalid.
func TestNotJudged(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{
		Dir: tree(t, map[string]string{
			// Which schema "#n" is depends on how y.json was reached; from x.json it is
			// x.json itself.
			"x.json": `{"$id":"https://example.com/x","$dynamicAnchor":"n","allOf":[{"$ref":"y"}]}`,
			"y.json": `{"$id":"https://example.com/y","$defs":{"n":{"$dynamicAnchor":"n"}},"$dynamicRef":"#n"}`,
			"z.json": `{"type":"object"}`,
		}),
		RefuseUnknown: true,
	})
	for _, tt := range []struct {
		typ     string
		payload any
		want    string
	}{
		{"x", map[string]any{}, "x.json: the schema refers to itself without end"},
		{"z", struct{ secret string }{"secret-value"}, "z.json: the validator failed"},
		{"other", map[string]any{}, "there is no schema for the type"},
	} {
		_, err := s.Validate(tt.typ, tt.payload)
		invalid, ok := errors.AsType[*schemas.Invalid](err)
		if !ok || invalid.Err == nil || !errors.Is(err, invalid.Err) || len(invalid.Violations) != 0 {
			t.Errorf("%s: got %#v, want it invalid with a reason", tt.typ, err)
		}
		if err != nil && err.Error() != tt.want {
			t.Errorf("%s: got %q, want %q", tt.typ, err, tt.want)
		}
	}
}

// What is said is bounded, in a stable order, and fit for a log.
func TestViolationsAreBounded(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{"x.json": `{"additionalProperties":{"type":"integer"}}`})})
	payload := map[string]any{}
	for i := range 50 {
		payload[strings.Repeat("k", 200)+"\n"+string(rune('a'+i))] = "v"
		payload[string(rune('a'+i))+"\r\n\x1b[31m\u202e\u2028"] = "v"
		payload[strings.Repeat("ä", 200+i)] = "v"
	}
	var first string
	for range 5 {
		_, err := s.Validate("x", payload)
		var invalid *schemas.Invalid
		if !errors.As(err, &invalid) || len(invalid.Violations) != 10 || invalid.More == 0 {
			t.Fatalf("got %v, want ten and more", err)
		}
		text := err.Error()
		if len(text) > 1024 || strings.ContainsAny(text, "\r\n\x1b\u202e\u2028") || !utf8.ValidString(text) {
			t.Errorf("got %d bytes: %q", len(text), text)
		}
		for _, v := range invalid.Violations {
			if len(v.Pointer) > 120 || len(v.Schema) > 120 {
				t.Errorf("got %+v, want 120 bytes at most", v)
			}
		}
		if first == "" {
			first = text
		}
		if text != first {
			t.Errorf("got %q, then %q", first, text)
		}
	}
}
