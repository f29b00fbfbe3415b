package caddymodule

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// maxCaptured is the longest secret that is kept, in bytes.
const maxCaptured = 4096

var (
	errNotDelivered = errors.New("the sender has not delivered its secret yet: set the webhook up at the sender")
	errNoSecretYet  = errors.New("the secret is not configured yet: enter the delivered code at the sender, and add the secret that it shows")
	errUnfitSecret  = fmt.Errorf("the delivered secret cannot be one: %w", verifiers.ErrMalformed)
)

// capturing serializes all that write secrets in this process: two configurations
// are alive during a reload.
var capturing sync.Mutex

// captured is the secret that a sender delivers in a handshake, kept in a file.
// It is what the route's verifier has for keys, before the configured ones; a
// code is only kept for the operator.
type captured struct {
	code  bool
	file  string
	fixed verifiers.Keys // of the configuration
	fits  func(*verifiers.Key) error
	log   *slog.Logger
	route string
	keys  atomic.Pointer[verifiers.Keys] // nil as long as there is no secret
}

// newCaptured reads the file, which need not exist yet. A file that does exist
// holds a secret that fits, or nothing.
func newCaptured(file string, code bool, fixed verifiers.Keys, fits func(*verifiers.Key) error, log *slog.Logger, route string) (*captured, error) {
	file, err := resolveSetting(file)
	if err != nil {
		return nil, fmt.Errorf("capture_secret: %w", err)
	}
	if !filepath.IsAbs(file) {
		return nil, fmt.Errorf("capture_secret: %q is not an absolute path: write one, such as /var/lib/caddy/secrets/asana", file)
	}
	info, err := os.Stat(filepath.Dir(file))
	if err != nil || !info.IsDir() {
		return nil, fmt.Errorf("capture_secret: the directory of %s does not exist: make it, writable for Caddy and for nobody else", file)
	}
	c := &captured{file: filepath.Clean(file), code: code, fixed: fixed, fits: fits, log: log, route: route}
	there, err := c.load()
	if err != nil {
		return nil, fmt.Errorf("capture_secret: %w", err)
	}
	if !there {
		log.Info("waiting for the sender to deliver its secret", "route", route, "file", c.file)
		return c, nil
	}
	if info, err := os.Stat(c.file); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read the captured secret: make the file readable for Caddy alone", "route", route, "file", c.file, "mode", info.Mode().Perm().String())
	}
	return c, nil
}

// Keys implements [verifiers.KeySource]. As long as there is no secret it looks
// for one that another gateway has written.
func (c *captured) Keys(context.Context, string) ([]*verifiers.Key, error) {
	if keys := c.keys.Load(); keys != nil {
		return *keys, nil
	}
	if c.code && len(c.fixed) > 0 {
		return c.fixed, nil
	}
	there, err := c.load()
	if err != nil {
		return nil, err
	}
	if keys := c.keys.Load(); keys != nil {
		return *keys, nil
	}
	switch {
	case len(c.fixed) > 0:
		return c.fixed, nil
	case there:
		return nil, errNoSecretYet
	}
	return nil, errNotDelivered
}

// load takes over what the file holds, and reports whether it holds anything.
func (c *captured) load() (bool, error) {
	secret, err := readSecret(c.file)
	if secret == "" || err != nil {
		return false, err
	}
	key, err := c.key(secret)
	if err != nil {
		return false, fmt.Errorf("%s: %w", c.file, err)
	}
	c.use(key)
	return true, nil
}

func (c *captured) key(secret string) (*verifiers.Key, error) {
	key, err := verifiers.NewKey(filepath.Base(c.file), []byte(secret))
	if err != nil {
		return nil, err
	}
	if c.code {
		return key, nil
	}
	return key, c.fits(key)
}

func (c *captured) use(key *verifiers.Key) {
	if c.code {
		return
	}
	keys := append(verifiers.Keys{key}, c.fixed...)
	c.keys.Store(&keys)
}

