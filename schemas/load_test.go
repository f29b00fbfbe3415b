package schemas_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// Nothing is ever fetched, whichever keyword names it.
func TestNothingIsFetched(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"const":"top secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{server.URL + "/y.json", "file://" + filepath.ToSlash(secret)} {
		for _, text := range []string{
			`{"$ref":%q}`,
			`{"$dynamicRef":%q}`,
			`{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveRef":%q}`,
			`{"$schema":%q}`,
			`{"properties":{"const":{"$ref":%q}}}`,
			`{"items":[{"$ref":%q}],"$schema":"http://json-schema.org/draft-07/schema#"}`,
			`{"$id":%q,"$ref":"z.json"}`,
			`{"$id":%q,"$defs":{"a":{"$id":"sub/","$ref":"z.json"}},"$ref":"#/$defs/a"}`,
			`{"$ref":"#/x-own/a","x-own":{"a":{"$ref":%q}}}`,
			`{"if":{"$ref":%q}}`,
		} {
			text = fmt.Sprintf(text, target)
			_, err := schemas.Load(schemas.Config{Dir: tree(t, map[string]string{"x.json": text})})
			if le, ok := errors.AsType[*schemas.LoadError](err); !ok || le.File != "x.json" || le.Pointer == "" {
				t.Errorf("%s: got %v, want it refused with file and pointer", text, err)
			}
			if err != nil && strings.Contains(err.Error(), "top secret") {
				t.Errorf("%s: got %v, which holds what a file outside holds", text, err)
			}
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("got %d requests", n)
	}
}

// Every message names the file and the place. The whole text is compared, since
// it is what an operator sees.
func TestLoadErrorTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files map[string]string
		rules []schemas.Rule
		want  []string // lines
	}{
		{
			name:  "several in several files",
			files: map[string]string{"x.json": `{"properties":{"b":{"type":"strng"},"a":{"$ref":"y.json#/no"},"c":{"minLength":-1}}}`, "y.json": `{"pattern":"(?=x)"}`, "z.json": "{\n\"a\": 1\n"},
			want: []string{
				`x.json#/properties/a/$ref: the reference "y.json#/no" points at nothing: y.json has no "no"`,
				`x.json#/properties/b/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`,
				`x.json#/properties/c/minLength: must be >= 0 but found -1`,
				`y.json#/pattern: '(?=x)' is not valid 'regex': patterns are RE2, without lookaround and back-references`,
				`z.json: line 3, column 1: the JSON ends too early`,
			},
		},
		{
			name:  "two rules, one broken file",
			files: map[string]string{"x.json": `{"$defs":{"a":{"type":5},"b":{"$ref":1}}}`},
			rules: []schemas.Rule{{"a", "x.json#/$defs/a"}, {"b", "x.json#/$defs/b"}},
			want: []string{
				`x.json#/$defs/a/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`,
				`x.json#/$defs/b/$ref: expected string, but got number`,
			},
		},
		{
			name:  "behind a reference",
			files: map[string]string{"x.json": `{"$ref":"y.json"}`, "y.json": `{"required":"a"}`},
			rules: []schemas.Rule{{"a", "x.json"}},
			want:  []string{`y.json#/required: expected array, but got string`},
		},
		{
			name:  "behind a reference into what is no schema",
			files: map[string]string{"x.json": `{"$ref":"#/components/a","components":{"a":{"type":"objekt"}}}`},
			want:  []string{`x.json#/components/a/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		},
		{
			name:  "two rules into what is no schema",
			files: map[string]string{"x.json": `{"components":{"a":{"required":5},"b":{"$ref":"#/components/a"}}}`},
			rules: []schemas.Rule{{"a", "x.json#/components/a"}, {"b", "x.json#/components/b"}},
			want:  []string{`x.json#/components/a/required: expected array, but got number`},
		},
		{
			name:  "draft",
			files: map[string]string{"x.json": `{"$schema":"http://json-schema.org/draft-05/schema#"}`},
			want:  []string{`x.json#/$schema: "http://json-schema.org/draft-05/schema#" is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04`},
		},
		{
			name:  "null",
			files: map[string]string{"x.json": `null`},
			want:  []string{`x.json: expected object or boolean, but got null`},
		},
		{
			name:  "anchor",
			files: map[string]string{"x.json": `{"$ref":"#nope","$defs":{"a":{"$anchor":"yes"}}}`},
			want:  []string{`x.json#/$ref: the reference "#nope" points at nothing: x.json has no $anchor "nope"`},
		},
		{
			name:  "endless",
			files: map[string]string{"x.json": `{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#"}]}}}`},
			want:  []string{`x.json#/$ref: the reference leads back to itself and never into the payload: x.json#/$ref -> x.json#/$defs/a/allOf/0/$ref -> x.json#/$ref: remove one of them, or refer from inside properties or items`},
		},
		{
			name:  "two files for a type",
			files: map[string]string{"a/b.json": `{}`, "a.b.json": `{}`},
			want:  []string{`a/b.json: a.b.json is for the same type: remove one of them`},
		},
		{
			name:  "rules",
			files: map[string]string{"x.json": `{"$defs":{}}`, "y.json": `{}`},
			rules: []schemas.Rule{{"", "x.json"}, {"a", ""}, {"b", "x.json#$defs"}, {"c", "/x.json"}, {"d", "none.json"}, {"e", "x.json#/$defs/q"}},
			want: []string{
				`schemas: a rule needs a type and a schema`,
				`/x.json: name a file inside the directory, without dots and without a slash at the beginning`,
				`none.json: there is no such file in the directory: put it there, or name another`,
				`x.json: "$defs" is not a JSON Pointer: it begins with a slash`,
				`x.json: a rule needs a type and a schema`,
				`x.json#/$defs/q: there is nothing at this JSON Pointer: x.json#/$defs has no "q"`,
			},
		},
		{
			name:  "equally specific",
			files: map[string]string{"x.json": `{}`, "y.json": `{}`},
			rules: []schemas.Rule{{"a*", "x.json"}, {"*b", "y.json"}, {"c*", "y.json"}, {"aa*", "y.json"}},
			want:  []string{`y.json: the types "a*" and "*b" are equally specific and one event may fit both: write more of one of them`},
		},
		{
			name:  "one glob twice",
			files: map[string]string{"x.json": `{}`, "y.json": `{}`},
			rules: []schemas.Rule{{"a*", "x.json"}, {"a*", "y.json"}},
			want:  []string{`y.json: the type "a*" has another schema as well, x.json: remove one of them`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := schemas.Load(schemas.Config{Dir: tree(t, tt.files), Rules: tt.rules})
			if err == nil {
				t.Fatal("got no error")
			}
			got := strings.Split(err.Error(), "\n")
			for i := range max(len(got), len(tt.want)) {
				g, w := "", ""
				if i < len(got) {
					g = got[i]
				}
				if i < len(tt.want) {
					w = tt.want[i]
				}
				if g != w {
					t.Errorf("line %d:\ngot  %s\nwant %s", i+1, g, w)
				}
			}
		})
	}
}

