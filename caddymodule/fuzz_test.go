package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

// FuzzDirective: whatever is written, parsing does not panic, what it accepts
// survives JSON, and no secret that is written out gets through.
func FuzzDirective(f *testing.F) {
	goldens, err := filepath.Glob("../integration/caddyfile_adapt/*.caddyfiletest")
	if err != nil || len(goldens) == 0 {
		f.Fatalf("got %d golden files (%v), want seeds", len(goldens), err)
	}
	for _, golden := range goldens {
		data, err := os.ReadFile(golden)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), "----------")
		if _, directive, ok := strings.Cut(input, "\twebhooks /"); ok {
			if _, rest, ok := strings.Cut(directive, " "); ok {
				f.Add("webhooks " + rest)
			}
		}
	}
	f.Fuzz(func(t *testing.T, input string) {
		h := new(caddymodule.Handler)
		if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser(input)); err != nil {
			return
		}
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatalf("writing JSON: %v", err)
		}
		again := new(caddymodule.Handler)
		if err := json.Unmarshal(data, again); err != nil {
			t.Fatalf("reading %s: %v", data, err)
		}
		for _, s := range again.Secrets {
			if !h.InsecureLiteralSecret && (!strings.HasPrefix(s.Secret, "{") || !strings.HasSuffix(s.Secret, "}")) {
				t.Errorf("got the secret %q accepted, want only placeholders", s.Secret)
			}
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, data) {
			t.Errorf("got %s (%v) after JSON, want %s", twice, err, data)
		}
	})
}
