package bundled_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// sample is an event with what is said about it.
type sample struct {
	Type    string          `json:"type"`
	Schema  string          `json:"schema"` // the file that is chosen
	Payload json.RawMessage `json:"payload"`
	// Form is the payload as a form instead.
	Form string `json:"form"`
	// Violations are all that is wrong, in any order.
	Violations []violation `json:"violations"`
}

type violation struct {
	Pointer string `json:"pointer"`
	Keyword string `json:"keyword"`
}

// Every schema has samples that fit and samples that do not, and says so of each.
func TestSamples(t *testing.T) {
	t.Parallel()
	for _, provider := range bundled.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			set := load(t, provider)
			prefix := "bundled/" + provider + "/"
			valid, invalid := map[string]int{}, map[string]int{}
			for name, s := range samples(t, provider) {
				info, ok := set.Choose(s.Type)
				if !ok || info.Schema != prefix+s.Schema {
					t.Errorf("%s: the type %q has the schema %q, want %q", name, s.Type, info.Schema, prefix+s.Schema)
					continue
				}
				if len(s.Violations) == 0 {
					valid[info.Schema]++
				} else {
					invalid[info.Schema]++
				}
				if got, want := violations(t, set, s), sorted(s.Violations); !slices.Equal(got, want) {
					t.Errorf("%s: got %v, want %v", name, got, want)
				}
			}
			for _, info := range set.Schemas() {
				if valid[info.Schema] == 0 {
					t.Errorf("%s has no sample that fits", info.Schema)
				}
				if invalid[info.Schema] == 0 {
					t.Errorf("%s has no sample that does not fit", info.Schema)
				}
			}
		})
	}
}

// Every file says what it describes, where that is documented, and in which draft
// it is written.
func TestHeads(t *testing.T) {
	t.Parallel()
	for _, provider := range bundled.Providers() {
		fsys, _ := bundled.FS(provider)
		names, err := fs.Glob(fsys, "*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(fsys, name)
			if err != nil {
				t.Fatal(err)
			}
			var head struct {
				Schema  string `json:"$schema"`
				Comment string `json:"$comment"`
				Title   string `json:"title"`
			}
			if err := json.Unmarshal(data, &head); err != nil {
				t.Errorf("%s/%s: %v", provider, name, err)
			}
			if head.Schema != "https://json-schema.org/draft/2020-12/schema" {
				t.Errorf("%s/%s: $schema is %q, want 2020-12", provider, name, head.Schema)
			}
			source, ok := strings.CutPrefix(head.Comment, "Source: ")
			if u, err := url.Parse(source); !ok || err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("%s/%s: $comment is %q, want Source: and the URL of the documentation", provider, name, head.Comment)
			}
			if head.Title == "" {
				t.Errorf("%s/%s has no title", provider, name)
			}
		}
	}
}

// What is in the directory is what is embedded, under names of the catalogue.
func TestFiles(t *testing.T) {
	t.Parallel()
	embedded := map[string]bool{}
	for _, provider := range bundled.Providers() {
		if p, ok := providers.Lookup(provider); !ok || p.Name != provider {
			t.Errorf("%s is no name of the catalogue", provider)
		}
		fsys, ok := bundled.FS(provider)
		if !ok {
			t.Fatalf("%s is listed, but has no files", provider)
		}
		if _, err := fs.Stat(fsys, "envelope.json"); err != nil {
			t.Errorf("%s: %v: types that are not known yet need a schema", provider, err)
		}
		names, err := fs.Glob(fsys, "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			embedded[path.Join(provider, name)] = true
		}
	}
	onDisk := os.DirFS(".")
	err := fs.WalkDir(onDisk, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "testdata":
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(name) != ".go" && !embedded[name]:
			t.Errorf("%s is not embedded: put it into the directory of a provider, and end its name in .json", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if bundled.Directory(entry.Name()) != entry.Name() {
			t.Errorf("testdata/%s are samples of no provider", entry.Name())
		}
	}
	for _, name := range []string{"", ".", "..", "testdata", "none", "standard-webhooks/envelope.json"} {
		if _, ok := bundled.FS(name); ok {
			t.Errorf("%q has schemas", name)
		}
	}
}

func load(t *testing.T, provider string) *schemas.Set {
	t.Helper()
	fsys, _ := bundled.FS(provider)
	set, err := schemas.Load(schemas.Config{FS: fsys, Name: "bundled/" + provider})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// samples returns the samples of a provider by the names of their files.
func samples(t *testing.T, provider string) map[string]sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", bundled.Directory(provider), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]sample, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if (s.Payload == nil) == (s.Form == "") {
			t.Errorf("%s: want either payload or form", file)
		}
		all[file] = s
	}
	return all
}

