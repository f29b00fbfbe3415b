package schemas_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// export makes one document of the schemas, and loads that by its roots. It returns
// the document's text too.
func export(t *testing.T, cfg schemas.Config) (*schemas.Export, *schemas.Set, string) {
	t.Helper()
	x, err := schemas.NewExport(cfg, func(to schemas.Document, pointer string) string {
		return "#/definitions/" + strings.ReplaceAll(jsonptr.Escape(to.Name), "#", "%23") + pointer
	})
	if err != nil {
		t.Fatal(err)
	}
	draft := "http://json-schema.org/draft-07/schema#"
	definitions := map[string]any{}
	for _, d := range x.Documents {
		definitions[d.Name] = d.Schema
		if d.Draft != schemas.Draft7 {
			draft = "https://json-schema.org/" + strings.Replace(d.Draft, "draft-", "draft/", 1) + "/schema"
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", " ")
	if err := enc.Encode(map[string]any{"$schema": draft, "definitions": definitions}); err != nil {
		t.Fatal(err)
	}
	one := schemas.Config{FS: memory(map[string]string{"all.json": text.String()})}
	for _, r := range x.Roots {
		if r.Err != nil {
			continue
		}
		for _, kind := range r.Types {
			one.Rules = append(one.Rules, schemas.Rule{Type: kind, Schema: "all.json#/definitions/" + jsonptr.Escape(r.Document) + r.Pointer})
			if len(cfg.Rules) == 0 && kind != "*" { // and types below it
				one.Rules = append(one.Rules, schemas.Rule{Type: kind + ".*", Schema: "all.json#/definitions/" + jsonptr.Escape(r.Document) + r.Pointer})
			}
		}
	}
	set, err := schemas.Load(one)
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	return x, set, text.String()
}

// What is exported says the same as what it was made of, whatever its draft.
func TestExport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files  map[string]string
		rules  []schemas.Rule
		draft  string
		valid  []string
		refuse []string
	}{
		"2020-12": {
			files: map[string]string{
				"a.json":       `{"$id":"https://example.com/a","$ref":"_common.json#/$defs/base","required":["n"],"properties":{"n":{"prefixItems":[{"type":"integer"}],"items":{"type":"string"}},"u":{"$ref":"_common.json#user"}},"dependentRequired":{"x":["y"]},"dependentSchemas":{"x":{"properties":{"y":{"const":1}}}}}`,
				"_common.json": `{"$id":"https://example.com/_common.json","$defs":{"base":{"required":["id"]},"user":{"$anchor":"user","type":"object","properties":{"again":{"$ref":"#user"}},"additionalProperties":false}}}`,
			},
			draft: schemas.Draft7,
			valid: []string{`{"id":1,"n":[1,"a"]}`, `{"id":1,"n":[],"u":{"again":{}}}`, `{"id":1,"n":[],"x":0,"y":1}`},
			refuse: []string{
				`{"n":[1]}`, `{"id":1}`, `{"id":1,"n":["a"]}`, `{"id":1,"n":[1,2]}`, `{"id":1,"n":[],"u":{"again":{"more":1}}}`,
				`{"id":1,"n":[],"x":0}`, `{"id":1,"n":[],"x":0,"y":2}`,
			},
		},
		"2019-09": {
			files:  map[string]string{"a.json": `{"$schema":"https://json-schema.org/draft/2019-09/schema","items":[{"type":"integer"}],"additionalItems":{"$ref":"#/$defs/s","maxLength":2},"$defs":{"s":{"type":"string"}}}`},
			draft:  schemas.Draft7,
			valid:  []string{`[1,"ab"]`, `[]`},
			refuse: []string{`["a"]`, `[1,2]`, `[1,"abc"]`},
		},
		"unevaluated": {
			files: map[string]string{
				"a.json": `{"$ref":"b.json","properties":{"a":true},"unevaluatedProperties":false}`,
				"b.json": `{"properties":{"b":{"type":"string"},"c":{"prefixItems":[true],"items":false}}}`,
			},
			draft:  "draft-2020-12",
			valid:  []string{`{"a":1,"b":"x","c":[1]}`},
			refuse: []string{`{"d":1}`, `{"b":1}`, `{"c":[1,2]}`},
		},
		"7": {
			files:  map[string]string{"a.json": `{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/x","required":["hidden"],"definitions":{"x":{"if":{"required":["a"]},"then":{"required":["b"]}}}}`},
			draft:  schemas.Draft7,
			valid:  []string{`{}`, `{"a":1,"b":1}`},
			refuse: []string{`{"a":1}`},
		},
		"6": {
			files:  map[string]string{"a.json": `{"$schema":"http://json-schema.org/draft-06/schema#","contains":{"const":1},"if":false,"then":false,"dependencies":{"a":["b"],"c":{"required":["d"]}}}`},
			draft:  schemas.Draft7,
			valid:  []string{`[1]`, `{"a":1,"b":1}`, `{"c":1,"d":1}`},
			refuse: []string{`[2]`, `{"a":1}`, `{"c":1}`},
		},
		"4": {
			files: map[string]string{
				"a.json": `{"$schema":"http://json-schema.org/draft-04/schema#","id":"http://example.com/x","minimum":1,"exclusiveMinimum":true,"maximum":3,"exclusiveMaximum":false,"const":7,"items":{"$ref":"http://example.com/inner"},"definitions":{"i":{"id":"http://example.com/inner","type":"string"}}}`,
			},
			draft:  schemas.Draft7,
			valid:  []string{`2`, `3`, `["a"]`},
			refuse: []string{`1`, `4`, `[1]`},
		},
		"OpenAPI 3.0": {
			files:  map[string]string{"_api.json": `{"openapi":"3.0.3","components":{"schemas":{"order":{"type":"object","nullable":true,"required":["id"],"properties":{"id":{"$ref":"#/components/schemas/id"}}},"id":{"type":"integer","minimum":0,"exclusiveMinimum":true}}}}`},
			rules:  []schemas.Rule{{Type: "*", Schema: "_api.json#/components/schemas/order"}},
			draft:  schemas.Draft7,
			valid:  []string{`null`, `{"id":1}`},
			refuse: []string{`{}`, `{"id":0}`, `1`},
		},
		"pointer": {
			files:  map[string]string{"a.json": `{"$defs":{"a/b~c":{"type":"string"},"items":{"items":{"$ref":"#/$defs/a~1b~0c"}}}}`},
			rules:  []schemas.Rule{{Type: "*", Schema: "a.json#/$defs/items"}},
			draft:  schemas.Draft7,
			valid:  []string{`["x"]`},
			refuse: []string{`[1]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := schemas.Config{FS: memory(test.files), Rules: test.rules, Name: "n"}
			original := load(t, cfg)
			x, set, text := export(t, cfg)
			for _, d := range x.Documents {
				if d.Draft != test.draft {
					t.Errorf("%s: got %s, want %s", d.Name, d.Draft, test.draft)
				}
			}
			for want, payloads := range map[bool][]string{true: test.valid, false: test.refuse} {
				for _, p := range payloads {
					_, err := original.Validate("a", decode(t, p))
					_, errSame := set.Validate("a", decode(t, p))
					if (err == nil) != want || (errSame == nil) != want {
						t.Errorf("%s: the original says %v, and what was exported %v\n%s", p, err, errSame, text)
					}
				}
			}
		})
	}
}

// What cannot be exported is named, with the reason, and so is what refers to it; the
// rest is exported.
func TestExportLeavesOut(t *testing.T) {
	t.Parallel()
	x, _, text := export(t, schemas.Config{FS: memory(map[string]string{
		"dynamic.json": `{"$dynamicRef":"#x","$defs":{"x":{"$dynamicAnchor":"x"}}}`,
		"user.json":    `{"properties":{"a":{"$ref":"dynamic.json"}}}`,
		"meta.json":    `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"mixed.json":   `{"unevaluatedItems":false,"$ref":"old.json"}`,
		"old.json":     `{"$schema":"http://json-schema.org/draft-07/schema#","type":"array"}`,
		"good.json":    `{"type":"object"}`,
	})})
	want := map[string]string{
		"dynamic": "what it means depends on where a reference comes from",
		"user":    "dynamic.json: what it means depends on where a reference comes from",
		"meta":    "it refers to JSON Schema's own schema",
		"mixed":   "schemas of several drafts refer to each other, and one has keywords that the others have not",
		"old":     "",
		"good":    "",
	}
	for _, r := range x.Roots {
		got := ""
		if r.Err != nil {
			got = r.Err.Error()
		}
		if got != want[r.Types[0]] {
			t.Errorf("%v: got %q, want %q\n%s", r.Types, got, want[r.Types[0]], text)
		}
	}
}
