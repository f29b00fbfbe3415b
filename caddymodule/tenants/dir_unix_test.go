//go:build unix

package tenants

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func newDir(t *testing.T, root, template string) *Dir {
	t.Helper()
	tmpl, err := ParseTemplate(template)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDir(root, tmpl)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDir looks names up in a directory with everything that may be in it.
func TestDir(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "secrets")
	write(t, filepath.Join(root, "acme", "github"), "of acme\n", 0o644)
	write(t, filepath.Join(root, "acme", "empty"), "", 0o600)
	write(t, filepath.Join(root, "acme", "open"), "of anybody", 0o666)
	write(t, filepath.Join(root, "shared", "github"), "of anybody", 0o600)
	write(t, filepath.Join(root, "plain"), "no directory", 0o600)
	write(t, filepath.Join(root, "..data", "globex"), "of globex", 0o600)
	write(t, filepath.Join(base, "outside"), "of nobody", 0o600)
	if err := os.Chmod(filepath.Join(root, "shared"), 0o777); err != nil {
		t.Fatal(err)
	}
	link := func(target string, name ...string) {
		t.Helper()
		file := filepath.Join(append([]string{root}, name...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, file); err != nil {
			t.Fatal(err)
		}
	}
	link("../..data/globex", "globex", "github") // as Kubernetes mounts secrets
	link("../../outside", "mallory", "github")
	link(filepath.Join(base, "outside"), "mallory", "absolute")
	link("/", "whole")
	link("..", "above")
	link("nowhere", "acme", "dangling")
	link("loop", "loop")
	if err := syscall.Mkfifo(filepath.Join(root, "acme", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "acme", "directory"), 0o750); err != nil {
		t.Fatal(err)
	}
	d := newDir(t, root, "{tenant}/{source}")
	for _, test := range []struct{ tenant, source, want string }{
		{"acme", "github", "of acme\n"},
		{"acme", "empty", ""},
		{"globex", "github", "of globex"},
		{"acme", "stripe", "absent"},
		{"initech", "github", "absent"},
		{"plain", "github", "absent"},
		{"acme", "dangling", "absent"},
		{"acme", "open", "error"},
		{"shared", "github", "error"},
		{"mallory", "github", "error"},
		{"mallory", "absolute", "error"},
		{"whole", "etc", "error"},
		{"above", "outside", "error"},
		{"loop", "github", "error"},
		{"acme", "pipe", "error"},
		{"acme", "directory", "error"},
	} {
		data, err := d.Lookup(t.Context(), test.tenant, test.source)
		got := string(data)
		switch {
		case errors.Is(err, ErrNotThere):
			got = "absent"
		case err != nil:
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s/%s: %q (%v), want %q", test.tenant, test.source, got, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "of nobody") {
			t.Errorf("%s/%s: %v", test.tenant, test.source, err)
		}
	}
	// Without the directory nothing is known, and nobody is told that he is not.
	if err := os.Rename(root, root+".gone"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lookup(t.Context(), "acme", "github"); err == nil || errors.Is(err, ErrNotThere) {
		t.Errorf("without the directory: %v", err)
	}
	if d.Fresh() > 2*time.Second {
		t.Errorf("changes take %v", d.Fresh())
	}
}

func TestNewDir(t *testing.T) {
	base := t.TempDir()
	write(t, filepath.Join(base, "file"), "", 0o600)
	if err := os.Mkdir(filepath.Join(base, "open"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(base, "open"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ root, template, want string }{
		{"relative", "{tenant}", "not an absolute path"},
		{filepath.Join(base, "gone"), "{tenant}", "no such file"},
		{filepath.Join(base, "file"), "{tenant}", "not a directory"},
		{filepath.Join(base, "open"), "{tenant}", "everybody can write"},
		{base, "../{tenant}", "not a path below"},
		{base, "/{tenant}", "not a path below"},
		{base, "{tenant}/../{source}", "not a path below"},
		{base, "{tenant}//{source}", "not a path below"},
		{base, "{tenant}/", "not a path below"},
		{base, "", "not a path below"},
		{base, ".", "not a path below"},
	} {
		tmpl, err := ParseTemplate(test.template)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewDir(test.root, tmpl); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s: %v", test.root, test.template, err)
		}
	}
}
