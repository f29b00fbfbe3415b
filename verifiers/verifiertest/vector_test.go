package verifiertest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]string{
		"vector.schema.json": "vectors/*.json", "handshake.schema.json": "handshakes/*.json",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkSchema(t, name, files)
		})
	}
}

func checkSchema(t *testing.T, name, pattern string) {
	t.Helper()
	text, err := fs.ReadFile(verifiertest.Vectors, name)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(name, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(verifiertest.Vectors, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("got %d files, %v", len(names), err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(verifiertest.Vectors, name)
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(file); err != nil {
			t.Errorf("%s: %#v", name, err)
		}
		file["tests"].([]any)[0].(map[string]any)["extra"] = true
		if err := schema.Validate(file); err == nil {
			t.Errorf("%s: a member that does not exist is accepted", name)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	const good = `{"schema":"vector.schema.json","provider":"acme","source":"https://example.com","tests":[
		{"id":1,"comment":"c","origin":"self","flags":["Valid"],"now":"2026-01-02T03:04:05Z",
		"request":{"method":"POST","url":"https://example.com/","header":{"X-Sig":["a"]},"body":"b"},"want":{"result":"ok"}}]}`
	tests := []struct {
		name, old, new string
		err            string // "" if it loads
	}{
		{"good", "", "", ""},
		{"no tests", good[strings.Index(good, `{"id"`):strings.LastIndex(good, "]}")], "", "no vectors"},
		{"unknown member", `"comment"`, `"remark"`, "unknown field"},
		{"something after it", `"ok"}}]}`, `"ok"}}]}{}`, "something follows"},
		{"another provider", `"acme"`, `"other"`, "the provider is"},
		{"ids with a gap", `"id":1`, `"id":2`, "has the id 2"},
		{"no result", `"ok"`, `""`, "lacks"},
		{"no clock", `"now":"2026-01-02T03:04:05Z",`, ``, "lacks"},
		{"no flags", `["Valid"]`, `[]`, "lacks"},
		{"unknown origin", `"self"`, `"rumour"`, "origin"},
		{"foreign without a source", `"self"`, `"captured"`, "origin and source"},
		{"own with a source", `"self",`, `"self","source":"x",`, "origin and source"},
		{"header as on the wire", `X-Sig`, `x-sig`, "must be written X-Sig"},
		{"relative URL", `"https://example.com/"`, `"/"`, "not absolute"},
		{"two bodies", `"body":"b"`, `"body":"b","bodyBase64":"Yg=="`, "both body"},
		{"bad base64", `"body":"b"`, `"bodyBase64":"Yg"`, "base64"},
		{"not JSON", `{"schema"`, `"schema"`, "loading"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := good
			if tt.old != "" {
				if text = strings.Replace(good, tt.old, tt.new, 1); text == good {
					t.Fatal("the case changes nothing")
				}
			}
			suites, err := verifiertest.Load(fstest.MapFS{"vectors/acme.json": {Data: []byte(text)}})
			switch {
			case tt.err == "" && (err != nil || len(suites) != 1):
				t.Errorf("got %v, %v", suites, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want an error with %q", err, tt.err)
			}
		})
	}
	if _, err := verifiertest.Load(fstest.MapFS{}); !errors.Is(err, verifiertest.ErrEmpty) {
		t.Errorf("an empty directory: got %v, want %v", err, verifiertest.ErrEmpty)
	}
}

func TestLoadHandshakes(t *testing.T) {
	t.Parallel()
	const good = `{"schema":"handshake.schema.json","provider":"acme","source":"https://example.com","tests":[
		{"id":1,"comment":"c","now":"2026-01-02T03:04:05Z",
		"request":{"method":"POST","url":"https://example.com/","header":{"X-Sig":["a"]},"body":"b"},
		"want":{"result":"ok","handshake":"ping","status":200}}]}`
	for _, tt := range []struct {
		name, old, new string
		err            string // "" if it loads
	}{
		{"good", "", "", ""},
		{"no tests", good[strings.Index(good, `{"id"`):strings.LastIndex(good, "]}")], "", "no vectors"},
		{"unknown member", `"comment"`, `"remark"`, "unknown field"},
		{"something after it", `200}}]}`, `200}}]}{}`, "something follows"},
		{"another provider", `"acme"`, `"other"`, "the provider is"},
		{"ids with a gap", `"id":1`, `"id":2`, "has the id 2"},
		{"no result", `"ok"`, `""`, "lacks"},
		{"no clock", `"now":"2026-01-02T03:04:05Z",`, ``, "lacks"},
		{"an answer without a status", `,"status":200`, ``, "contradicts"},
		{"a refusal with a status", `"ok"`, `"mismatch"`, "contradicts"},
		{"a handshake without a name", `"handshake":"ping",`, ``, "contradicts"},
		{"an event with a name", `"ok","handshake":"ping","status":200`, `"none","handshake":"ping"`, "contradicts"},
		{"header as on the wire", `X-Sig`, `x-sig`, "must be written X-Sig"},
		{"not JSON", `{"schema"`, `"schema"`, "loading"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := good
			if tt.old != "" {
				if text = strings.Replace(good, tt.old, tt.new, 1); text == good {
					t.Fatal("the case changes nothing")
				}
			}
			suites, err := verifiertest.LoadHandshakes(fstest.MapFS{"handshakes/acme.json": {Data: []byte(text)}})
			switch {
			case tt.err == "" && (err != nil || len(suites) != 1):
				t.Errorf("got %v, %v", suites, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want an error with %q", err, tt.err)
			}
		})
	}
	if _, err := verifiertest.LoadHandshakes(fstest.MapFS{}); !errors.Is(err, verifiertest.ErrEmpty) {
		t.Errorf("an empty directory: got %v, want %v", err, verifiertest.ErrEmpty)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	d := verifiertest.Documents{"https://a.example/x": "x"}
	pin := verifiers.Pin{Hosts: []string{"a.example"}}
	if doc, err := d.Fetch(t.Context(), pin, "https://a.example/x"); string(doc) != "x" || err != nil {
		t.Errorf("got %q, %v", doc, err)
	}
	if _, err := d.Fetch(t.Context(), pin, "https://a.example/y"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := d.Fetch(t.Context(), verifiers.Pin{Hosts: []string{"b.example"}}, "https://a.example/x"); !errors.Is(err, verifiers.ErrUntrusted) {
		t.Errorf("got %v, want %v", err, verifiers.ErrUntrusted)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	if got := verifiertest.Clock(now)(); !got.Equal(now) {
		t.Errorf("got %v, want %v", got, now)
	}
}
