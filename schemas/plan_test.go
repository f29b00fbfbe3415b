package schemas

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

func compilePlain(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	d := &directory{byName: map[string]*file{}, byID: map[string]*file{}}
	f := &file{name: "x.json", data: []byte(text)}
	d.files, d.byName["x.json"] = append(d.files, f), f
	s, err := d.compiler().Compile(f.url())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// branchy are schemas with a oneOf that can, or must not, be decided by a
// member.
var branchy = map[string]struct {
	schema  string
	decided bool
}{
	"const":          {`{"oneOf":[{"properties":{"k":{"const":"a"},"v":{"type":"integer"}}},{"properties":{"k":{"const":"b"},"v":{"type":"string"}}}]}`, true},
	"required":       {`{"oneOf":[{"required":["k"],"properties":{"k":{"const":"a"}}},{"required":["k","v"],"properties":{"k":{"const":"b"}}}]}`, true},
	"enum":           {`{"oneOf":[{"properties":{"k":{"enum":["a","c"]}},"required":["v"]},{"properties":{"k":{"enum":["b"]}}}]}`, true},
	"with siblings":  {`{"required":["v"],"properties":{"v":{"type":"integer"}},"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}},"required":["w"]}]}`, true},
	"through ref":    {`{"$ref":"#/$defs/all","$defs":{"all":{"oneOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]},"a":{"properties":{"k":{"const":"a"},"v":{"type":"integer"}}},"b":{"allOf":[{"properties":{"k":{"const":"b"}}}],"required":["v"]}}}`, true},
	"nested":         {`{"oneOf":[{"properties":{"k":{"const":"a"}},"oneOf":[{"properties":{"v":{"const":"a"}}},{"properties":{"v":{"const":"b"}},"required":["w"]}]},{"properties":{"k":{"const":"b"}}}]}`, true},
	"shared value":   {`{"oneOf":[{"properties":{"k":{"enum":["a","b"]}}},{"properties":{"k":{"const":"b"},"v":{"type":"integer"}}}]}`, false},
	"unpinned":       {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"v":{"type":"integer"}},"required":["v"]}]}`, false},
	"numbers":        {`{"oneOf":[{"properties":{"v":{"const":1}}},{"properties":{"v":{"const":2}}}]}`, false},
	"null in enum":   {`{"oneOf":[{"properties":{"k":{"enum":["a",null]}}},{"properties":{"k":{"enum":["b",null]}}}]}`, false},
	"unevaluated":    {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"},"v":true}}],"unevaluatedProperties":false}`, false},
	"anyOf only":     {`{"anyOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]}`, false},
	"draft 7 ref":    {`{"$schema":"http://json-schema.org/draft-07/schema#","oneOf":[{"$ref":"#/definitions/a"},{"$ref":"#/definitions/b"}],"definitions":{"a":{"type":"object","properties":{"k":{"type":"string","enum":["a"]}},"required":["k"]},"b":{"type":"object","properties":{"k":{"type":"string","enum":["b"]},"v":{"type":"string"}},"required":["k","v"]}}}`, true},
	"refers to self": {`{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"},"v":{"$ref":"#"}},"required":["v"]}]}`, true},
}

func TestPlanIsEquivalent(t *testing.T) {
	t.Parallel()
	for name, tt := range branchy {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := compilePlain(t, tt.schema)
			p := newPlan(whole, false)
			if got := p.branches != nil; got != tt.decided {
				t.Errorf("decided by a member: got %v, want %v", got, tt.decided)
			}
			r := rand.New(rand.NewPCG(1, 2))
			valid := 0
			for range 4000 {
				payload := randomPayload(r, 0)
				want, got := whole.Validate(payload), p.validate(payload)
				if (want == nil) != (got == nil) {
					t.Fatalf("%v: the library says %v, the plan %v", payload, want, got)
				}
				if want == nil {
					valid++
				}
			}
			if valid == 0 || valid == 4000 {
				t.Errorf("%d of 4000 payloads are valid: nothing is compared", valid)
			}
		})
	}
}

// randomPayload makes payloads of the members and values that the schemas above
// are about.
func randomPayload(r *rand.Rand, depth int) any {
	values := []any{"a", "b", "c", "", json.Number("1"), json.Number("2"), nil, true, []any{}, map[string]any{}}
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

func TestDynamicReferencesAreNotDecided(t *testing.T) {
	t.Parallel()
	if p := newPlan(compilePlain(t, branchy["const"].schema), true); p.branches != nil {
		t.Error("got a decision where a branch may depend on how it was reached")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Add("*a*a*a*", "aaaaaaaaaaaaaaaaaaaab")
	f.Fuzz(func(t *testing.T, glob, s string) {
		parts := strings.Split(glob, "*")
		if got, want := matchGlob(glob, s), slowGlob(parts, s); got != want {
			t.Errorf("%q, %q: got %v, want %v", glob, s, got, want)
		}
	})
}

// slowGlob takes the literal parts between stars from left to right.
func slowGlob(parts []string, s string) bool {
	if len(parts) == 1 {
		return parts[0] == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

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

// A validator that panics must refuse.
func TestPanicRefuses(t *testing.T) {
	t.Parallel()
	c := &compiled{address: "x", plan: &plan{whole: nil}}
	if err := c.validate(map[string]any{}); err == nil {
		t.Error("got no error")
	}
}

func BenchmarkOneOf(b *testing.B) {
	var branches []string
	for i := range 30 {
		branches = append(branches, fmt.Sprintf(`{"required":["k","a","b","c"],"properties":{"k":{"const":"action%d"},"a":{"type":"object","required":["x","y"]},"b":{"type":"array","items":{"type":"string"}},"c":{"type":"integer"}}}`, i))
	}
	whole := compilePlain(b, `{"oneOf":[`+strings.Join(branches, ",")+`]}`)
	payload := map[string]any{"k": "action29", "a": map[string]any{"x": "1", "y": "2"}, "b": []any{"1", "2", "3"}, "c": json.Number("7")}
	for name, validate := range map[string]func(any) error{"library": whole.Validate, "plan": newPlan(whole, false).validate} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := validate(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
