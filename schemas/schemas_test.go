package schemas_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func decode(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func load(t *testing.T, cfg schemas.Config) *schemas.Set {
	t.Helper()
	s, err := schemas.Load(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChoiceByName(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{
		"pull_request.json":        `{}`,
		"pull_request.opened.json": `{}`,
		"orders/create.json":       `{}`,
		"Push Hook.json":           `{}`,
		"envelope.json":            `{}`,
		".hidden/x.json":           `not a schema`,
		"notes.txt":                `neither`,
	})})
	for typ, want := range map[string]string{
		"pull_request.opened":       "pull_request.opened.json",
		"pull_request.closed":       "pull_request.json",
		"pull_request":              "pull_request.json",
		"pull_request_review":       "envelope.json",
		"orders/create":             "orders/create.json",
		"orders:create":             "orders/create.json",
		"orders.create.v2":          "orders/create.json",
		"Push Hook":                 "Push Hook.json",
		"":                          "envelope.json",
		"../pull_request":           "envelope.json",
		"pull_request.opened.json#": "pull_request.opened.json",
	} {
		if got, err := s.Validate(typ, map[string]any{}); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", typ, got, err, want)
		}
	}
}

func TestChoiceByRule(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.json": `{"$defs":{"x":{"type":"object"}}}`, "b.json": `{}`, "c.json": `{}`, "d.json": `{}`})
	s := load(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{
		{"*", "d.json"},
		{"pull_request*", "b.json"},
		{"pull_request_review*", "c.json"},
		{"push", "a.json#/$defs/x"},
		{"*_review_comment*", "d.json"},
		{"d*e*", "a.json"},
		{"de*", "b.json"},
	}})
	for typ, want := range map[string]string{
		"push":                       "a.json#/$defs/x",
		"push.x":                     "d.json",
		"pull_request":               "b.json",
		"pull_request.opened":        "b.json",
		"pull_request_review.edited": "c.json",
		"anything":                   "d.json",
		"deleted":                    "b.json",
		"double":                     "a.json",
	} {
		if got, err := s.Validate(typ, map[string]any{}); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", typ, got, err, want)
		}
	}
	only := load(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{{"push", "a.json"}}})
	if got, err := only.Validate("other", nil); got != "" || err != nil {
		t.Errorf("without a schema: got %q, %v, want nothing", got, err)
	}
	strict := load(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{{"push", "a.json"}}, RefuseUnknown: true})
	if _, err := strict.Validate("other", nil); err == nil {
		t.Error("RefuseUnknown: got no error")
	}
	if infos := only.Schemas(); len(infos) != 1 || infos[0].Schema != "a.json" || len(infos[0].SHA256) != 64 {
		t.Errorf("got %+v, want a.json alone", infos)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, schema, payload string
		want                  string // "" for valid, else a violation as pointer, space, keyword
	}{
		{"type", `{"properties":{"n":{"type":"integer"}}}`, `{"n":"secret-value"}`, "/n type"},
		{"required", `{"required":["a"]}`, `{}`, "/ required"},
		{"big integer", `{"properties":{"n":{"type":"integer"}}}`, `{"n":12345678901234567890123}`, ""},
		{"format in 2020-12", `{"properties":{"t":{"format":"date-time"}}}`, `{"t":"2026-01-01 00:00:00"}`, "/t format"},
		{"format in draft 7", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"t":{"format":"uri"}}}`, `{"t":"no uri"}`, "/t format"},
		{"draft 4", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"n":{"minimum":1,"exclusiveMinimum":true}}}`, `{"n":1}`, "/n exclusiveMinimum"},
		{"draft 6", `{"$schema":"http://json-schema.org/draft-06/schema#","properties":{"n":{"const":1}}}`, `{"n":2}`, "/n const"},
		{"2019-09", `{"$schema":"https://json-schema.org/draft/2019-09/schema","dependentRequired":{"a":["b"]}}`, `{"a":1}`, "/ dependentRequired"},
		{"unevaluated", `{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}`, `{"a":1,"b":1}`, "/b unevaluatedProperties"},
		{"uri-template", `{"properties":{"u":{"format":"uri-template"}}}`, `{"u":"https://api.github.com/repos/o/r/git/refs{/sha}"}`, ""},
		{"oneOf by action", oneOf, `{"action":"opened","n":1}`, ""},
		{"oneOf by action, refused", oneOf, `{"action":"opened","n":"1"}`, "/n type"},
		{"oneOf, no branch", oneOf, `{"action":"vanished"}`, "/action oneOf"},
		{"reference", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}`, `[]`, "/ type"},
		{"false", `false`, `{}`, "/ false"},
		{"loop", `{"properties":{"next":{"$ref":"#"}},"required":["v"]}`, `{"v":1,"next":{"v":1,"next":{}}}`, "/next/next required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := load(t, schemas.Config{Dir: tree(t, map[string]string{"x.json": tt.schema})})
			schema, err := s.Validate("x", decode(t, tt.payload))
			if schema != "x.json" {
				t.Errorf("got the schema %q", schema)
			}
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want it valid", err)
				}
				return
			}
			if _, ok := errors.AsType[*schemas.Invalid](err); !ok {
				t.Fatalf("got %v, want it invalid", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret-value") {
				t.Errorf("%q holds a value of the payload", err)
			}
		})
	}
}

const oneOf = `{"oneOf":[{"$ref":"#/$defs/opened"},{"$ref":"#/$defs/closed"}],"$defs":{
	"opened":{"properties":{"action":{"const":"opened"},"n":{"type":"integer"}},"required":["action"]},
	"closed":{"properties":{"action":{"enum":["closed","merged"]},"n":{"type":"string"}},"required":["action"]}}}`

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside.json")
	if err := os.WriteFile(outside, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name          string
		files         map[string]string
		rules         []schemas.Rule
		link          bool
		file, pointer string
		want          string
	}{
		{name: "syntax", files: map[string]string{"x.json": "{\n  \"type\": ,\n}"}, file: "x.json", want: "line 2, column 11"},
		{name: "two values", files: map[string]string{"x.json": "{} {}"}, file: "x.json", want: "line 1"},
		{name: "keyword", files: map[string]string{"x.json": `{"properties":{"a":{"type":"strng"}}}`}, file: "x.json", pointer: "/properties/a/type"},
		{name: "pattern", files: map[string]string{"x.json": `{"properties":{"a":{"pattern":"(?=x)"}}}`}, file: "x.json", pointer: "/properties/a/pattern"},
		{name: "missing file", files: map[string]string{"x.json": `{"properties":{"a":{"$ref":"y.json"}}}`}, file: "x.json", pointer: "/properties/a/$ref", want: "not in the directory"},
		{name: "dangling pointer", files: map[string]string{"x.json": `{"$ref":"#/$defs/none"}`}, file: "x.json", pointer: "/$ref", want: "points at nothing"},
		{name: "pointer in another file", files: map[string]string{"x.json": `{"$ref":"y.json#/none"}`, "y.json": `{}`}, file: "x.json", pointer: "/$ref"},
		{name: "dots", files: map[string]string{"x.json": `{"$ref":"../x.json"}`}, file: "x.json", pointer: "/$ref", want: "leave the directory"},
		{name: "dots that come back", files: map[string]string{"a/x.json": `{"$ref":"../y.json"}`, "y.json": `{}`}, file: "a/x.json", pointer: "/$ref", want: "leave the directory"},
		{name: "absolute path", files: map[string]string{"x.json": `{"$ref":"/etc/x.json"}`}, file: "x.json", pointer: "/$ref", want: "leave the directory"},
		{name: "file URL", files: map[string]string{"x.json": `{"$ref":"file://` + filepath.ToSlash(outside) + `"}`}, file: "x.json", pointer: "/$ref", want: "not in the directory"},
		{name: "https", files: map[string]string{"x.json": `{"$ref":"https://example.com/y.json"}`}, file: "x.json", pointer: "/$ref", want: "not in the directory"},
		{name: "host", files: map[string]string{"x.json": `{"$ref":"//example.com/y.json"}`}, file: "x.json", pointer: "/$ref", want: "leave the directory"},
		{name: "relative to an https id", files: map[string]string{"x.json": `{"$id":"https://example.com/x.json","$ref":"y.json"}`, "y.json": `{}`}, file: "x.json", pointer: "/$ref", want: "give y.json this $id"},
		{name: "relative to a nested id", files: map[string]string{"x.json": `{"$defs":{"a":{"$id":"https://example.com/a","$ref":"b"}}}`}, file: "x.json", pointer: "/$defs/a/$ref", want: "no file has this $id"},
		{name: "link", link: true, files: map[string]string{"x.json": `{}`}, file: "link.json"},
		{name: "same id", files: map[string]string{"x.json": `{"$id":"https://example.com/a"}`, "y.json": `{"$id":"https://example.com/a"}`}, file: "y.json", pointer: "/$id"},
		{name: "rule: no file", files: map[string]string{"x.json": `{}`}, rules: []schemas.Rule{{"a", "y.json"}}, file: "y.json", want: "no such file"},
		{name: "rule: dots", files: map[string]string{"x.json": `{}`}, rules: []schemas.Rule{{"a", "../x.json"}}, file: "../x.json", want: "inside the directory"},
		{name: "rule: no pointer", files: map[string]string{"x.json": `{}`}, rules: []schemas.Rule{{"a", "x.json#/none"}}, file: "x.json", pointer: "/none"},
		{name: "rule: twice", files: map[string]string{"x.json": `{}`, "y.json": `{}`}, rules: []schemas.Rule{{"a", "x.json"}, {"a", "y.json"}}, file: "y.json", want: "another schema"},
		{name: "empty", files: map[string]string{"x.txt": ``}, want: "no file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, tt.files)
			if tt.link {
				if err := os.Symlink(outside, filepath.Join(dir, "link.json")); err != nil {
					t.Fatal(err)
				}
			}
			_, err := schemas.Load(schemas.Config{Dir: dir, Rules: tt.rules})
			var le *schemas.LoadError
			if !errors.As(err, &le) {
				t.Fatalf("got %v, want a LoadError", err)
			}
			if le.File != tt.file || tt.pointer != "" && le.Pointer != tt.pointer {
				t.Errorf("got %s#%s (%v), want %s#%s", le.File, le.Pointer, err, tt.file, tt.pointer)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := schemas.Load(schemas.Config{Dir: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no directory: got no error")
	}
	// All mistakes at once.
	_, err := schemas.Load(schemas.Config{Dir: tree(t, map[string]string{"x.json": `{"$ref":"no.json"}`, "y.json": `{`})})
	if err == nil || !strings.Contains(err.Error(), "x.json") || !strings.Contains(err.Error(), "y.json") {
		t.Errorf("got %v, want both files in it", err)
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{
		"push.json":        `{"$id":"https://example.com/push.json","properties":{"user":{"$ref":"parts/user.json"},"n":{"$ref":"other"}}}`,
		"parts/user.json":  `{"$id":"https://example.com/parts/user.json","required":["login"]}`,
		"elsewhere.json":   `{"$id":"https://example.com/other","type":"integer"}`,
		"plain.json":       `{"properties":{"user":{"$ref":"sub/a.json#/$defs/b"}}}`,
		"sub/a.json":       `{"$defs":{"b":{"$ref":"c.json"}}}`,
		"sub/c.json":       `{"type":"string"}`,
		"enum.json":        `{"enum":[{"$ref":"https://example.com/not-a-reference"}]}`,
		"meta.json":        `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"..2026/kept.json": `{}`,
	})})
	for _, tt := range []struct {
		typ, payload string
		valid        bool
	}{
		{"push", `{"user":{"login":"m"},"n":1}`, true},
		{"push", `{"user":{},"n":1}`, false},
		{"push", `{"user":{"login":"m"},"n":"1"}`, false},
		{"plain", `{"user":"m"}`, true},
		{"plain", `{"user":1}`, false},
		{"meta", `{"type":"object"}`, true},
		{"meta", `{"type":"objekt"}`, false},
	} {
		if _, err := s.Validate(tt.typ, decode(t, tt.payload)); (err == nil) != tt.valid {
			t.Errorf("%s %s: got %v, want valid %v", tt.typ, tt.payload, err, tt.valid)
		}
	}
}

// Kubernetes mounts a directory of links to a hidden one.
func TestLinksInside(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"..data/x.json": `{"type":"object"}`})
	if err := os.Symlink(filepath.Join("..data", "x.json"), filepath.Join(dir, "x.json")); err != nil {
		t.Fatal(err)
	}
	s := load(t, schemas.Config{Dir: dir})
	if got, err := s.Validate("x", []any{}); got != "x.json" || err == nil {
		t.Errorf("got %q, %v, want x.json to refuse it", got, err)
	}
}

func TestConcurrentValidate(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{"x.json": oneOf})})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			payload, want := map[string]any{"action": "opened"}, ""
			if i%2 == 0 {
				payload, want = map[string]any{"action": "vanished"}, "x.json: /action oneOf"
			}
			for range 200 {
				_, err := s.Validate("x", payload)
				if (err == nil) != (want == "") || err != nil && err.Error() != want {
					t.Errorf("got %v, want %q", err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
