package caddymodule

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const delivered1, delivered2 = "a-delivered-secret-5510c2", "another-delivered-secret-77d0"

func anyKey(*verifiers.Key) error { return nil }

func newTestCaptured(t *testing.T, file string, fixed verifiers.Keys) (*captured, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	c, err := newCaptured(file, false, fixed, anyKey, slog.New(slog.NewTextHandler(&out, nil)), `"r"`)
	if err != nil {
		t.Fatal(err)
	}
	return c, &out
}

// holds checks what is on disk, and that nothing else is.
func holds(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v, want the file alone", entries, err)
	}
}

func keyIDs(t *testing.T, c *captured) string {
	t.Helper()
	keys, err := c.Keys(t.Context(), "")
	if err != nil {
		return err.Error()
	}
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID())
	}
	return strings.Join(ids, " ")
}

func TestCapture(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"no file", "empty file", "file with a newline"} {
		t.Run(before, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "asana")
			if text, there := map[string]string{"empty file": "", "file with a newline": "\n"}[before]; there {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			c, out := newTestCaptured(t, file, nil)
			if got := keyIDs(t, c); got != errNotDelivered.Error() {
				t.Errorf("before: got %q", got)
			}
			if err := c.Capture(delivered1); err != nil {
				t.Fatal(err)
			}
			holds(t, file, delivered1)
			if got := keyIDs(t, c); got != "asana" {
				t.Errorf("got keys %q", got)
			}
			if err := c.Capture(delivered1); err != nil {
				t.Errorf("again: got %v", err)
			}
			if err := c.Capture(delivered2); !errors.Is(err, gateway.ErrOtherSecret) {
				t.Errorf("another: got %v", err)
			}
			holds(t, file, delivered1)
			if text := out.String(); !strings.Contains(text, file) || strings.Contains(text, delivered1) || strings.Contains(text, delivered2) {
				t.Errorf("got the log %q", text)
			}

			// A reload, and another gateway.
			again, _ := newTestCaptured(t, file, nil)
			if got := keyIDs(t, again); got != "asana" {
				t.Errorf("after a reload: got keys %q", got)
			}
			// Who may remove the file may let another secret in.
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := c.Capture(delivered2); err != nil {
				t.Errorf("after removal: got %v", err)
			}
			holds(t, file, delivered2)
		})
	}
}

// TestCaptureElsewhere: what another gateway captures counts here without a
// reload, and configured secrets hold all the time.
func TestCaptureElsewhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	old, err := verifiers.NewKey("old", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := newTestCaptured(t, file, nil)
	b, _ := newTestCaptured(t, file, verifiers.Keys{old})
	if got := keyIDs(t, b); got != "old" {
		t.Errorf("before: got %q", got)
	}
	if err := a.Capture(delivered1); err != nil {
		t.Fatal(err)
	}
	if err := b.Capture(delivered2); !errors.Is(err, gateway.ErrOtherSecret) {
		t.Errorf("got %v, want the other gateway's to stand", err)
	}
	if got := keyIDs(t, b); got != "s old" {
		t.Errorf("got %q, want the captured one first", got)
	}
	holds(t, file, delivered1)
}

// TestCapturedCode: a code is kept and is no key.
func TestCapturedCode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	unfit := func(*verifiers.Key) error { return verifiers.ErrKeyFormat }
	c, err := newCaptured(file, true, nil, unfit, slog.New(slog.DiscardHandler), "r")
	if err != nil {
		t.Fatal(err)
	}
	if got := keyIDs(t, c); got != errNotDelivered.Error() {
		t.Errorf("before: got %q", got)
	}
	if err := c.Capture("c0de"); err != nil {
		t.Fatal(err)
	}
	holds(t, file, "c0de")
	if got := keyIDs(t, c); got != errNoSecretYet.Error() {
		t.Errorf("after: got %q", got)
	}
	if err := c.Capture("other"); !errors.Is(err, gateway.ErrOtherSecret) {
		t.Errorf("another: got %v", err)
	}
	key, err := verifiers.NewKey("auth", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = newCaptured(file, true, verifiers.Keys{key}, unfit, slog.New(slog.DiscardHandler), "r"); err != nil {
		t.Fatal(err)
	}
	if got := keyIDs(t, c); got != "auth" {
		t.Errorf("with a secret: got keys %q", got)
	}
}