// What no rule leads to may be anything, except a link that leaves.
func TestFilesWithoutRule(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"push.json":       `{"$ref":"parts/user.json"}`,
		"parts/user.json": `{"type":"object"}`,
		"examples.json":   `[{"$ref":"https://example.com/x"}]`,
		"broken.json":     `{`,
		"other.json":      `{"type":"strng"}`,
		".hidden.json":    `{`,
	}
	dir := tree(t, files)
	s := load(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{{"push", "push.json"}, {"push.*", "push.json"}}})
	if got := s.Schemas(); len(got) != 1 || got[0].Schema != "push.json" {
		t.Errorf("got %+v, want push.json alone", got)
	}
	outside := filepath.Join(t.TempDir(), "outside.json")
	if err := os.WriteFile(outside, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	_, err := schemas.Load(schemas.Config{Dir: dir, Rules: []schemas.Rule{{"push", "push.json"}}})
	if le, ok := errors.AsType[*schemas.LoadError](err); !ok || le.File != "link.json" {
		t.Errorf("got %v, want link.json refused", err)
	}
}

// What is no file of a sensible size is refused, and never waited for.
func TestStrangeFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func(file string) error
		want string
	}{
		{"large", func(file string) error {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(file, 16<<20+1)
		}, "larger than"},
		{"link to a directory", func(file string) error { return os.Symlink(".", file) }, "it is not a file"},
		{"pipe", makePipe, "it is not a file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string]string{"y.json": `{}`})
			if err := tt.make(filepath.Join(dir, "x.json")); errors.Is(err, errors.ErrUnsupported) {
				t.Skip("this system has no named pipes; run the test on Linux or macOS")
			} else if err != nil {
				t.Fatal(err)
			}
			_, err := schemas.Load(schemas.Config{Dir: dir})
			if le, ok := errors.AsType[*schemas.LoadError](err); !ok || le.File != "x.json" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want x.json refused: %s", err, tt.want)
			}
		})
	}
}

