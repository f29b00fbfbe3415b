package integration

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// files returns the files of the repository, relative to its root: what Git
// knows, or, in an unpacked archive, what is there. Untracked files, such as the
// binary that xcaddy.sh builds, are nobody's business.
func files(t *testing.T) []string {
	t.Helper()
	if _, err := os.Stat("../.git"); err == nil {
		cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
		cmd.Dir = ".."
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git ls-files: %v", err)
		}
		return existing(strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"))
	}
	var found []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"dist", ".webhooks"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || path == filepath.Join("..", "caddy"):
			return nil
		}
		name, err := filepath.Rel("..", path)
		found = append(found, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// existing leaves out what has been removed and not yet committed.
func existing(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := os.Lstat(filepath.Join("..", name))
		return err != nil
	})
}

// TestTopLevel: a place for everything. What is new at the top belongs into one
// of these, or is a decision.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	required := []string{
		"caddymodule", "verifiers", "schemas", "integration", "docs",
		"Caddyfile.example", "xcaddy.sh", "go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md",
	}
	permitted := append([]string{"deploy"}, required...)
	top := map[string]bool{}
	for _, name := range files(t) {
		first, _, _ := strings.Cut(name, "/")
		top[first] = true
	}
	for _, name := range required {
		if !top[name] {
			t.Errorf("got no %s at the top of the repository", name)
		}
	}
	for name := range top {
		if !strings.HasPrefix(name, ".") && !slices.Contains(permitted, name) {
			t.Errorf("got %s at the top of the repository, want it in one of %v", name, permitted)
		}
	}
}

// TestGoFiles: files that a reader can hold in mind, and generated ones that say
// so in their names.
func TestGoFiles(t *testing.T) {
	t.Parallel()
	const longest = 700
	generated := regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
	seen := 0
	for _, name := range files(t) {
		if filepath.Ext(name) != ".go" {
			continue
		}
		seen++
		data, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := generated.Match(data), strings.HasPrefix(filepath.Base(name), "zz_gen_"); got != want {
			t.Errorf("%s: generated is %v, and the name says %v; generated files are named zz_gen_*", name, got, want)
		}
		if lines := bytes.Count(data, []byte("\n")); lines > longest && !generated.Match(data) {
			t.Errorf("%s: got %d lines, want at most %d: one concern for each file", name, lines, longest)
		}
	}
	if seen < 100 {
		t.Fatalf("got %d Go files, want all of them", seen)
	}
}

// described are providers whose scheme the operator describes, so that nothing
// can be recorded of them.
var described = []string{"generic", "hmac"}

// TestProvidersHaveVectors: a sender counts as known when something that was not
// made by us says that we read it rightly.
func TestProvidersHaveVectors(t *testing.T) {
	t.Parallel()
	all := providers.All()
	if len(all) < 12 {
		t.Fatalf("got %d providers, want all of them", len(all))
	}
	for _, p := range all {
		if slices.Contains(described, p.Name) {
			continue
		}
		data, err := os.ReadFile(filepath.Join("..", "verifiers", "verifiertest", "vectors", p.Name+".json"))
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		var vectors struct {
			Provider string
			Tests    []struct {
				Origin string
				Want   struct{ Result string }
			}
		}
		if err := json.Unmarshal(data, &vectors); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		var accepted, refused, foreign bool
		for _, v := range vectors.Tests {
			accepted = accepted || v.Want.Result == "ok"
			refused = refused || v.Want.Result != "ok"
			foreign = foreign || v.Want.Result == "ok" && v.Origin != "self"
		}
		if vectors.Provider != p.Name || !accepted || !refused || !foreign {
			t.Errorf("%s: vectors for %q: accepted %v, refused %v, not made by us %v; want all of them",
				p.Name, vectors.Provider, accepted, refused, foreign)
		}
	}
}

// TestProviderFiles: one file for each sender, so that a change for one cannot
// touch another.
func TestProviderFiles(t *testing.T) {
	t.Parallel()
	entry := regexp.MustCompile(`(?m)= add\(`)
	entries := 0
	for _, name := range files(t) {
		if filepath.ToSlash(filepath.Dir(name)) != "verifiers/providers" || filepath.Ext(name) != ".go" {
			continue
		}
		data, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		n := len(entry.FindAll(data, -1))
		entries += n
		if n > 1 && filepath.Base(name) != "hmac.go" {
			t.Errorf("%s: got %d providers, want one for each file", name, n)
		}
	}
	if want := len(providers.All()); entries != want {
		t.Errorf("got %d providers in the files, want the %d of the catalogue", entries, want)
	}
}