func TestOneOfManyIsCaptured(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []string
	for i := range 16 {
		c, _ := newTestCaptured(t, file, nil)
		wg.Go(func() {
			secret := fmt.Sprint(delivered1, i)
			switch err := c.Capture(secret); {
			case err == nil:
				mu.Lock()
				won = append(won, secret)
				mu.Unlock()
			case !errors.Is(err, gateway.ErrOtherSecret):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("got %d secrets kept, want 1", len(won))
	}
	holds(t, file, won[0])
}

// TestCaptureNeverReplaces: another process may write between our look and our
// writing.
func TestCaptureNeverReplaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte(delivered1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeSecret(file, delivered2); err != nil {
		t.Fatal(err)
	}
	holds(t, file, delivered1)
}

func TestUnfitSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	c, _ := newTestCaptured(t, file, nil)
	for _, s := range []string{" x", "x\n", "a\x00b", "a\xff", strings.Repeat("x", maxCaptured+1), "", "  "} {
		if err := c.Capture(s); !errors.Is(err, verifiers.ErrMalformed) || strings.Contains(err.Error(), "xxx") {
			t.Errorf("%.10q: got %v, want ErrMalformed", s, err)
		}
	}
	c.fits = func(*verifiers.Key) error { return verifiers.ErrKeyFormat }
	if err := c.Capture(delivered1); !errors.Is(err, verifiers.ErrMalformed) {
		t.Errorf("got %v, want a secret refused that the scheme cannot use", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("an unfit secret was written")
	}
	c.fits = anyKey
	if err := c.Capture(strings.Repeat("x", maxCaptured)); err != nil {
		t.Errorf("the longest: got %v", err)
	}
}

func TestCaptureLoadErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for file, want := range map[string]string{
		"relative/path":                 "not an absolute path",
		filepath.Join(dir, "none", "s"): "does not exist",
		"/{http.request.host}":          "depends on the request",
		dir:                             "not a regular file",
		write("padded", delivered1+" "): "white space",
		write("unfit", "bad"):           "the key does not have the expected format",
		write("large", strings.Repeat("x", maxCaptured+1)): "larger than",
	} {
		fits := func(k *verifiers.Key) error {
			if k.ID() == "unfit" {
				return verifiers.ErrKeyFormat
			}
			return nil
		}
		_, err := newCaptured(file, false, nil, fits, slog.New(slog.DiscardHandler), "r")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "capture_secret: ") || strings.Contains(err.Error(), delivered1) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
	var out bytes.Buffer
	open := write("open", delivered1)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := newCaptured(open, false, nil, anyKey, slog.New(slog.NewTextHandler(&out, nil)), "r"); err != nil || !strings.Contains(out.String(), "others can read") {
		t.Errorf("got %v, %q, want a warning", err, out.String())
	}
}

func TestConfiguredSecretIsKnown(t *testing.T) {
	t.Parallel()
	c := configured{sha256.Sum256([]byte("other")), sha256.Sum256([]byte(delivered1))}
	if err := c.Capture(delivered1); err != nil {
		t.Errorf("got %v", err)
	}
	for _, s := range []string{delivered2, "", delivered1[1:]} {
		if err := c.Capture(s); !errors.Is(err, gateway.ErrNotKept) {
			t.Errorf("%q: got %v", s, err)
		}
	}
	if err := configured(nil).Capture(""); !errors.Is(err, gateway.ErrNotKept) {
		t.Errorf("nothing configured: got %v", err)
	}
}
