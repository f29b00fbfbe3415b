package cli_test

import (
	"bytes"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// TestCheckTable compares the table in docs/conformance.md with the checks. With
// -update it writes the table.
func TestCheckTable(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := cli.CheckTable(&want); err != nil {
		t.Fatal(err)
	}
	holdTable(t, "../../docs/conformance.md", "checks", want.String())
}
