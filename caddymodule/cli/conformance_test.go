package cli_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// TestCheckTable compares the table in docs/conformance.md with the checks. With
// -update it writes the table.
func TestCheckTable(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/conformance.md", "<!-- checks:begin -->\n", "<!-- checks:end -->"
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
	if err := cli.CheckTable(&want); err != nil {
		t.Fatal(err)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the checks: run `go test ./caddymodule/cli -run TestCheckTable -update`", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
