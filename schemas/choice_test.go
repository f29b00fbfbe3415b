package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

func compilePlain(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	f := &file{name: "x.json", data: []byte(text)}
	d := &directory{files: []*file{f}, byName: map[string]*file{f.name: f}}
	s, err := d.compiler().Compile(f.url())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compileOurs makes a Set of one file, x.json, with the names of types "x".
func compileOurs(t testing.TB, text string) *Set {
	t.Helper()
	s, err := Load(Config{FS: fstest.MapFS{"x.json": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Set) accepts(payload any) bool {
	_, err := s.Validate("x", payload)
	return err == nil
}

// plainSet compiles the schemas of a directory, by address, with the library
// alone.
func plainSet(t testing.TB, cfg Config, rules []Rule) map[string]*jsonschema.Schema {
	t.Helper()
	d, err := open(cfg)
	if err == nil {
		_, err = d.prepare(rules) // so that it is known where references into OpenAPI documents lead
	}
	if err != nil {
		t.Fatal(err)
	}
	c := d.compiler()
	set := map[string]*jsonschema.Schema{}
	for _, r := range rules {
		a, problem := d.address(r.Schema)
		if problem != nil {
			t.Fatal(problem)
		}
		if set[r.Schema], err = c.Compile(a.url()); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// branchy are schemas with oneOf and anyOf, with how many branches are possible
// for {"k":"a","v":1}; -1 where it is not the schema itself that has them.
var branchy = map[string]struct {
	schema   string
	possible int
}{
	"const":              {`{"oneOf":[{"properties":{"k":{"const":"a"},"v":{"type":"integer"}}},{"properties":{"k":{"const":"b"},"v":{"type":"string"}}}]}`, 1},
	"required":           {`{"oneOf":[{"required":["k"],"properties":{"k":{"const":"a"}}},{"required":["k","v"],"properties":{"k":{"const":"b"}}}]}`, 1},
	"required alone":     {`{"oneOf":[{"required":["k"]},{"required":["w"]},{"required":["nothing"]}]}`, 1},
	"enum":               {`{"oneOf":[{"properties":{"k":{"enum":["a","c"]}},"required":["v"]},{"properties":{"k":{"enum":["b"]}}}]}`, 1},
	"with siblings":      {`{"required":["v"],"properties":{"v":{"type":"integer"}},"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}},"required":["w"]}]}`, 1},
	"through ref":        {`{"$ref":"#/$defs/all","$defs":{"all":{"oneOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]},"a":{"properties":{"k":{"const":"a"},"v":{"type":"integer"}}},"b":{"allOf":[{"properties":{"k":{"const":"b"}}}],"required":["v"]}}}`, -1},
	"pin through ref":    {`{"oneOf":[{"properties":{"k":{"$ref":"#/$defs/a"}}},{"properties":{"k":{"allOf":[{"const":"b"}]}}}],"$defs":{"a":{"enum":["a","c"]}}}`, 1},
	"nested":             {`{"oneOf":[{"properties":{"k":{"const":"a"}},"oneOf":[{"properties":{"v":{"const":"a"}}},{"properties":{"v":{"const":"b"}},"required":["w"]}]},{"properties":{"k":{"const":"b"}}}]}`, 1},
	"in a member":        {`{"properties":{"v":{"oneOf":[{"properties":{"k":{"const":"a"}},"required":["v"]},{"properties":{"k":{"const":"b"}}},{"type":"null"}]}}}`, -1},
	"in items":           {`{"properties":{"w":{"items":{"anyOf":[{"type":"null"},{"type":"object"}]}}},"required":["w"]}`, -1},
	"shared value":       {`{"oneOf":[{"properties":{"k":{"enum":["a","b"]}}},{"properties":{"k":{"const":"b"},"v":{"type":"integer"}}}]}`, 1},
	"shared by both":     {`{"oneOf":[{"properties":{"k":{"enum":["a","b"]}}},{"properties":{"k":{"enum":["a","c"]},"v":{"type":"string"}}}]}`, 2},
	"unpinned":           {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"v":{"type":"integer"}},"required":["v"]}]}`, 2},
	"numbers":            {`{"oneOf":[{"properties":{"v":{"const":1}}},{"properties":{"v":{"const":2}}}]}`, 2},
	"null in enum":       {`{"oneOf":[{"properties":{"k":{"enum":["a",null]}}},{"properties":{"k":{"enum":["b",null]}}}]}`, 2},
	"types":              {`{"anyOf":[{"type":"string"},{"type":["null","integer"]},{"type":"object","required":["k"]}]}`, 1},
	"integer and number": {`{"properties":{"v":{"oneOf":[{"type":"integer"},{"type":"number","minimum":2},{"type":"string"}]}}}`, -1},
	"unevaluated":        {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"},"v":true}}],"unevaluatedProperties":false}`, 1},
	"unevaluated anyOf":  {`{"anyOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"v":true},"required":["v"]},{"properties":{"w":{"type":"string"}},"required":["w"]}],"unevaluatedProperties":false}`, 2},
	"anyOf":              {`{"anyOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}],"required":["v"]}`, 1},
	"both":               {`{"anyOf":[{"required":["k"]},{"required":["v"]}],"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]}`, 1},
	"boolean branches":   {`{"anyOf":[false,{"required":["v"]},{"not":{"required":["k"]}}]}`, 3},
	"draft 7 ref":        {`{"$schema":"http://json-schema.org/draft-07/schema#","oneOf":[{"$ref":"#/definitions/a"},{"$ref":"#/definitions/b"}],"definitions":{"a":{"type":"object","properties":{"k":{"type":"string","enum":["a"]}},"required":["k"]},"b":{"type":"object","properties":{"k":{"type":"string","enum":["b"]},"v":{"type":"string"}},"required":["k","v"]}}}`, 1},
	"draft 7 ref hides":  {`{"$schema":"http://json-schema.org/draft-07/schema#","oneOf":[{"$ref":"#/definitions/a","required":["never"]},{"required":["w"]}],"definitions":{"a":{"required":["k"]}}}`, 1},
	"draft 4 no const":   {`{"$schema":"http://json-schema.org/draft-04/schema#","oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}},"required":["w"]}]}`, 1},
	"refers to self":     {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"},"v":{"$ref":"#"}},"required":["v"]}]}`, 1},
	"allOf to self":      {`{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"null"},{"properties":{"v":{"$ref":"#/$defs/n"}},"required":["k"]},{"type":"array"},{"type":["string","boolean","number"]}]}}}`, -1},
	"dynamic":            {`{"$id":"https://example.com/t","$dynamicAnchor":"n","properties":{"v":{"oneOf":[{"$dynamicRef":"#n","required":["k"]},{"type":["integer","null"]}]}},"required":["k"]}`, -1},
	"in if":              {`{"if":{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]},"then":{"required":["v"]},"else":{"required":["w"]}}`, -1},
	"in not":             {`{"not":{"anyOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}},"required":["w"]}]}}`, -1},
}

func TestNarrowIsEquivalent(t *testing.T) {
	t.Parallel()
	for name, tt := range branchy {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, ours := compilePlain(t, tt.schema), compileOurs(t, tt.schema)
			if tt.possible >= 0 {
				if got := possible(ours.choice.choose("x").root, map[string]any{"k": "a", "v": json.Number("1")}); got != tt.possible {
					t.Errorf("possible branches: got %d, want %d", got, tt.possible)
				}
			}
			r := rand.New(rand.NewPCG(1, 2))
			valid := 0
			for range 4000 {
				payload := randomPayload(r, 0)
				want := plain.Validate(payload) == nil
				if got := ours.accepts(payload); got != want {
					t.Fatalf("%v: the library says %v, ours %v", payload, want, got)
				}
				if want {
					valid++
				}
			}
			if valid == 0 || valid == 4000 {
				t.Errorf("%d of 4000 payloads are valid: nothing is compared", valid)
			}
		})
	}
}

// possible counts the branches that would be tried.
func possible(n *node, payload any) (count int) {
	object, _ := payload.(map[string]any)
	c := n.logic.choices[len(n.logic.choices)-1]
	for _, i := range c.candidates(object) {
		if b := &c.branches[i]; b.fits(kindOf(payload), object) && complete(object, b.required) {
			count++
		}
	}
	return count
}

// Many branches are found by the value of the member that tells them apart.
func TestChoiceIndex(t *testing.T) {
	t.Parallel()
	branches := []string{`{"properties":{"k":{"const":"a0"}},"required":["none"]}`, `{"properties":{"v":{"const":"any"}},"required":["v"]}`}
	for i := range 300 {
		branches = append(branches, fmt.Sprintf(`{"required":["k"],"properties":{"k":{"enum":["a%d","b%d"]},"v":{"type":"integer"}}}`, i, i))
	}
	text := `{"oneOf":[` + strings.Join(branches, ",") + `]}`
	plain, ours := compilePlain(t, text), compileOurs(t, text)
	c := ours.choice.choose("x").root.logic.choices[0]
	for _, tt := range []struct {
		payload string
		want    int // branches
	}{
		{`{"k":"a7","v":1}`, 2},
		{`{"k":"a0","v":1}`, 3},
		{`{"k":"a7","v":"any"}`, 2},
		{`{"k":"a0","v":"any"}`, 3},
		{`{"k":"none","v":"any"}`, 1},
		{`{"k":"none"}`, 1},
		{`{"k":7,"v":"any"}`, 1},
		{`{"k":null}`, 1},
		{`{"v":"any"}`, 302},
		{`{}`, 302},
		{`[]`, 302},
		{`"a7"`, 302},
	} {
		payload, err := decode([]byte(tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		object, _ := payload.(map[string]any)
		if got := len(c.candidates(object)); got != tt.want {
			t.Errorf("%s: got %d branches, want %d", tt.payload, got, tt.want)
		}
		if got, want := ours.accepts(payload), plain.Validate(payload) == nil; got != want {
			t.Errorf("%s: the library says %v, ours %v", tt.payload, want, got)
		}
	}
}

// randomPayload makes payloads of the members and values that the schemas above
// are about.
func randomPayload(r *rand.Rand, depth int) any {
	values := []any{"a", "b", "c", "", json.Number("1"), json.Number("2"), json.Number("2.5"), nil, true, []any{}, []any{nil, "a"}, map[string]any{}}
	if depth == 0 && r.IntN(20) == 0 {
		return values[r.IntN(len(values))]
	}
	object := map[string]any{}
	for _, member := range []string{"k", "v", "w"} {
		if n := r.IntN(len(values) + 4); n < len(values) {
			object[member] = values[n]
		}
	}
	if depth < 2 && r.IntN(4) == 0 {
		object["v"] = randomPayload(r, depth+1)
	}
	return object
}

// A walk that panics must refuse.
func TestPanicRefuses(t *testing.T) {
	t.Parallel()
	s := compileOurs(t, `{"type":"object"}`)
	s.choice.choose("x").root.format = func(any) bool { panic("secret-value") }
	s.choice.choose("x").root.kinds = allKinds
	_, err := s.Validate("x", "text")
	if !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
	if got, want := err.Error(), "x.json: the validator failed: string"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, _, err := (*node)(nil).validate("text", 1000, 1); !errors.Is(err, errBroken) {
		t.Errorf("no schema: got %v, want %v", err, errBroken)
	}
}

func BenchmarkOneOf(b *testing.B) {
	var branches []string
	for i := range 300 {
		branches = append(branches, fmt.Sprintf(`{"required":["k","a","b","c"],"properties":{"k":{"const":"action%d"},"a":{"type":"object","required":["x","y"]},"b":{"type":"array","items":{"type":"string"}},"c":{"type":"integer"}}}`, i))
	}
	text := `{"oneOf":[` + strings.Join(branches, ",") + `]}`
	payload := map[string]any{"k": "action299", "a": map[string]any{"x": "1", "y": "2"}, "b": []any{"1", "2", "3"}, "c": json.Number("7")}
	plain, ours := compilePlain(b, text), compileOurs(b, text)
	for name, validate := range map[string]func(any) bool{"library": func(v any) bool { return plain.Validate(v) == nil }, "ours": ours.accepts} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !validate(payload) {
					b.Fatal("it is valid")
				}
			}
		})
	}
}
