package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
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

// TestNotInCatalogue: a sender that joins the catalogue leaves the list of those
// that are not in it.
func TestNotInCatalogue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(pages, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`(?m)^\| \[([^\]]+)\]\((https://[^)]+)\) \| (.+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(listed) == 0 {
		t.Fatal("nobody is listed")
	}
	seen := make(map[string]bool)
	for _, row := range listed {
		if seen[row[1]] {
			t.Errorf("%s is listed twice", row[1])
		}
		seen[row[1]] = true
	}
	for _, p := range providers.All() {
		if seen[p.Title] {
			t.Errorf("%s is in the catalogue, and listed as not in it", p.Title)
		}
	}
}
