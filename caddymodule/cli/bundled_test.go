package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// What send makes fits the schemas that come with the program, so that a route
// with them can be tried out.
func TestSendFitsBundledSchemas(t *testing.T) {
	t.Parallel()
	n := 0
	for _, name := range sampled {
		fsys, ok := bundled.FS(name)
		p, known := providers.Lookup(name)
		if !ok || !known || notSendable[name] != nil {
			continue
		}
		n++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := schemas.Load(schemas.Config{FS: fsys, Name: "bundled/" + name})
			if err != nil {
				t.Fatal(err)
			}
			var got *verifiers.Request
			s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = &verifiers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body}
			}))
			defer s.Close()
			_, file := keys(t, p)
			o := cli.SendOptions{Provider: name, URL: s.URL, Getenv: environment, SecretFile: file}
			if err := cli.Send(t.Context(), o, io.Discard); err != nil {
				t.Fatal(err)
			}
			eventType, _ := p.Type.Lookup(got) // some have none
			if _, err := set.Validate(eventType, payloadOf(t, got)); err != nil {
				t.Errorf("%s: %v", eventType, err)
			}
		})
	}
	if n < 8 {
		t.Errorf("%d providers have a sample and schemas, want 8 or more", n)
	}
}

// payloadOf is what a gateway hands to a schema.
func payloadOf(t *testing.T, r *verifiers.Request) any {
	t.Helper()
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		fields, err := r.Form()
		if err != nil {
			t.Fatal(err)
		}
		object := map[string]any{}
		for name := range fields {
			object[name] = fields.Get(name)
		}
		return object
	}
	dec := json.NewDecoder(bytes.NewReader(r.Body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
