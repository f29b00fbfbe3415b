package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/lint"
)

// check returns what is said of one schema, a line for each finding.
func check(t *testing.T, text string) string {
	t.Helper()
	found, err := lint.Check(schemas.Config{FS: fstest.MapFS{"envelope.json": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return lines(found)
}

func lines(found []lint.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s: %s", f.Severity, f.Place(), f.Problem)
		if f.Cure != "" {
			fmt.Fprintf(&b, ": %s", f.Cure)
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schema, want string }{
		{"nothing", `{"type":"object","required":["id"],"properties":{"id":{"type":"string","format":"uuid"}},"x-owner":"billing"}`, ""},
		{"names are no keywords", `{"type":"object","properties":{"requierd":{"const":{"requierd":1}},"nullable":{"enum":[{"minimum":2,"maximum":1}]}},"default":{"id":1},"examples":[{"foo":1}]}`, ""},
		{"true", `true`, ""},
		{"what if and not ask is not refused", `{"type":"object","if":{"properties":{"status":{"enum":["a","b"]}},"additionalProperties":false},"not":{"properties":{"type":{"enum":["a","b"]}}}}`, ""},
		{
			"misspelt", `{"type":"object","requierd":["id"],"properties":{"n":{"minlength":1}},"$defs":{"x":{"foo":1}}}`,
			"warning envelope.json#/$defs/x/foo: foo is no keyword of JSON Schema, and says nothing: remove it, or begin its name with x-\n" +
				"warning envelope.json#/properties/n/minlength: minlength is no keyword of JSON Schema, and says nothing: write minLength\n" +
				"warning envelope.json#/requierd: requierd is no keyword of JSON Schema, and says nothing: write required",
		},
		{
			"of OpenAPI", `{"properties":{"a":{"type":"string","nullable":true,"example":"x"}},"type":"object"}`,
			"info envelope.json#/properties/a/example: example is a keyword of OpenAPI, and says nothing here: write examples, a list\n" +
				`warning envelope.json#/properties/a/nullable: nullable is a keyword of OpenAPI 3.0, and says nothing here: write "type": ["string", "null"], with the type that it has`,
		},
		{
			"of an earlier draft", `{"dependencies":{"a":["b"]},"additionalItems":false}`,
			"warning envelope.json#/additionalItems: additionalItems went with draft 2019-09, and says nothing in 2020-12: write items, and prefixItems for the first ones\n" +
				"warning envelope.json#/dependencies: dependencies went with draft 7, and says nothing in 2020-12: write dependentRequired, or dependentSchemas",
		},
		{
			"of a later draft", `{"$schema":"http://json-schema.org/draft-04/schema#","const":1,"if":{"type":"string"}}`,
			"warning envelope.json#/const: const came with draft 6, and says nothing in 4: write an enum of one value\n" +
				"warning envelope.json#/if: if came with draft 7, and says nothing in 4: name a later draft in $schema",
		},
		{
			"closed", `{"type":"object","additionalProperties":false,"properties":{"a":{"unevaluatedProperties":false}}}`,
			"warning envelope.json#/additionalProperties: an event is refused once its sender adds a member here: remove it: consumers pass over what they do not know, and the drift report tells of it\n" +
				"warning envelope.json#/properties/a/unevaluatedProperties: an event is refused once its sender adds a member here: remove it: consumers pass over what they do not know, and the drift report tells of it",
		},
		{
			"required and not described", `{"type":"object","required":["custmer","other"],"properties":{"customer":{}}}`,
			"warning envelope.json#/required/0: the member custmer is required and not described: write customer, if that is meant",
		},
		{
			"bounds", `{"minimum":3,"maximum":2,"items":{"minLength":1,"maxLength":1}}`,
			"warning envelope.json#/minimum: nothing fits: minimum is above maximum: exchange them",
		},
		{
			"formats", `{"properties":{"a":{"format":"datetime"},"b":{"format":"unix-time"}},"type":"object"}`,
			"warning envelope.json#/properties/a/format: the format datetime is not checked: write date-time\n" +
				"warning envelope.json#/properties/b/format: the format unix-time is not checked: use a pattern, or remove it",
		},
		{
			"beside a reference", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"$ref":"#/definitions/x","minLength":1,"title":"t"}},"definitions":{"x":{"type":"string"}},"type":"object"}`,
			"warning envelope.json#/properties/a/minLength: a $ref hides what stands beside it in this draft: put the $ref into an allOf, or write the schema in draft 2019-09 or later",
		},
		{"beside a reference later", `{"properties":{"a":{"$ref":"#/$defs/x","minLength":1}},"$defs":{"x":{"type":"string"}},"type":"object"}`, ""},
		{
			"enumerations", `{"type":"object","properties":{"status":{"enum":["open","done"]},"orderType":{"enum":["a","b"]},"size":{"enum":["s","m"]},"object":{"const":"event"}}}`,
			`info envelope.json#/properties/orderType/enum: an event is refused once its sender adds a value of orderType: write "type": "string", unless consumers cannot do with another one; the drift report tells of new values` + "\n" +
				`info envelope.json#/properties/status/enum: an event is refused once its sender adds a value of status: write "type": "string", unless consumers cannot do with another one; the drift report tells of new values`,
		},
		{
			"patterns", `{"type":"object","properties":{"a":{"pattern":"[a-z]+"},"b":{"pattern":"^x"}},"patternProperties":{"x-":{}}}`,
			"info envelope.json#/patternProperties/x-: the pattern fits anywhere in a name: begin it with ^ and end it with $ if all of it is meant\n" +
				"info envelope.json#/properties/a/pattern: the pattern fits anywhere in a text: begin it with ^ and end it with $ if all of it is meant",
		},
		{
			"any type", `{"properties":{"a":{}}}`,
			`info envelope.json#/properties: a payload that is no object fits, whatever its members would have to be: write "type": "object" beside it`,
		},
		{
			"expensive", `{"type":"object","properties":{"a":{"type":"array","uniqueItems":true,"items":{"type":"object"}},"b":{"type":"array","uniqueItems":true,"maxItems":9,"items":{"type":"object"}},"c":{"type":"array","uniqueItems":true,"items":{"type":"string"}},"n":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]},"m":{"anyOf":[{"$ref":"#"},{"type":"null"}]},"p":{"pattern":"^(abc){999}$"}}}`,
			"info envelope.json#/properties/a/uniqueItems: every object of an array without a bound is compared as a whole: write maxItems beside it, or remove it\n" +
				"warning envelope.json#/properties/n/anyOf: 2 branches lead back to what they stand in, so that each level of a payload is looked at that many times as often: refer to it in one branch\n" +
				"warning envelope.json#/properties/p/pattern: the pattern has 4999 instructions, and takes as many for each byte of a text: write smaller counts than those of {n} in it, or maxLength instead",
		},
		{"many branches", `{"oneOf":[` + strings.Repeat(`{"required":["a"]},`, 20) + `{"required":["b"]}]}`, "info envelope.json#/oneOf: 21 branches are tried one after the other: give each a const for one and the same member, such as type"},
		{"many branches that a member decides", `{"oneOf":[` + strings.Repeat(`{"properties":{"t":{"const":"a"}}},`, 20) + `{"required":["b"]}]}`, ""},
		{"does not load", `{"type":"objekt"}`, `error envelope.json#/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		{"no JSON", `{"type":`, "error envelope.json: line 1, column 8: the JSON ends too early"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := check(t, tt.schema); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestFiles: what is looked at are the files that are schemas.
func TestFiles(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"push.json":     {Data: []byte(`{"type":"object"}`)},
		"_common.json":  {Data: []byte(`{"foo":1}`)},
		"openapi.json":  {Data: []byte(`{"openapi":"3.1.0","info":{},"components":{"schemas":{"a":{"type":"object"}}}}`)},
		".git/x.json":   {Data: []byte(`{"foo":1}`)},
		"notes.txt":     {Data: []byte(`{"foo":1}`)},
		"sub/push.json": {Data: []byte(`{"bar":1,"type":"object"}`)},
	}
	found, err := lint.Check(schemas.Config{FS: fsys, Rules: []schemas.Rule{{Type: "push", Schema: "push.json"}, {Type: "x", Schema: "sub/push.json"}}})
	if want := "warning sub/push.json#/bar: bar is no keyword of JSON Schema, and says nothing: remove it, or begin its name with x-"; err != nil || lines(found) != want {
		t.Errorf("with rules: got %v\n%s", err, lines(found))
	}
	delete(fsys, "openapi.json")
	found, err = lint.Check(schemas.Config{FS: fsys})
	want := "info all files: types without a file of their own have no schema: write envelope.json with what all events have in common\n" +
		"warning _common.json#/foo: foo is no keyword of JSON Schema, and says nothing: remove it, or begin its name with x-\n" +
		"warning sub/push.json#/bar: bar is no keyword of JSON Schema, and says nothing: remove it, or begin its name with x-"
	if err != nil || lines(found) != want {
		t.Errorf("by name: got %v\n%s", err, lines(found))
	}
	if _, err := lint.Check(schemas.Config{Dir: filepath.Join(t.TempDir(), "absent")}); err == nil {
		t.Error("a directory that is not there: no error")
	}
}

// TestParts: of documents whose parts rules name, those parts are looked at and what
// they refer to, and an OpenAPI document has keywords of its own.
func TestParts(t *testing.T) {
	t.Parallel()
	const part = `{"paths":{"/":{"get":{"nul":1}}},"components":{"schemas":{` +
		`"order":{"type":"object","nullable":true,"example":{},"discriminator":{},"properties":{"a":{"$ref":"#/components/schemas/line"}}},` +
		`"line":{"properties":{"a":{"additionalProperties":false,"items":{"$ref":"#/components/schemas/order"}}},"writeOnly":true},` +
		`"other":{"type":"object","additionalProperties":false}}},"openapi":`
	fsys := fstest.MapFS{
		"old.json":   {Data: []byte(part + `"3.0.3"}`)},
		"new.json":   {Data: []byte(part + `"3.1.0"}`)},
		"types.json": {Data: []byte(`{"$schema":"http://json-schema.org/draft-07/schema#","foo":1,"definitions":{"a b":{"properties":{"x":true},"prefixItems":[]},"c":{"bar":1}}}`)},
	}
	found, err := lint.Check(schemas.Config{FS: fsys, Rules: []schemas.Rule{
		{Type: "order", Schema: "old.json#/components/schemas/order"},
		{Type: "order2", Schema: "new.json#/components/schemas/order"},
		{Type: "x", Schema: "types.json#/definitions/a b"},
	}})
	const closed = "#/components/schemas/line/properties/a/additionalProperties: an event is refused once its sender adds a member here: " +
		"remove it: consumers pass over what they do not know, and the drift report tells of it"
	want := "warning new.json" + closed + "\n" +
		`warning new.json#/components/schemas/order/nullable: nullable is a keyword of OpenAPI 3.0, and says nothing here: write "type": ["string", "null"], with the type that it has` + "\n" +
		"warning old.json" + closed + "\n" +
		"warning types.json#/definitions/a b/prefixItems: prefixItems came with draft 2020-12, and says nothing in 7: write items, a list\n" +
		`info types.json#/definitions/a b/properties: a payload that is no object fits, whatever its members would have to be: write "type": "object" beside it`
	if err != nil || lines(found) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, lines(found), want)
	}
}

