package bundled_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
)

// UPDATE_DOCS=1 writes the table of docs/bundled-schemas.md.
func TestPage(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "bundled-schemas.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- the table is checked by a test: UPDATE_DOCS=1 go test ./schemas/bundled -run TestPage -->\n", "<!-- end of the table -->\n"
	before, rest, ok := strings.Cut(string(data), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	want := "\n" + pageTable(t) + "\n"
	if table == want {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("%s does not say what there is: UPDATE_DOCS=1 go test ./schemas/bundled -run TestPage", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pageTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| provider | event types with a schema of their own | from |\n| --- | --- | --- |\n")
	for _, provider := range bundled.Providers() {
		if dir := bundled.Directory(provider); dir != provider {
			fmt.Fprintf(&b, "| `%s` | as `%s` | |\n", provider, dir)
			continue
		}
		fsys, _ := bundled.FS(provider)
		names, err := fs.Glob(fsys, "[^_]*.json")
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, name := range names {
			if name != "envelope.json" {
				types = append(types, "`"+strings.TrimSuffix(name, ".json")+"`")
			}
		}
		own := strings.Join(types, " ")
		if own == "" {
			own = "the envelope only"
		}
		fmt.Fprintf(&b, "| `%s` | %s | [documentation](%s) |\n", provider, own, source(t, fsys))
	}
	return b.String()
}

var comment = regexp.MustCompile(`^Source: (\S+)`)

// source returns the address that the envelope names.
func source(t *testing.T, fsys fs.FS) string {
	t.Helper()
	data, err := fs.ReadFile(fsys, "envelope.json")
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		Comment string `json:"$comment"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		t.Fatal(err)
	}
	m := comment.FindStringSubmatch(head.Comment)
	if m == nil {
		t.Fatalf("%q names no source", head.Comment)
	}
	return m[1]
}
