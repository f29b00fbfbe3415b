package cli_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

var update = flag.Bool("update", false, "write the table of providers into README.md")

// TestReadme compares the table in README.md with the catalogue.
func TestReadme(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../README.md", "<!-- providers:begin -->\n", "<!-- providers:end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table, between %q and %q", file, begin, end)
	}
	var want bytes.Buffer
	if err := cli.ProviderTable(&want); err != nil {
		t.Fatal(err)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the catalogue: run `go test ./caddymodule/cli -run TestReadme -update`\ngot\n%s\nwant\n%s", file, got, want.String())
	}
	if err := os.WriteFile(file, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