// TestRules: what can never be chosen, and what is there twice.
func TestRules(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"x.json": {Data: []byte(`{"$defs":{"a":{}}}`)}, "y.json": {Data: []byte(`{}`)}}
	found, err := lint.Check(schemas.Config{FS: fsys, Rules: []schemas.Rule{
		{Type: "a*", Schema: "x.json"}, {Type: "a**", Schema: "y.json"}, {Type: "b", Schema: "y.json"}, {Type: "b", Schema: "y.json"}, {Type: "c**", Schema: "x.json#/$defs/a"}, {Type: "*", Schema: "x.json"},
	}})
	want := `info x.json#/$defs/a: the stars beside each other in the type "c**" count as one: write c*` + "\n" +
		`warning y.json: the type "a**" is never chosen: "a*" fits the same and has fewer stars: remove it` + "\n" +
		`warning y.json: the type "b" is there twice for this schema: remove one of them`
	if err != nil || lines(found) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, lines(found), want)
	}
}

// TestDeep: a schema of any depth takes no more than it has.
func TestDeep(t *testing.T) {
	t.Parallel()
	const depth = 100_000
	text := strings.Repeat(`{"items":`, depth) + "{}" + strings.Repeat("}", depth)
	found, err := lint.Check(schemas.Config{FS: fstest.MapFS{"envelope.json": {Data: []byte(text)}}})
	if err != nil || len(found) == 0 || found[0].Severity != lint.Error {
		t.Errorf("got %v, %v, want an error that it does not load", found, err)
	}
}

