package diff_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/diff"
)

var update = flag.Bool("update", false, "write the golden texts")

// texts are what is said of two versions of a schema.
var texts = []struct{ name, old, new string }{
	{"null", `{"properties":{"data":{"properties":{"amount":{"type":"integer"}}}}}`, `{"properties":{"data":{"properties":{"amount":{"type":["null","integer"]}}}}}`},
	{"integer", `{"properties":{"n":{"type":"integer"},"m":{"type":"number"}}}`, `{"properties":{"n":{"type":"number"},"m":{"type":"integer"}}}`},
	{"other type", `{"properties":{"n":{"type":"integer"}}}`, `{"properties":{"n":{"type":"string"}}}`},
	{"new member", `{"type":"object"}`, `{"type":"object","properties":{"note":{"type":"string","format":"date"}}}`},
	{"new member, required", `{"type":"object"}`, `{"type":"object","properties":{"note":{"type":"string"}},"required":["note"]}`},
	{"new member, closed", `{"additionalProperties":false}`, `{"additionalProperties":false,"properties":{"note":{"type":"string"}}}`},
	{"member gone", `{"properties":{"note":{"type":"string"}},"required":["note"]}`, `{}`},
	{"member gone, closed", `{"properties":{"note":{"type":"string"}},"additionalProperties":false}`, `{"additionalProperties":false}`},
	{"closed", `{}`, `{"additionalProperties":false}`},
	{"opened", `{"additionalProperties":false}`, `{}`},
	{"enum", `{"properties":{"s":{"enum":["a","b"]},"t":{"type":"string"},"u":{"const":1}}}`, `{"properties":{"s":{"enum":["b","c","d"]},"t":{"enum":["x",null]},"u":{"enum":[1.0,2]}}}`},
	{"limits", `{"properties":{"a/b":{"minLength":1,"maxLength":9},"n":{"minimum":0,"maximum":9},"l":{"maxItems":3}}}`, `{"properties":{"a/b":{"minLength":2,"maxLength":10},"n":{"exclusiveMinimum":0,"maximum":9.5},"l":{"minItems":1}}}`},
	{"pattern", `{"properties":{"a":{"pattern":"^a"},"b":{},"c":{"pattern":"^c"}}}`, `{"properties":{"a":{"pattern":"^b"},"b":{"pattern":"^b"},"c":{"type":"string"}}}`},
	{"items", `{"properties":{"l":{"items":{"type":"string"}}}}`, `{"properties":{"l":{"items":{"type":["string","null"]},"uniqueItems":true}}}`},
	{"map", `{"additionalProperties":{"type":"integer"}}`, `{"additionalProperties":{"type":"string"}}`},
	{"names", `{"patternProperties":{"^x-":{"type":"string"}}}`, `{"patternProperties":{"^x-":{"type":"integer"},"^y-":true}}`},
	{"tree", `{"$ref":"#/$defs/node","$defs":{"node":{"properties":{"v":{"type":"string"},"next":{"$ref":"#/$defs/node"}}}}}`, `{"$ref":"#/$defs/node","$defs":{"node":{"properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/node"}}}}}`},
	{"moved to a definition", `{"properties":{"a":{"type":"string"}}}`, `{"properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}`},
	{"another draft", `{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true,"items":[{"type":"string"}],"additionalItems":false}`, `{"exclusiveMinimum":1,"prefixItems":[{"type":"string"}],"items":false}`},
	{"words only", `{"title":"a","description":"b","$comment":"c","default":1}`, `{"title":"x"}`},
	{
		"forms", `{"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"const":"a"},"v":{"type":"string"}}},{"type":"object","required":["k"],"properties":{"k":{"const":"b"}}}]}`,
		`{"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"const":"c"}}},{"type":"object","required":["k"],"properties":{"k":{"const":"a"},"v":{"type":["string","null"]}}}]}`,
	},
	{"forms that overlap", `{"oneOf":[{"type":"string"},{"maxLength":3}]}`, `{"oneOf":[{"type":"string"},{"maxLength":4}]}`},
	{"not", `{"not":{"type":"string"}}`, `{"not":{"type":["string","null"]}}`},
	{"condition", `{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"if":{"required":["a"]},"then":{"required":["b","c"]}}`},
	{"another condition", `{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"if":{"required":["x"]},"then":{"required":["b"]}}`},
	{"unevaluated", `{"properties":{"a":{"type":"string"}},"unevaluatedProperties":false}`, `{"properties":{"a":{"type":"integer"}},"unevaluatedProperties":false}`},
	{"unevaluated, looks elsewhere", `{"properties":{"a":true},"unevaluatedProperties":false}`, `{"properties":{"a":true,"b":true},"unevaluatedProperties":false}`},
}

