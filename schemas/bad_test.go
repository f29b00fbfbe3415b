package schemas_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// refused loads and returns the text of the error, with the temporary directory
// as DIR.
func refused(t *testing.T, cfg schemas.Config) string {
	t.Helper()
	_, err := schemas.Load(cfg)
	if err == nil {
		t.Error("got no error")
		return ""
	}
	if _, ok := errors.AsType[*schemas.LoadError](err); !ok {
		t.Errorf("got %T, want a LoadError", err)
	}
	return strings.ReplaceAll(err.Error(), cfg.Dir, "DIR")
}

// TestBadInput compares whole texts: they are what an operator sees.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const deep = 100_000
	for _, tt := range []struct {
		name, text string
		want       string
	}{
		{"malformed", "{\n  \"type\": ,\n}", `x.json: line 2, column 11: invalid character ',' looking for beginning of value`},
		{"cut", `{"type":`, `x.json: line 1, column 8: the JSON ends too early`},
		{"a comma too many in an array", `{"required":["id", ]}`, `x.json: line 1, column 20: there is a comma before it and nothing after that: remove the comma`},
		{"a comma too many in an object", "{\"type\":\"object\",\n}", `x.json: line 2, column 1: there is a comma before it and nothing after that: remove the comma`},
		{"two values", `{} {}`, `x.json: line 1, column 2: there is more after the schema: one file holds one`},
		{"no bytes", ``, `x.json: it is empty: write a schema, or {} if anything fits`},
		{"spaces", " \n", `x.json: it is empty: write a schema, or {} if anything fits`},
		{"value of a keyword", `{"properties":{"a":{"minLength":"3"}}}`, `x.json#/properties/a/minLength: expected integer, but got string`},
		{"draft", `{"$schema":"http://json-schema.org/draft-05/schema#"}`, `x.json#/$schema: "http://json-schema.org/draft-05/schema#" is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04`},
		{"metaschema", `{"$schema":"https://example.com/meta"}`, `x.json#/$schema: "https://example.com/meta" is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04`},
		{"draft inside another", `{"$defs":{"a":{"$schema":"http://json-schema.org/draft-07/schema#"}}}`, `x.json#/$defs/a/$schema: a schema inside another has the same draft: remove the $schema, or move the schema into a file of its own and refer to that`},
		{"member twice", "{\"properties\":{\n \"a\":{},\n \"a\":{\"type\":\"string\"}}}", `x.json#/properties/a: line 3, column 2: the member stands twice, first at line 2, column 2: remove one of them`},
		{"member twice, escaped", `{"a/b":[0,{"x":1,"\u0078":2}]}`, `x.json#/a~1b/1/x: line 1, column 18: the member stands twice, first at line 1, column 12: remove one of them`},
		{"Latin-1", "{\"title\":\"caf\xe9\"}", `x.json: line 1, column 14: it is not UTF-8: save it in that encoding`},
		{"byte order mark", "\xef\xbb\xbf{}", `x.json: it begins with a byte order mark: save it as UTF-8 without one`},
		{"UTF-16", "\xff\xfe{\x00}\x00", `x.json: it is UTF-16: save it as UTF-8`},
		{"deep objects", strings.Repeat(`{"not":`, deep) + `{}` + strings.Repeat(`}`, deep), `x.json: line 1, column 3501: it is nested more than 500 deep: move what is inside into a schema of its own and refer to that`},
		{"deep arrays", strings.Repeat(`[`, deep), `x.json: line 1, column 501: it is nested more than 500 deep: move what is inside into a schema of its own and refer to that`},
		{"array", `[]`, `x.json: expected object or boolean, but got array`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := refused(t, schemas.Config{Dir: tree(t, map[string]string{"x.json": tt.text})}); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestBadDirectory is about what is there and not about what it says.
func TestBadDirectory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		make  func(dir string) error
		under string // of the directory, to load
		rules []schemas.Rule
		want  string
	}{
		{name: "missing", under: "none", want: `schemas: opening DIR: no such file or directory: create it, or name what is there`},
		{name: "file", under: "y.json", want: `schemas: opening DIR: not a directory: name the directory in which the file is`},
		{name: "empty", under: "empty", make: func(dir string) error { return os.Mkdir(filepath.Join(dir, "empty"), 0o700) }, want: `schemas: DIR has no file that ends in .json: write one for a type, such as envelope.json for all; YAML is not read`},
		{name: "missing file", rules: []schemas.Rule{{"a", "x.json"}}, want: `x.json: there is no such file in the directory: put it there, or name another`},
		{name: "other capitals", rules: []schemas.Rule{{"a", "Y.json"}}, want: `Y.json: there is no such file in the directory: write y.json`},
		{name: "no extension", rules: []schemas.Rule{{"a", "y"}}, want: `y: there is no such file in the directory: write y.json`},
		{name: "YAML", rules: []schemas.Rule{{"a", "openapi.yaml#/components/schemas/a"}}, want: `openapi.yaml: YAML is not read: convert it once, as with yq -o json openapi.yaml > openapi.json, and name that`},
		{name: "unreadable", make: func(dir string) error {
			if os.Geteuid() == 0 {
				return errors.ErrUnsupported
			}
			return os.WriteFile(filepath.Join(dir, "x.json"), []byte(`{}`), 0o200)
		}, want: `x.json: reading the file: permission denied: let the user read it as whom this runs`},
		{name: "large", make: func(dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "x.json"), nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(filepath.Join(dir, "x.json"), 16<<20+1)
		}, want: `x.json: reading the file: it is larger than 16 MiB: keep the schemas that are needed, or split it into several`},
		{name: "large together", make: func(dir string) error {
			for i := range 5 {
				name := filepath.Join(dir, fmt.Sprintf("%d.json", i))
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					return err
				}
				if err := os.Truncate(name, 16<<20); err != nil {
					return err
				}
			}
			return nil
		}, want: `schemas: reading the directory: the files have more than 64 MiB together: name a directory of schemas alone`},
		{name: "many", make: func(dir string) error {
			for i := range 10_000 {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(`{}`), 0o600); err != nil {
					return err
				}
			}
			return nil
		}, want: `schemas: reading the directory: there are more than 10000 files: name a directory of schemas alone`},
		{name: "link to a file outside", make: func(dir string) error {
			outside := filepath.Join(filepath.Dir(dir), filepath.Base(dir)+"-outside.json")
			if err := os.WriteFile(outside, []byte(`{}`), 0o600); err != nil {
				return err
			}
			return os.Symlink(outside, filepath.Join(dir, "x.json"))
		}, want: `x.json: reading the file: it is a link that leaves the directory: put a copy there instead`},
		{name: "link upwards", make: func(dir string) error { return os.Symlink("../x.json", filepath.Join(dir, "x.json")) }, want: `x.json: reading the file: it is a link that leaves the directory: put a copy there instead`},
		{name: "link to itself", make: func(dir string) error { return os.Symlink("x.json", filepath.Join(dir, "x.json")) }, want: `x.json: reading the file: too many levels of symbolic links: it is a link that leads back to itself: put the file there instead`},
		{name: "link to nothing", make: func(dir string) error { return os.Symlink("z.json", filepath.Join(dir, "x.json")) }, want: `x.json: reading the file: no such file or directory: create it, or name what is there`},
		{name: "link to a directory", make: func(dir string) error { return os.Symlink(".", filepath.Join(dir, "x.json")) }, want: `x.json: reading the file: it is not a file: end the name otherwise if it is for something else`},
		{name: "directory", make: func(dir string) error {
			if err := os.Mkdir(filepath.Join(dir, "x.json"), 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "x.json", "z.json"), []byte(`{"type":1}`), 0o600)
		}, want: `x.json/z.json#/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string]string{"y.json": `{}`})
			if tt.make != nil {
				if err := tt.make(dir); errors.Is(err, errors.ErrUnsupported) {
					t.Skip("root reads every file; run the test as another user")
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if got := refused(t, schemas.Config{Dir: filepath.Join(dir, tt.under), Rules: tt.rules}); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Links that stay inside are files like others; a link to a directory is not
// followed, so that it cannot lead around in a circle.
func TestLinksRound(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"sub/real.json": `{"type":"string"}`, "push.json": `{"$ref":"alias.json"}`})
	for link, to := range map[string]string{"alias.json": "sub/real.json", "round": ".", "sub/up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := load(t, schemas.Config{Dir: dir})
	if got := len(s.Schemas()); got != 3 {
		t.Errorf("got %+v, want three", s.Schemas())
	}
	if _, err := s.Validate("push", decode(t, `1`)); err == nil || err.Error() != "push.json: / type" {
		t.Errorf("got %v, want what the linked file refuses", err)
	}
}

// TestBadReferences compares whole texts as well.
func TestBadReferences(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       string
	}{
		{"https", `{"$ref":"https://example.com/y.json"}`, `x.json#/$ref: the reference "https://example.com/y.json": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"http", `{"properties":{"a":{"$ref":"http://127.0.0.1:1/y.json#/a"}}}`, `x.json#/properties/a/$ref: the reference "http://127.0.0.1:1/y.json#/a": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"file URL", `{"$ref":"file:///etc/passwd"}`, `x.json#/$ref: the reference "file:///etc/passwd": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"host", `{"$ref":"//example.com/y.json"}`, `x.json#/$ref: the reference "//example.com/y.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"absolute", `{"$ref":"/etc/y.json"}`, `x.json#/$ref: the reference "/etc/y.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"dots", `{"$ref":"../y.json"}`, `x.json#/$ref: the reference "../y.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"dots inside", `{"$ref":"sub/../y.json"}`, `x.json#/$ref: the reference "sub/../y.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"encoded dots", `{"$ref":"%2e%2e/y.json"}`, `x.json#/$ref: the reference "%2e%2e/y.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"encoded slash", `{"$ref":"..%2fy.json"}`, `x.json#/$ref: the reference "..%2fy.json" may leave the directory: name a file inside it, without .. and without a slash at the beginning`},
		{"encoded twice", `{"$ref":"%252e%252e/y.json"}`, `x.json#/$ref: the reference "%252e%252e/y.json": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"backslash", `{"$ref":"sub\\z.json"}`, "x.json#/$ref: the reference \"sub\\\\z.json\": write / instead of \\"},
		{"backslashes upwards", `{"$ref":"..\\y.json"}`, "x.json#/$ref: the reference \"..\\\\y.json\" may leave the directory: name a file inside it, without .. and without a slash at the beginning"},
		{"drive", `{"$ref":"C:/y.json"}`, `x.json#/$ref: the reference "C:/y.json": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"capitals", `{"$ref":"Y.json"}`, `x.json#/$ref: the reference "Y.json": the file is called y.json: write its name with the same capitals`},
		{"missing", `{"$ref":"none.json"}`, `x.json#/$ref: the reference "none.json": it is not in the directory: put the file there and refer to it by its name, or by its $id`},
		{"YAML", `{"$ref":"y.yaml#/a"}`, `x.json#/$ref: the reference "y.yaml#/a": YAML is not read: convert it once, as with yq -o json openapi.yaml > openapi.json, and name that`},
		{"pointer", `{"$ref":"y.json#/$defs/b/c"}`, `x.json#/$ref: the reference "y.json#/$defs/b/c" points at nothing: y.json#/$defs has no "b"`},
		{"anchor", `{"$ref":"y.json#b"}`, `x.json#/$ref: the reference "y.json#b" points at nothing: y.json has no $anchor "b"`},
		{"not a URL", `{"$ref":"y.json%zz"}`, "x.json#/$ref: the reference \"y.json%zz\" is not a URL: write the name of a file, #, or both, with %20 for a space"},
		{"leaves by an id", `{"$id":"https://example.com/x.json","$ref":"y.json"}`, `x.json#/$ref: the reference "y.json": it means https://example.com/y.json because of the $id above it: remove that, or give y.json this $id`},
		{"leaves by an id above", `{"$defs":{"b":{"$id":"https://example.com/b/","items":{"$ref":"none.json"}}}}`, `x.json#/$defs/b/items/$ref: the reference "none.json": it means https://example.com/b/none.json because of the $id above it, and no file has this $id: put the file into the directory, with it`},
		{"in place", `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}`, `x.json#/$defs/b/not/$ref: the reference leads back to itself and never into the payload: x.json#/$defs/b/not/$ref -> x.json#/$defs/a/anyOf/0/$ref -> x.json#/$defs/b/not/$ref: remove one of them, or refer from inside properties or items`},
		{"itself", `{"$ref":"#"}`, `x.json#/$ref: the reference leads back to itself and never into the payload: x.json#/$ref -> x.json#/$ref: remove one of them, or refer from inside properties or items`},
		{"through another file", `{"if":{"$ref":"back.json"}}`, `back.json#/$ref: the reference leads back to itself and never into the payload: back.json#/$ref -> x.json#/if/$ref -> back.json#/$ref: remove one of them, or refer from inside properties or items`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string]string{
				"x.json": tt.text, "y.json": `{"$defs":{"a":{}}}`, "sub/z.json": `{}`, "back.json": `{"$ref":"x.json"}`, "id.json": `{"$id":"https://example.com/id"}`,
			})
			if got := refused(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{{"a", "x.json"}}}); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// References that lead to an $id, and recursion into a payload, are in order.