// TestBundled: the schemas that come with the program have neither errors nor
// warnings.
func TestBundled(t *testing.T) {
	t.Parallel()
	for _, provider := range bundled.Providers() {
		own, _ := bundled.FS(provider)
		found, err := lint.Check(schemas.Config{FS: own})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Severity != lint.Info {
				t.Errorf("%s: %s", provider, lines([]lint.Finding{f}))
			}
		}
	}
}

// TestGitHub looks at GitHub's own schema.
func TestGitHub(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora", "github")
	}
	if _, err := os.Stat(filepath.Join(dir, "schema.json")); err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with schema.json of the npm package @octokit/webhooks-schemas", dir)
	}
	found, err := lint.Check(schemas.Config{Dir: dir, Rules: []schemas.Rule{{Type: "*", Schema: "schema.json"}}})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range found {
		counts[string(f.Severity)+": "+f.Problem]++
	}
	for what, n := range counts {
		if n > 10 || strings.HasPrefix(what, "error") {
			t.Logf("%4d %s", n, what)
		}
	}
	if n := counts["warning: an event is refused once its sender adds a member here"]; n < 300 {
		t.Errorf("%d closed objects, want hundreds", n)
	}
	if n := counts["warning: tsAdditionalProperties is no keyword of JSON Schema, and says nothing"]; n == 0 {
		t.Error("its own keyword was not found")
	}
}