// Capture implements [gateway.Capturer].
func (c *captured) Capture(secret string) error {
	if len(secret) > maxCaptured || !utf8.ValidString(secret) || strings.ContainsFunc(secret, unicode.IsControl) {
		return errUnfitSecret
	}
	key, err := c.key(secret)
	if err != nil {
		return errUnfitSecret
	}
	capturing.Lock()
	defer capturing.Unlock()
	kept, err := readSecret(c.file)
	if err != nil {
		return err
	}
	if kept == "" {
		if err := writeSecret(c.file, secret); err != nil {
			return err
		}
		if kept, err = readSecret(c.file); err != nil { // another process may have been quicker
			return err
		}
		c.log.Info("the sender has delivered its secret, which is kept in the file", "route", c.route, "file", c.file)
	}
	if !sameText(kept, secret) {
		c.log.Warn("somebody has delivered another secret than the one that is kept, and was refused; "+
			"if you have set the webhook up again, remove the file first", "route", c.route, "file", c.file)
		return gateway.ErrOtherSecret
	}
	c.use(key)
	return nil
}

// configured takes a delivered secret for known if the configuration has it.
type configured [][sha256.Size]byte

// Capture implements [gateway.Capturer].
func (c configured) Capture(secret string) error {
	sum := sha256.Sum256([]byte(secret))
	known := 0
	for i := range c {
		known |= subtle.ConstantTimeCompare(c[i][:], sum[:])
	}
	if known == 1 {
		return nil
	}
	return gateway.ErrNotKept
}

func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// readSecret returns what the file holds, without one newline at its end; ""
// if there is no file or nothing in it.
func readSecret(file string) (string, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reading the captured secret: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("reading the captured secret: %s is not a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("reading the captured secret: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCaptured+2))
	if err != nil {
		return "", fmt.Errorf("reading the captured secret: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if len(text) > maxCaptured {
		return "", fmt.Errorf("reading the captured secret: %s is larger than %d bytes", file, maxCaptured)
	}
	return text, nil
}

// writeSecret makes the file with the secret, whole and on disk, unless there is
// one that is not empty.
func writeSecret(file, secret string) error {
	if err := replaceEmpty(file, secret); err != nil {
		return fmt.Errorf("keeping the delivered secret: %w", err)
	}
	return nil
}

func replaceEmpty(file, secret string) error {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, ".captured-*") // for the owner alone
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // it has another name, or is of no use
	_, err = tmp.WriteString(secret)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	// A link never replaces anything, whoever else writes at the same time.
	if err := os.Link(tmp.Name(), file); err != nil {
		if kept, err := readSecret(file); kept != "" || err != nil {
			return err
		}
		// The file is empty, or the file system has no links.
		if err := os.Rename(tmp.Name(), file); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// capture sets up what becomes of a secret that the sender delivers.
func (h *Handler) capture(cfg *gateway.Config, vcfg *verifiers.Config, p verifiers.Provider, keys verifiers.Keys) error {
	switch {
	case h.CaptureSecret == "" && delivers(p):
		var known configured
		for _, s := range h.Secrets {
			value, err := resolveSecret(s.Secret, h.InsecureLiteralSecret)
			if err != nil {
				return err
			}
			known = append(known, sha256.Sum256([]byte(value)))
		}
		cfg.Capturer = known
		return nil
	case h.CaptureSecret == "":
		return nil
	case !delivers(p):
		return fmt.Errorf("capture_secret: provider %s delivers no secret: remove capture_secret, and add the secret as {env.NAME} or {file./absolute/path}", p.Name)
	case h.NoHandshakes:
		return errors.New("capture_secret and handshake off contradict each other: remove one of them")
	}
	fits := func(key *verifiers.Key) error {
		alone := *vcfg
		alone.Keys = verifiers.Keys{key}
		_, err := p.New(alone)
		return err
	}
	c, err := newCaptured(h.CaptureSecret, deliversCode(p), keys, fits, h.log, h.label())
	if err != nil {
		return err
	}
	cfg.Capturer, cfg.Keys, vcfg.Keys = c, c, c
	return nil
}

// delivers reports whether the sender delivers its secret in a handshake.
func delivers(p verifiers.Provider) bool {
	return slices.ContainsFunc(p.Handshakes, func(h verifiers.Handshake) bool { return !h.Capture.IsZero() })
}

// deliversCode reports whether that is only a code.
func deliversCode(p verifiers.Provider) bool {
	return !slices.ContainsFunc(p.Handshakes, func(h verifiers.Handshake) bool { return !h.Capture.IsZero() && !h.Code })
}

var (
	_ verifiers.KeySource = (*captured)(nil)
	_ gateway.Capturer    = (*captured)(nil)
	_ gateway.Capturer    = configured(nil)
)
