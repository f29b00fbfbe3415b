package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

//go:generate go test -run TestReadme|TestPages -update

const pages = "../../docs/providers"

// TestPages compares the pages in docs/providers with the catalogue. With
// -update it writes them, and removes those that nobody needs any more.
func TestPages(t *testing.T) {
	t.Parallel()
	want := make(map[string]bool)
	for _, p := range providers.All() {
		var text bytes.Buffer
		described, err := cli.ProviderPage(&text, p)
		if err != nil {
			t.Fatal(err)
		}
		if !described {
			continue
		}
		file := filepath.Join(pages, p.Name+".md")
		want[file] = true
		have, err := os.ReadFile(file)
		if err == nil && bytes.Equal(have, text.Bytes()) {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the catalogue says: run `go generate ./...`", file)
			continue
		}
		if err := os.MkdirAll(pages, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(pages, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		switch {
		case want[file] || filepath.Base(file) == "README.md":
		case *update:
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s describes nobody in the catalogue: run `go generate ./...`", file)
		}
	}
}