func TestGoodReferences(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{
		"x.json":    `{"properties":{"a":{"$ref":"https://example.com/id"},"b":{"$ref":"https://example.com/id#/$defs/n"},"c":{"$ref":"#"},"d":{"items":{"$ref":"back.json"}}}}`,
		"back.json": `{"$ref":"x.json"}`,
		"id.json":   `{"$id":"https://example.com/id","type":"string","$defs":{"n":{"type":"null"}}}`,
	})})
	_, err := s.Validate("x", decode(t, `{"a":1,"b":1,"c":{"c":{"a":1}},"d":[{"d":[{"a":1}]}]}`))
	if want := "x.json: /a type; /b type; /c/c/a type; /d/0/d/0/a type"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestMemoryOfBadInput bounds what refusing takes.
func TestMemoryOfBadInput(t *testing.T) {
	const deep = 8 << 20
	for name, text := range map[string]string{
		"deep":  strings.Repeat(`[`, deep) + strings.Repeat(`]`, deep),
		"twice": `{"a":1,"a":` + strings.Repeat(" ", deep) + `1}`,
		"wide":  `{"enum":[` + strings.Repeat(`0,`, deep/16) + `0],"type":5}`,
	} {
		dir := tree(t, map[string]string{"x.json": text})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		text := refused(t, schemas.Config{Dir: dir})
		runtime.ReadMemStats(&after)
		used := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%s: %d MiB: %s", name, used, text)
		if used > 512 {
			t.Errorf("%s: got %d MiB allocated, want 512 at most", name, used)
		}
	}
}
