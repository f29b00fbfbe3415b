package caddymodule

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResolveSecret is about every way in which a secret can silently become
// another, or nothing.
func TestResolveSecret(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + path + "}"
	}
	t.Setenv("CM_SECRET", "from the environment")
	t.Setenv("CM_EMPTY", "")
	t.Setenv("CM_BLANK", "  ")
	t.Setenv("CM_PADDED", " secret")
	for _, tt := range []struct {
		name, in, want string
		literal        bool
		err            error
	}{
		{name: "environment", in: "{env.CM_SECRET}", want: "from the environment"},
		{name: "file", in: file("plain", "secret"), want: "secret"},
		{name: "file with a newline", in: file("newline", "secret\n"), want: "secret"},
		{name: "file with two newlines", in: file("newlines", "secret\n\n"), err: ErrPaddedSecret},
		{name: "file with a space", in: file("space", "secret \n"), err: ErrPaddedSecret},
		{name: "empty file", in: file("empty", ""), err: ErrNoSecret},
		{name: "file of one newline", in: file("blank", "\n"), err: ErrNoSecret},
		{name: "no file", in: "{file./nope}", err: ErrNoSecret},
		{name: "no variable", in: "{env.CM_NOPE}", err: ErrNoSecret},
		{name: "empty variable", in: "{env.CM_EMPTY}", err: ErrNoSecret},
		{name: "blank variable", in: "{env.CM_BLANK}", err: ErrNoSecret},
		{name: "padded variable", in: "{env.CM_PADDED}", err: ErrPaddedSecret},
		{name: "unknown placeholder", in: "{nope.x}", err: ErrNoSecret},
		{name: "empty", in: "", err: ErrNoSecret},
		{name: "request", in: "{http.request.uri.path.file.stripe}", err: ErrRequestSecret},
		{name: "request beside a literal", in: "x{http.request.header.X}", err: ErrRequestSecret, literal: true},
		{name: "time", in: "{time.now.unix}", err: ErrRequestSecret},
		{name: "host", in: "{system.hostname}", err: ErrRequestSecret},
		{name: "literal", in: "super-secret", err: ErrLiteralSecret},
		{name: "half a literal", in: "prefix{env.CM_SECRET}", err: ErrLiteralSecret},
		{name: "two placeholders", in: "{env.CM_SECRET}{env.CM_SECRET}", err: ErrLiteralSecret},
		{name: "permitted literal", in: "super-secret", literal: true, want: "super-secret"},
		{name: "permitted and missing", in: "{env.CM_NOPE}", literal: true, err: ErrNoSecret},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolveSecret(tt.in, tt.literal)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "super-secret") {
				t.Errorf("got the error %q, want one that does not show the secret", err)
			}
		})
	}
	t.Run("the cause of an unreadable file is told", func(t *testing.T) {
		if _, err := resolveSecret("{file."+dir+"/nope}", false); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want an error that says that the file does not exist", err)
		}
	})
}

func TestSecretID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"{env.STRIPE_2026}":              "STRIPE_2026",
		"{file./run/secrets/stripe_new}": "stripe_new",
		`{file.C:\secrets\stripe}`:       "stripe",
		"{vault.kv.stripe}":              "vault.kv.stripe",
		"a literal":                      "key-3",
	} {
		if got := secretID(in, 2); got != want {
			t.Errorf("secretID(%q): got %q, want %q", in, got, want)
		}
	}
}
