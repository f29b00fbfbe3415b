package schemas_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// memory is a file system of these files.
func memory(files map[string]string) fstest.MapFS {
	fsys := make(fstest.MapFS, len(files))
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// A file system is a directory, and a name goes before what it holds.
func TestFS(t *testing.T) {
	t.Parallel()
	s := load(t, schemas.Config{
		FS: memory(map[string]string{
			"paid.json":    `{"$ref":"_common.json#/$defs/invoice"}`,
			"_common.json": `{"$defs":{"invoice":{"required":["id"]}}}`,
		}),
		Name: "bundled/acme",
	})
	info, ok := s.Choose("paid")
	if !ok || info.Schema != "bundled/acme/paid.json" || info != s.Schemas()[0] {
		t.Errorf("got %+v, %v, want bundled/acme/paid.json", info, ok)
	}
	schema, err := s.Validate("paid", decode(t, `{}`))
	invalid, ok := errors.AsType[*schemas.Invalid](err)
	if !ok || schema != info.Schema || err.Error() != "bundled/acme/paid.json: / required (id)" {
		t.Fatalf("got %q, %v, want it invalid by the name", schema, err)
	}
	if got, want := invalid.Violations[0].Schema, "bundled/acme/_common.json#/$defs/invoice/required"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if info, ok := s.Choose("other"); ok {
		t.Errorf("other: got %+v, want nothing", info)
	}
	_, err = schemas.Load(schemas.Config{FS: memory(map[string]string{"a.txt": ``}), Name: "x"})
	if err == nil || err.Error() != "schemas: the file system has no file that ends in .json: write one for a type, such as envelope.json for all; YAML is not read" {
		t.Errorf("empty: got %v", err)
	}
}

// The digest is that of the files, wherever they come from.
func TestDigestOfFS(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a.json": `{"$ref":"b.json"}`, "b.json": `{}`}
	onDisk := load(t, schemas.Config{Dir: tree(t, files)})
	inMemory := load(t, schemas.Config{FS: memory(files), Name: "x"})
	a, _ := onDisk.Choose("a")
	b, _ := inMemory.Choose("a")
	if a.SHA256 == "" || a.SHA256 != b.SHA256 {
		t.Errorf("got %q and %q, want the same", a.SHA256, b.SHA256)
	}
}

// What begins with "_" is for no type by its name, and is looked at only where
// something refers to it.
func TestParts(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"push.json":         `{"properties":{"a":{"$ref":"_common.json"},"b":{"$ref":"_parts/b.json"}}}`,
		"envelope.json":     `{}`,
		"_common.json":      `{"type":"string"}`,
		"_parts/b.json":     `{"type":"string"}`,
		"_unused.json":      `not a schema`,
		"a_b.json":          `{}`,
		"sub/_inner.json":   `{"type":5}`,
		"sub/inner_.json":   `{}`,
		"_/envelope.json":   `{}`,
		"__push.json":       `{}`,
		"under_score_.json": `{}`,
	}
	dir := tree(t, files)
	s := load(t, schemas.Config{Dir: dir})
	for typ, want := range map[string]string{
		"_common": "envelope.json", "_unused": "envelope.json", "_parts.b": "envelope.json", "_parts/b": "envelope.json",
		"sub._inner": "envelope.json", "__push": "envelope.json", "_": "envelope.json",
		"sub.inner_": "sub/inner_.json", "a_b": "a_b.json", "under_score_": "under_score_.json",
	} {
		if info, ok := s.Choose(typ); !ok || info.Schema != want {
			t.Errorf("%q: got %q, want %q", typ, info.Schema, want)
		}
	}
	if _, err := s.Validate("push", decode(t, `{"a":1,"b":"s"}`)); err == nil || err.Error() != "push.json: /a type" {
		t.Errorf("got %v, want what the part refuses", err)
	}
	if n := len(s.Schemas()); n != 5 {
		t.Errorf("got %d schemas, want 5: %+v", n, s.Schemas())
	}
	byRule := load(t, schemas.Config{Dir: dir, Rules: []schemas.Rule{{Type: "x", Schema: "_common.json"}}})
	if info, ok := byRule.Choose("x"); !ok || info.Schema != "_common.json" {
		t.Errorf("by a rule: got %+v, want _common.json", info)
	}
	_, err := schemas.Load(schemas.Config{Dir: tree(t, map[string]string{"_a.json": `{}`, "_b/c.json": `{}`})})
	if want := "schemas: the names of all files begin with _, so that they are for no type: rename one"; err == nil || err.Error() != want {
		t.Errorf("nothing but parts: got %v, want %q", err, want)
	}
}