func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 10_001 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(`{}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := schemas.Load(schemas.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	sum := func(s string) string {
		b := sha256.Sum256([]byte(s))
		return hex.EncodeToString(b[:])
	}
	files := map[string]string{
		"a.json":   `{"type":"object"}`,
		"b.json":   `{"$ref":"p/c.json"}`,
		"p/c.json": `{"$ref":"d.json#/$defs/x"}`,
		// A cycle through other files is no loop if it goes down into a member.
		"p/d.json": `{"$defs":{"x":{"properties":{"n":{"$ref":"c.json"}}}}}`,
	}
	want := map[string]string{
		"a.json": sum(files["a.json"]),
		"b.json": sum(sum(files["b.json"]) + "  b.json\n" + sum(files["p/c.json"]) + "  p/c.json\n" + sum(files["p/d.json"]) + "  p/d.json\n"),
	}
	s := load(t, schemas.Config{Dir: tree(t, files), Rules: []schemas.Rule{{"a", "a.json"}, {"b", "b.json"}}})
	for _, info := range s.Schemas() {
		if info.SHA256 != want[info.Schema] {
			t.Errorf("%s: got %s, want %s", info.Schema, info.SHA256, want[info.Schema])
		}
	}
}

func TestManyNames(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{Dir: tree(t, map[string]string{
		"bundle.json":   `{"$id":"https://example.com/root","properties":{"a":{"$ref":"https://example.com/emb"},"b":{"$ref":"emb"},"c":{"$ref":"emb#/$defs/n"},"d":{"$ref":"emb#here"}},"$defs":{"e":{"$id":"emb","type":"string","$defs":{"n":{"type":"null"},"h":{"$anchor":"here","type":"boolean"}}}}}`,
		"relative.json": `{"$id":"/schemas/relative","properties":{"a":{"$ref":"common"},"b":{"$ref":"/schemas/common"}}}`,
		"common.json":   `{"$id":"/schemas/common","type":"string"}`,
		"anchor.json":   `{"properties":{"a":{"$ref":"#str"},"b":{"$ref":"parts.json#num"}},"$defs":{"s":{"$anchor":"str","type":"string"}}}`,
		"parts.json":    `{"$id":"https://example.com/parts","$defs":{"n":{"$anchor":"num","type":"number"}}}`,
		"old.json":      `{"$schema":"http://json-schema.org/draft-07/schema#","$id":"http://example.com/old.json#","properties":{"a":{"$ref":"#str"},"b":{"$ref":"#/definitions/const"}},"definitions":{"s":{"$id":"#str","type":"string"},"const":{"type":"null"}}}`,
		"four.json":     `{"$schema":"http://json-schema.org/draft-04/schema#","id":"http://example.com/four","properties":{"a":{"$ref":"old.json"},"id":{"$ref":"four#/definitions/s"}},"definitions":{"s":{"type":"string"}}}`,
		"own2.json":     `{"$schema":"urn:example:meta","type":"string"}`,
		"meta.json":     `{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"urn:example:meta","$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"open api.json": `{"openapi":"3.1.0","components":{"schemas":{"a b":{"type":"object","properties":{"n":{"$ref":"#/components/schemas/n"}}},"n":{"type":"integer"}}}}`,
		"urn.json":      `{"properties":{"a":{"$ref":"urn:example:str"}}}`,
		"str.json":      `{"$id":"urn:example:str","type":"string"}`,
	}), Rules: []schemas.Rule{
		{"bundle", "bundle.json"},
		{"relative", "relative.json"},
		{"anchor", "anchor.json"},
		{"old", "old.json"},
		{"four", "four.json"},
		{"own2", "own2.json"},
		{"api", "open api.json#/components/schemas/a b"},
		{"urn", "urn.json"},
	}})
	for _, tt := range []struct {
		typ, payload string
		want         string // the error, "" for valid
	}{
		{"bundle", `{"a":"s","b":"s","c":null,"d":true}`, ""},
		{"bundle", `{"a":1}`, "bundle.json: /a type"},
		{"bundle", `{"b":1,"c":1,"d":1}`, "bundle.json: /b type; /c type; /d type"},
		{"relative", `{"a":"s","b":1}`, "relative.json: /b type"},
		{"anchor", `{"a":1,"b":"s"}`, "anchor.json: /a type; /b type"},
		{"old", `{"a":1,"b":1}`, "old.json: /a type; /b type"},
		{"four", `{"a":{"a":1},"id":1}`, "four.json: /a/a type; /id type"},
		{"own2", `1`, "own2.json: / type"},
		{"api", `{"n":"s"}`, "open api.json#/components/schemas/a b: /n type"},
		{"urn", `{"a":1}`, "urn.json: /a type"},
	} {
		_, err := s.Validate(tt.typ, decode(t, tt.payload))
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s %s: got %q, want %q", tt.typ, tt.payload, got, tt.want)
		}
		if invalid, ok := errors.AsType[*schemas.Invalid](err); ok {
			for _, v := range invalid.Violations {
				if strings.Contains(v.Schema, ":") || strings.Contains(v.Schema, "%") {
					t.Errorf("%s: got %q, want a file and a JSON Pointer", tt.typ, v.Schema)
				}
			}
		}
	}
}
