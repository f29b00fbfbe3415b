package caddymodule

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Errors of secrets in a configuration. They are wrapped with the place and the
// placeholder, never with the value.
var (
	// ErrLiteralSecret: a secret is written out.
	ErrLiteralSecret = errors.New("a secret must not be written out in the configuration: " +
		"write {env.NAME} or {file./absolute/path}")
	// ErrRequestSecret: a secret would come from the request, the clock or the
	// host's name.
	ErrRequestSecret = errors.New("a secret must not depend on the request, the time or the host: write {env.NAME} or {file./absolute/path}; " +
		"{file.name} without a slash means a part of the request's path")
	// ErrNoSecret: a placeholder has no value.
	ErrNoSecret = errors.New("the secret has no value: set the environment variable, " +
		"or put the secret into the file and make it readable for Caddy")
	// ErrPaddedSecret: white space before or after a secret.
	ErrPaddedSecret = errors.New("the secret begins or ends with white space: " +
		"remove it (one newline at the end of a file is fine)")
)

// Secret names one secret, or one public key, of a sender.
type Secret struct {
	// The placeholder that stands for the secret: `{env.NAME}` for an
	// environment variable, `{file./absolute/path}` for the content of a file,
	// without one newline at its end. It is read once, when the configuration is
	// loaded; a secret that is missing or empty does not load. Anything but a
	// placeholder is refused unless `insecure_literal_secret` is set, because a
	// configuration is stored, shown by the admin API, and copied.
	Secret string `json:"secret"`
	// A name for the secret, which consumers see in `ce-whkeyid` and which the
	// log shows, so that you know when an old secret is not used any more.
	// Default: the name of the environment variable or of the file. Never put
	// the secret itself here.
	ID string `json:"id,omitempty"`
	// When the secret ends, in RFC 3339, for the old one of a rotation. From
	// then on it fits nothing. Default: never.
	Until time.Time `json:"until,omitzero"`
}

// key resolves the secret. The position names a literal.
func (s Secret) key(literal bool, position int) (*verifiers.Key, error) {
	value, err := resolveSecret(s.Secret, literal)
	if err != nil {
		return nil, err
	}
	key, err := verifiers.NewKey(s.keyID(position), []byte(value))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", secretLabel(s.Secret), err)
	}
	if !s.Until.IsZero() {
		key = key.Until(s.Until)
	}
	return key, nil
}

// keyID names the key that is made of the secret.
func (s Secret) keyID(position int) string {
	if s.ID != "" {
		return s.ID
	}
	return secretID(s.Secret, position)
}

// resolveSecret returns what the placeholder stands for. [caddy.Replacer.ReplaceAll]
// must never be used for it: it makes an empty key of a missing secret.
func resolveSecret(s string, literal bool) (string, error) {
	if err := checkSecretReference(s); err != nil {
		if !errors.Is(err, ErrLiteralSecret) || !literal {
			return "", err
		}
		return s, nil
	}
	label := secretLabel(s)
	value, err := caddy.NewReplacer().ReplaceOrErr(s, true, true)
	if err != nil {
		if file, ok := strings.CutPrefix(strings.Trim(s, "{}"), "file."); ok {
			if _, statErr := os.Stat(file); statErr != nil {
				return "", fmt.Errorf("%s: %w: %w", label, ErrNoSecret, statErr)
			}
		}
		return "", fmt.Errorf("%s: %w", label, ErrNoSecret)
	}
	switch trimmed := strings.TrimSpace(value); {
	case trimmed == "":
		return "", fmt.Errorf("%s: %w", label, ErrNoSecret)
	case trimmed != value:
		return "", fmt.Errorf("%s: %w", label, ErrPaddedSecret)
	}
	return value, nil
}

// checkSecretReference reports what can be seen without resolving. The error
// holds s only where it is a placeholder.
func checkSecretReference(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return ErrNoSecret
	case strings.Contains(s, "{http."):
		return fmt.Errorf("%s: %w", secretLabel(s), ErrRequestSecret)
	case !isPlaceholder(s):
		return ErrLiteralSecret
	}
	for _, group := range []string{"time.", "system.", "vars.", "webhooks."} {
		if strings.HasPrefix(s, "{"+group) {
			return fmt.Errorf("%s: %w", s, ErrRequestSecret)
		}
	}
	return nil
}

// isPlaceholder reports whether s is exactly one placeholder.
func isPlaceholder(s string) bool {
	return len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' && !strings.ContainsAny(s[1:len(s)-1], "{}\n")
}

// secretLabel names the secret in an error.
func secretLabel(s string) string {
	if isPlaceholder(s) {
		return s
	}
	return "secret"
}

// secretID is the id of a secret that the operator has not named.
func secretID(s string, position int) string {
	if !isPlaceholder(s) {
		return fmt.Sprintf("key-%d", position+1)
	}
	name := s[1 : len(s)-1]
	if file, ok := strings.CutPrefix(name, "file."); ok {
		return path.Base(strings.ReplaceAll(file, `\`, "/"))
	}
	return strings.TrimPrefix(name, "env.")
}

// resolveSetting replaces the global placeholders in a setting that is not a
// secret. A placeholder without a value is an error.
func resolveSetting(s string) (string, error) {
	if strings.Contains(s, "{http.") {
		return "", fmt.Errorf("%q depends on the request: write a value, {env.NAME} or {file./absolute/path}", s)
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(s, true, true)
	if err != nil {
		return "", fmt.Errorf("%q: %w", s, err)
	}
	return value, nil
}
