package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestGenerate makes a key or a secret for each provider that can be signed for: the
// receiver takes what is printed, and the sender what is kept.
func TestGenerate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairs, secrets := 0, 0
	for _, p := range providers.All() {
		if signable(p) != nil || p.SecretHint == "" && !keyTypeOf(p).public() {
			continue
		}
		var out bytes.Buffer
		o := SendOptions{Provider: p.Name, JSON: true, URL: "http://127.0.0.1/"}
		file := filepath.Join(dir, p.Name+".pem")
		if keyTypeOf(p).public() {
			pairs++
			if err := GenerateSecret(o, &out); !errors.Is(err, ErrUsage) || out.Len() > 0 {
				t.Errorf("%s: a secret: got %v", p.Name, err)
			}
			if err := GenerateKey(o, file, &out); err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			o.SecretFile = file
		} else {
			secrets++
			if err := GenerateKey(o, file, &out); !errors.Is(err, ErrUsage) || out.Len() > 0 {
				t.Errorf("%s: a key: got %v", p.Name, err)
			}
			if err := GenerateSecret(o, &out); err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
		}
		var g Generated
		if err := json.Unmarshal(out.Bytes(), &g); err != nil {
			t.Fatal(err)
		}
		if g.Variable != "" {
			if !strings.Contains(g.Caddyfile, "{env."+g.Variable+"}") {
				t.Errorf("%s: %q does not name %s", p.Name, g.Caddyfile, g.Variable)
			}
			if _, err := receiverOf(p, g.Value); err != nil {
				t.Errorf("%s: the receiver: %v", p.Name, err)
			}
		}
		o.Getenv = func(name string) string { return map[string]string{g.Variable: g.Value}[name] }
		if _, err := secretKey(p, &o); err != nil {
			t.Errorf("%s: the sender: %v", p.Name, err)
		}
	}
	if pairs < 12 || secrets < 200 {
		t.Errorf("%d pairs of keys and %d secrets were tried, which is too few", pairs, secrets)
	}
}

// receiverOf makes a receiver with the text of a key, as the gateway does.
func receiverOf(p verifiers.Provider, text string) (verifiers.Verifier, error) {
	key, err := verifiers.NewKey("k", []byte(text))
	if err != nil {
		return nil, err
	}
	return p.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: exampleOptions(p)})
}

func TestWriteNew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := writeNew(file, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file for its owner alone", info, err)
	}
	if err := writeNew(file, []byte("b"), 0o600); !errors.Is(err, ErrUsage) {
		t.Errorf("got %v, want that it exists", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "a" {
		t.Errorf("got %q, %v: it was overwritten", text, err)
	}
	if err := writeNew(filepath.Join(file, "x"), nil, 0o600); !errors.Is(err, ErrUsage) {
		t.Errorf("got %v, want that there is no such directory", err)
	}
}