func TestTexts(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, tt := range texts {
		report, err := diff.Schemas(config(clone(parse(t, tt.old))), config(parse(t, tt.new)))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		fmt.Fprintf(&b, "# %s\n", tt.name)
		for _, c := range report.Changes {
			effects := ""
			for _, e := range []struct {
				is   bool
				name string
			}{{c.Tightens, " tightens"}, {c.Loosens, " loosens"}, {c.Unjudged, " unjudged"}} {
				if e.is {
					effects += e.name
				}
			}
			fmt.Fprintf(&b, "%s\n    %s -> %s%s\n", c, c.Old, c.New, effects)
		}
		b.WriteString("\n")
	}
	const name = "testdata/texts.txt"
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwhich is not %s: run with -update if that is right", b.String(), name)
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	doc := clone(rawMessage(text))
	if doc == nil {
		t.Fatalf("%s is not JSON", text)
	}
	return doc
}

type rawMessage string

func (m rawMessage) MarshalJSON() ([]byte, error) { return []byte(m), nil }

// TestDirectories: what a type is checked by counts, wherever that stands.
func TestDirectories(t *testing.T) {
	t.Parallel()
	files := func(list ...string) schemas.Config {
		dir := fstest.MapFS{}
		for i := 0; i < len(list); i += 2 {
			dir[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
		}
		return schemas.Config{FS: dir}
	}
	const str, integer, common = `{"properties":{"a":{"type":"string"}}}`, `{"properties":{"a":{"type":"integer"}}}`, `{"properties":{"a":{"$ref":"_common.json#/$defs/a"}}}`
	for name, tt := range map[string]struct {
		old, new schemas.Config
		want     []string
	}{
		"nothing":     {files("push.json", str), files("push.json", str), nil},
		"in a folder": {files("orders/create.json", str), files("orders.create.json", str), nil},
		"a definition in another file": {
			files("push.json", common, "_common.json", `{"$defs":{"a":{"type":"string"}}}`),
			files("push.json", common, "_common.json", `{"$defs":{"a":{"type":"integer"}}}`),
			[]string{"push /a _common.json#/$defs/a _common.json#/$defs/a tightens loosens"},
		},
		"a file is gone, and the next is the same":   {files("pull.opened.json", str, "pull.json", str), files("pull.json", str), nil},
		"a file is gone, and the next is another":    {files("pull.opened.json", str, "pull.json", integer), files("pull.json", integer), []string{"pull.opened /a pull.opened.json#/properties/a pull.json#/properties/a tightens loosens"}},
		"a file is gone, and the envelope is for it": {files("a.json", str, "envelope.json", `{}`), files("envelope.json", `{}`), []string{"a /a a.json#/properties/a  loosens"}},
		"a file is new":     {files("envelope.json", str), files("envelope.json", str, "a.json", `{"properties":{"a":{"type":"string"}},"required":["a"]}`), []string{"a /a envelope.json# a.json# tightens"}},
		"nothing was there": {files("b.json", str), files("b.json", str, "a.json", str), []string{"a /a  a.json#/properties/a tightens"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := diff.Directories(tt.old, tt.new)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range report.Changes {
				text := c.Type + " " + c.Pointer + " " + c.Old + " " + c.New
				if c.Tightens {
					text += " tightens"
				}
				if c.Loosens {
					text += " loosens"
				}
				got = append(got, text)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	good := config(parse(t, `{}`))
	bad := schemas.Config{FS: fstest.MapFS{"x.json": {Data: []byte(`{"type":"text"}`)}}, Rules: good.Rules}
	if _, err := diff.Schemas(good, bad); err == nil || !strings.Contains(err.Error(), "loading the new version: x.json#/type") {
		t.Errorf("got %v", err)
	}
	if _, err := diff.Schemas(bad, good); err == nil || !strings.Contains(err.Error(), "loading the old version") {
		t.Errorf("got %v", err)
	}
	if _, err := diff.Directories(good, good); err == nil {
		t.Error("rules are for schemas")
	}
}