// violations returns what the schema says, in order and each once.
func violations(t *testing.T, set *schemas.Set, s sample) []violation {
	t.Helper()
	_, err := set.Validate(s.Type, payload(t, s))
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*schemas.Invalid](err)
	if !ok || invalid.Err != nil {
		t.Fatalf("the payload could not be looked at: %v", err)
	}
	list := make([]violation, len(invalid.Violations))
	for i, v := range invalid.Violations {
		list[i] = violation{v.Pointer, v.Keyword}
	}
	return sorted(list)
}

func payload(t *testing.T, s sample) any {
	t.Helper()
	if s.Form != "" {
		return formObject(t, s.Form)
	}
	dec := json.NewDecoder(bytes.NewReader(s.Payload))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// formObject is what the gateway makes of a form: strings, and arrays of strings
// where a field is repeated.
func formObject(t *testing.T, form string) map[string]any {
	t.Helper()
	fields, err := url.ParseQuery(form)
	if err != nil {
		t.Fatal(err)
	}
	object := make(map[string]any, len(fields))
	for name, values := range fields {
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		if object[name] = list; len(list) == 1 {
			object[name] = list[0]
		}
	}
	return object
}

func sorted(list []violation) []violation {
	list = slices.SortedFunc(slices.Values(list), func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Keyword, b.Keyword))
	})
	return slices.Compact(list)
}

func (v violation) String() string { return fmt.Sprintf("%s %s", cmp.Or(v.Pointer, "/"), v.Keyword) }

// What is exported for other tools says the same of each sample, and of each that is
// spoilt.
func TestExports(t *testing.T) {
	t.Parallel()
	for _, provider := range bundled.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			fsys, _ := bundled.FS(provider)
			x, err := schemas.NewExport(schemas.Config{FS: fsys}, func(to schemas.Document, pointer string) string {
				return "#/definitions/" + to.Name + pointer
			})
			if err != nil {
				t.Fatal(err)
			}
			definitions := map[string]any{}
			for _, d := range x.Documents {
				if definitions[d.Name] = d.Schema; d.Draft != schemas.Draft7 {
					t.Errorf("%s is %s", d.Name, d.Draft)
				}
			}
			text, err := json.Marshal(map[string]any{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": definitions})
			if err != nil {
				t.Fatal(err)
			}
			cfg := schemas.Config{FS: fstest.MapFS{"all.json": {Data: text}}}
			for _, r := range x.Roots {
				if r.Err != nil {
					t.Errorf("%s: %v", r.Schema, r.Err)
				}
				kinds := r.Types
				if kinds[0] != "*" {
					kinds = append(kinds, kinds[0]+".*")
				}
				for _, kind := range kinds {
					cfg.Rules = append(cfg.Rules, schemas.Rule{Type: kind, Schema: "all.json#/definitions/" + r.Document + r.Pointer})
				}
			}
			same, err := schemas.Load(cfg)
			if err != nil {
				t.Fatal(err)
			}
			set := load(t, provider)
			for name, s := range samples(t, provider) {
				kind := strings.NewReplacer("/", ".", ":", ".").Replace(s.Type)
				_, err := set.Validate(s.Type, payload(t, s))
				_, errSame := same.Validate(kind, payload(t, s))
				if fmt.Sprint(kinds(err)) != fmt.Sprint(kinds(errSame)) {
					t.Errorf("%s: got %v, want %v", name, errSame, err)
				}
			}
		})
	}
}

// kinds are the violations without where they stand in the schemas.
func kinds(err error) (list []string) {
	invalid, _ := errors.AsType[*schemas.Invalid](err)
	if invalid != nil {
		for _, v := range invalid.Violations {
			list = append(list, v.Pointer+" "+v.Keyword)
		}
	}
	return list
}
