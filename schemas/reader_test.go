package schemas

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// many writes n texts with commas between.
func many(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(i))
	}
	return b.String()
}

// loadText loads one file, and says how long it took and how much was allocated.
func loadText(t testing.TB, text string) (err error, took time.Duration, allocated uint64) { //nolint:revive,staticcheck // the error is the subject
	t.Helper()
	cfg := Config{FS: fstest.MapFS{"x.json": {Data: []byte(text)}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err = Load(cfg)
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	return err, took, after.TotalAlloc - before.TotalAlloc
}

// The library's own compiler takes a hundred times as long for 2020-12 as for draft
// 7: each schema of a file looks at all others.
func TestManyProperties(t *testing.T) {
	properties := `"properties":{` + many(32_000, func(i int) string { return fmt.Sprintf(`"p%d":{"type":"string"}`, i) }) + "}"
	err, old, _ := loadText(t, `{"$schema":"http://json-schema.org/draft-07/schema#",`+properties+`}`)
	if err != nil {
		t.Fatal(err)
	}
	err, recent, allocated := loadText(t, `{`+properties+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if recent > 15*old+time.Second {
		t.Errorf("got %v, and %v in draft 7", recent, old)
	}
	if allocated > 250<<20 {
		t.Errorf("got %d MiB allocated", allocated>>20)
	}
	t.Logf("%v, %d MiB allocated; %v in draft 7", recent, allocated>>20, old)
}

func TestLargeEnum(t *testing.T) {
	for _, draft := range []string{"http://json-schema.org/draft-07/schema#", latest.version.URL()} {
		text := `{"$schema":"` + draft + `","enum":[` + many(490_000, func(i int) string { return fmt.Sprintf(`"value-%08d"`, i) }) + `]}`
		err, took, allocated := loadText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if allocated > 40*uint64(len(text)) {
			t.Errorf("%s: got %d MiB allocated for %d", draft, allocated>>20, len(text)>>20)
		}
		t.Logf("%s: %d MiB: %v, %d MiB allocated", draft, len(text)>>20, took, allocated>>20)
	}
}

// What would take much memory or time to load is refused, or takes little.
func TestExpensiveFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // the error, "" for none
		memory     uint64
	}{
		{
			"schemas", `{"anyOf":[` + many(2_000_000, func(int) string { return "{}" }) + `]}`,
			"x.json: there are more than 100000 schemas, with all that are in them: keep those that are needed, or split them over several directories", 600 << 20,
		},
		{
			"pointers", strings.Repeat(`{"properties":{"`+strings.Repeat("k", 20_000)+`":`, 200) + `{"properties":{` + many(50_000, func(i int) string { return fmt.Sprintf(`"p%d":{}`, i) }) + `}}` + strings.Repeat("}}", 200),
			"x.json: the JSON Pointers of what is in it have more than 128 MiB together: write shorter names, or less nesting", 600 << 20,
		},
		{
			"patterns", `{"allOf":[` + many(900, func(i int) string { return fmt.Sprintf(`{"pattern":"(x%d){0,299}"}`, i) }) + `]}`,
			"pattern: the patterns have more than 1000000 instructions together, and this is one too many: write smaller counts than those of {n} in them, or maxLength instead", 600 << 20,
		},
		{
			"one pattern many times", `{"allOf":[` + many(5000, func(int) string { return `{"pattern":"^[a-z]{0,500}$"}` }) + `]}`,
			"", 64 << 20,
		},
		{
			"chain", `{"$ref":"#/$defs/a0","$defs":{` + many(12_000, func(i int) string { return fmt.Sprintf(`"a%d":{"$ref":"#/$defs/a%d"}`, i, i+1) }) + `,"a12000":{}}}`,
			"x.json#/$defs/a10000: references lead through more than 10000 schemas that apply to the same place: refer to the last of them", 256 << 20,
		},
		{
			"chain into items", `{"items":{"$ref":"#/$defs/a0"},"$defs":{` + many(20_000, func(i int) string { return fmt.Sprintf(`"a%d":{"items":{"$ref":"#/$defs/a%d"}}`, i, i+1) }) + `,"a20000":{}}}`,
			"", 256 << 20,
		},
		{
			"mistakes", `{"properties":{` + many(20_000, func(i int) string { return fmt.Sprintf(`"p%d":{"type":"strng"}`, i) }) + `}}`,
			"schemas: and 19900 more mistakes", 1 << 30,
		},
		{
			"branches of which half say nothing", `{"oneOf":[` + many(20_000, func(i int) string {
				if i%2 == 0 {
					return `{"required":["x"]}`
				}
				return fmt.Sprintf(`{"properties":{"t":{"const":"t%d"}}}`, i)
			}) + `]}`,
			"", 256 << 20,
		},
		{
			"branches with one enum", `{"oneOf":[` + many(2000, func(int) string { return `{"$ref":"#/$defs/a"}` }) + `],"$defs":{"a":{"properties":{"t":{"enum":[` + many(20_000, func(i int) string { return fmt.Sprintf(`"t%d"`, i) }) + `]}}}}}`,
			"", 64 << 20,
		},
		{
			"required twice", `{"required":[` + many(200_000, func(i int) string { return fmt.Sprintf(`"r%d"`, i) }) + `,"r0"]}`,
			"x.json#/required: uniqueItems does not hold in the draft's own schema", 200 << 20,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err, took, allocated := loadText(t, tt.text)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %.300v, want %q", err, tt.want)
			}
			if allocated > tt.memory {
				t.Errorf("got %d MiB allocated, want %d at most", allocated>>20, tt.memory>>20)
			}
			t.Logf("%d KiB: %v, %d MiB allocated", len(tt.text)>>10, took, allocated>>20)
		})
	}
}

