package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWords keeps marks of unfinished work, and paths of one person's machine,
// out of the repository. The pattern is written in parts, so that this file does
// not match it.
func TestWords(t *testing.T) {
	t.Parallel()
	words := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b|(?:^|[^a-z0-9])/(home|Users|wo` + `rk|ro` + `ot)/[a-z]+/`)
	for _, name := range files(t) {
		switch filepath.Ext(name) {
		case ".json", ".sum", ".caddyfiletest": // others' texts, and what they become
			continue
		}
		data, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(data), "\n") {
			if m := words.FindString(line); m != "" {
				t.Errorf("%s:%d: got %q, want it nowhere in the repository", name, n+1, m)
			}
		}
	}
}
