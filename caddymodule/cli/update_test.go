package cli_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

var update = flag.Bool("update", false, "write the tables of providers and of checks into README.md and docs/conformance.md")

// TestReadme compares the table in README.md with the catalogue.
func TestReadme(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := cli.ProviderTable(&want); err != nil {
		t.Fatal(err)
	}
	holdTable(t, "../../README.md", "providers", want.String())
}

// holdTable wants what stands in a page between the comments name:begin and name:end
// to be this table, or with -update writes it there.
func holdTable(t *testing.T, file, name, want string) {
	t.Helper()
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table, between %q and %q", file, begin, end)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the code: run `go test ./caddymodule/cli -run %s -update`\ngot\n%s\nwant\n%s", file, t.Name(), got, want)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