// TestNames is about what references and names mean.
func TestNames(t *testing.T) {
	t.Parallel()
	const draft7 = `"$schema":"http://json-schema.org/draft-07/schema#"`
	for _, tt := range []struct {
		name    string
		files   map[string]string // by name; x.json is for the payload
		payload any
		want    string // the error of loading or validating
	}{
		{"in a metaschema", map[string]string{"x.json": `{"$ref":"http://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger"}`}, "s", "x.json: / type"},
		{"in a vocabulary, and no definition", map[string]string{"x.json": `{"$ref":"https://json-schema.org/draft/2020-12/meta/core#/properties/$comment"}`}, "s", ""},
		{"in a vocabulary", map[string]string{"x.json": `{"$ref":"https://json-schema.org/draft/2020-12/meta/validation#/$defs/simpleTypes"}`}, "strng", "x.json: / enum"},
		{"anchor in a vocabulary", map[string]string{"x.json": `{"$ref":"https://json-schema.org/draft/2020-12/meta/validation#meta"}`}, map[string]any{"type": "strng"}, "x.json: /type enum"},
		{"the whole", map[string]string{"x.json": `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`}, map[string]any{"properties": map[string]any{"a": map[string]any{"type": "strng"}}}, "x.json: /properties/a/type enum"},
		{"nothing in a metaschema", map[string]string{"x.json": `{"items":{"$ref":"http://json-schema.org/draft-07/schema#/definitions/no"}}`}, nil, `x.json#/items/$ref: the reference "http://json-schema.org/draft-07/schema#/definitions/no": the draft's own schema has no schema there: refer to one that it has, or write your own`},
		{"vocabulary", map[string]string{"x.json": `{"$vocabulary":{"https://example.com/vocab":true,"https://example.com/other":false,"https://json-schema.org/draft/2020-12/vocab/core":true}}`}, nil, `x.json#/$vocabulary/https:~1~1example.com~1vocab: nobody knows this vocabulary here: remove it, or write false if schemas can do without`},
		{"without validation", map[string]string{
			"x.json":     `{"$schema":"https://example.com/meta","type":"string","properties":{"a":false}}`,
			"_meta.json": `{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.com/meta","$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/core":true,"https://json-schema.org/draft/2020-12/vocab/applicator":true}}`,
		}, map[string]any{"a": nil}, "x.json: /a false"},
		{"in another file", map[string]string{
			"x.json": `{"$ref":"https://example.com/inner#/$defs/n"}`, "_y.json": `{"$id":"https://example.com/outer","$defs":{"i":{"$id":"inner","$defs":{"n":{"type":"null"}}}}}`,
		}, "s", "x.json: / type"},
		{"anchor in another file", map[string]string{
			"x.json": `{"$ref":"https://example.com/inner#n"}`, "_y.json": `{"$id":"https://example.com/outer","$defs":{"i":{"$id":"inner","$defs":{"n":{"$anchor":"n","type":"null"}}}}}`,
		}, "s", "x.json: / type"},
		{"id twice", map[string]string{"x.json": `{"$defs":{"a":{"$id":"https://example.com/a"},"b":{"$id":"https://example.com/a"}}}`}, nil, `x.json#/$defs/b/$id: x.json#/$defs/a has the same $id "https://example.com/a": give each its own`},
		{"id twice, but once in an enum", map[string]string{"x.json": `{"$defs":{"a":{"$id":"https://example.com/a","type":"null"},"b":{"enum":[{"$id":"https://example.com/a"}]}},"$ref":"https://example.com/a"}`}, "s", "x.json: / type"},
		{"id of the file", map[string]string{"x.json": `{"$id":"https://example.com/a","$defs":{"b":{"$id":"https://example.com/a"}}}`}, nil, `x.json#/$defs/b/$id: x.json has the same $id "https://example.com/a": give each its own`},
		{"anchor twice", map[string]string{"x.json": `{"$defs":{"a":{"$anchor":"n"},"b":{"$dynamicAnchor":"n"}}}`}, nil, `x.json#/$defs/b/$dynamicAnchor: x.json#/$defs/a has the same $dynamicAnchor "n": give each its own`},
		{"anchor twice, in resources of their own", map[string]string{"x.json": `{"$ref":"#n","$defs":{"a":{"$anchor":"n","type":"null"},"b":{"$id":"b","$anchor":"n"}}}`}, "s", "x.json: / type"},
		{"anchor twice in draft 7", map[string]string{"x.json": `{` + draft7 + `,"definitions":{"a":{"$id":"#n"},"b":{"$id":"#n"}}}`}, nil, `x.json#/definitions/b/$id: x.json#/definitions/a has the same $id "n": give each its own`},
		{"percent", map[string]string{"x.json": `{"$ref":"#/$defs/a%25b%22~1~0","$defs":{"a%b\"/~":{"type":"null"}}}`}, "s", "x.json: / type"},
		{"another tilde", map[string]string{"x.json": `{"$ref":"#/$defs/~2","$defs":{"~2":{"$ref":"#/$defs/n"},"n":{"type":"null"}}}`}, "s", "x.json: / type"},
		{"index with zeros", map[string]string{"x.json": `{"allOf":[{"$ref":"#/$defs/a/oneOf/01"}],"$defs":{"a":{"oneOf":[{},{}]}}}`}, nil, `x.json#/allOf/0/$ref: the reference "#/$defs/a/oneOf/01" points at nothing: x.json#/$defs/a/oneOf has no "01"`},
		{"reference in a default", map[string]string{"x.json": `{"$ref":"#/default/a","default":{"a":{"properties":{"b":{"$ref":"#"}}}}}`}, nil, `x.json#/default/a/properties/b/$ref: a schema inside const, enum, default or examples refers to nothing: move it to $defs and refer to it there`},
		{"no schema in a default", map[string]string{"x.json": `{"$ref":"#/default/a","default":{"a":{"type":"strng"}}}`}, nil, `x.json#/default/a/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		{"length beyond any", map[string]string{"x.json": `{"minLength":1e400}`}, "s", "x.json: / minLength"},
		{"items beyond any", map[string]string{"x.json": `{"maxItems":1e400}`}, []any{nil}, ""},
		{"contains beyond any", map[string]string{"x.json": `{"contains":true,"minContains":1e19}`}, []any{nil}, "x.json: / minContains"},
		{"dynamic loop", map[string]string{"x.json": `{"$dynamicAnchor":"n","$ref":"_y.json"}`, "_y.json": `{"$dynamicAnchor":"n","allOf":[{"$dynamicRef":"#n"}]}`}, nil, `_y.json#/allOf/0/$dynamicRef: the reference leads back to itself and never into the payload: _y.json#/allOf/0/$dynamicRef -> _y.json#/allOf/0/$dynamicRef: remove one of them, or refer from inside properties or items`},
		{"dynamic loop that only a payload has", map[string]string{"x.json": `{"$dynamicAnchor":"n","$ref":"_y.json"}`, "_y.json": `{"anyOf":[{"$dynamicRef":"#n"}],"$defs":{"n":{"$dynamicAnchor":"n"}}}`}, nil, "x.json: the schema refers to itself without end"},
		{"UTF-16 without a mark", map[string]string{"x.json": "{\x00}\x00"}, nil, `x.json: line 1, column 2: invalid character '\x00' looking for beginning of object key string`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			s, err := Load(Config{FS: fsys})
			if err == nil {
				_, err = s.Validate("x", tt.payload)
				if invalid, ok := errors.AsType[*Invalid](err); ok && invalid.Schema != "x.json" {
					t.Errorf("got the schema %q", invalid.Schema)
				}
			} else if _, ok := errors.AsType[*LoadError](err); !ok {
				t.Errorf("got %T, want a LoadError", err)
			}
			if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}
