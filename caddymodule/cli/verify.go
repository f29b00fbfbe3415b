package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli/internal/capture"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// CaptureFormats are the values of [VerifyOptions].Format.
var CaptureFormats = []string{string(capture.Raw), string(capture.HAR), string(capture.Curl), string(capture.JSON)}

// VerifyOptions say what [Verify] judges.
type VerifyOptions struct {
	// Provider is a name or an alias of the catalogue.
	Provider string
	// File has the captured request; "-" or empty is Stdin.
	File  string
	Stdin io.Reader
	// Format is one of [CaptureFormats]; empty means that it is recognised.
	Format string
	// Entry is the number of the request in a capture of several, from 1 on; 0 means
	// all of them.
	Entry int
	// AllowFiles lets files be read that a curl command line names.
	AllowFiles bool
	// At is the time as of which the signature is judged: "now", "signed" or in
	// RFC 3339. Empty means the time of the capture, if it has one, else "signed".
	At string
	// Tolerance replaces the provider's replay window; 0 means the provider's.
	Tolerance time.Duration
	// PublicURL is that of the gateway's configuration: scheme and host, and what a
	// proxy takes off the path.
	PublicURL string
	// SecretEnvs are environment variables and SecretFiles files with secrets or
	// public keys. Getenv reads the environment; nil means os.Getenv.
	SecretEnvs, SecretFiles []string
	Getenv                  func(string) string
	// Options are the provider's, "name=value", and OptionEnvs those whose values
	// are in environment variables, "name=VARIABLE".
	Options, OptionEnvs []string
	// Describe is how the sender "hmac" signs.
	Describe HMACOptions
	// Fetcher gets the keys that a sender publishes. Nil means that none are got.
	Fetcher verifiers.Fetcher
	// Detect says which senders a capture may be of, and verifies nothing.
	Detect bool
	// Full shows long texts in full.
	Full bool
	// JSON prints one JSON object for each request.
	JSON bool
	// Progress is where is said how far it is; nil means nowhere.
	Progress io.Writer

	now time.Time
}

// Verify reads a captured request and says whether it would be accepted, and if not,
// why. Nothing is executed or sent. The error is, or wraps, [ErrNo] if a request is
// not authentic, [ErrUsage] if the capture cannot be read or something is missing
// that is needed to judge it, and [ErrUnreachable] if keys have to be fetched and
// could not, or may not, be. Neither it nor the output holds a secret or a signature
// that would be right.
func Verify(ctx context.Context, o VerifyOptions, out io.Writer) error {
	if o.now.IsZero() {
		o.now = time.Now()
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Detect {
		requests, err := o.requests()
		if err != nil {
			return err
		}
		return detect(o, requests, out)
	}
	p, err := describedProvider(o.Provider, o.Describe)
	if err != nil {
		return err
	}
	j, err := newJudge(p, &o)
	if err != nil {
		return err
	}
	requests, err := o.requests()
	if err != nil {
		return err
	}
	no, unknown := 0, 0
	for i := range requests {
		v, err := j.judge(ctx, &requests[i])
		if err != nil {
			return err
		}
		switch {
		case v.Reason == verifiers.ErrUnavailable.Error():
			unknown++
		case !v.Verified:
			no++
		}
		if i > 0 && !o.JSON {
			if _, err := fmt.Fprintln(out); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
		}
		if err := v.write(out, &o); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	switch {
	case unknown > 0:
		return fmt.Errorf("%w: the keys of %s could not be fetched, so that there is no verdict: try again", ErrUnreachable, p.Name)
	case no > 0:
		return ErrNo
	}
	return nil
}

// requests reads the capture.
func (o *VerifyOptions) requests() ([]capture.Request, error) {
	data, err := o.read()
	if err != nil {
		return nil, err
	}
	opts := capture.Options{Format: capture.Format(o.Format)}
	if o.AllowFiles {
		opts.ReadFile = readBounded
	}
	list, _, err := capture.Parse(data, opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	switch {
	case o.Entry < 0 || o.Entry > len(list):
		return nil, fmt.Errorf("%w: --entry %d: the capture has %d requests: write a number from 1 to %d", ErrUsage, o.Entry, len(list), len(list))
	case o.Entry > 0:
		list = list[o.Entry-1 : o.Entry]
	}
	return list, nil
}

func (o *VerifyOptions) read() ([]byte, error) {
	in, name := o.Stdin, "the standard input"
	if o.File != "" && o.File != "-" {
		f, err := os.Open(o.File)
		if err != nil {
			return nil, ofFile(fmt.Errorf("reading the capture: %w", err))
		}
		defer f.Close()
		in, name = f, o.File
	}
	if in == nil {
		return nil, fmt.Errorf("%w: there is no capture: name a file, or - for standard input", ErrUsage)
	}
	data, err := io.ReadAll(io.LimitReader(in, capture.Limit+1))
	if err != nil {
		return nil, ofFile(fmt.Errorf("reading the capture from %s: %w", name, err))
	}
	return data, nil
}

// readBounded reads a file that a capture names, as far as one may be long.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, capture.Limit+1))
}

// A held secret is one as it was found, which may be no key.
type heldSecret struct {
	from, text string
	key        *verifiers.Key // nil if it is none
	problem    error
}

// secrets finds what requests are verified with. It may be nothing.
func (o *VerifyOptions) secrets(p verifiers.Provider) ([]heldSecret, error) {
	var list []heldSecret
	for _, name := range o.SecretEnvs {
		value := o.Getenv(name)
		if value == "" {
			return nil, fmt.Errorf("%w: --secret-env: the environment variable %s is not set", ErrUsage, name)
		}
		list = append(list, newHeld(name, value))
	}
	for _, name := range o.SecretFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, ofFile(fmt.Errorf("reading the secret: %w", err))
		}
		// Caddy's {file.*} leaves the line's end out, too.
		list = append(list, newHeld(name, strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")))
	}
	if len(list) > 0 {
		return list, nil
	}
	for _, name := range secretVariables(p.Name) {
		if value := o.Getenv(name); value != "" {
			return []heldSecret{newHeld(name, value)}, nil
		}
	}
	return nil, nil
}

func newHeld(from, text string) heldSecret {
	h := heldSecret{from: from, text: text}
	if signer, err := parsePrivate([]byte(text)); err == nil {
		h.key, h.problem = verifiers.NewPrivateKey(from, signer)
		return h
	}
	h.key, h.problem = verifiers.NewKey(from, []byte(text))
	return h
}

// redacted takes the secrets out of texts.
type redacted [][]byte

const secretMark = "<secret>"

func (r redacted) bytes(text []byte) []byte {
	for _, secret := range r {
		text = bytes.ReplaceAll(text, secret, []byte(secretMark))
	}
	return text
}

func (r redacted) text(s string) string { return string(r.bytes([]byte(s))) }

// newRedacted returns what takes these secrets out, in all the forms in which they
// could stand in a request.
func newRedacted(texts []string) redacted {
	var r redacted
	for _, text := range texts {
		text = strings.TrimSpace(text)
		for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), strings.TrimPrefix(text, "whsec_")} {
			if len(form) >= 3 {
				r = append(r, []byte(form))
			}
		}
		if _, password, ok := strings.Cut(text, ":"); ok && len(password) >= 3 {
			r = append(r, []byte(password)) // of Basic
		}
	}
	return r
}

// reasonWords say what a kind of failure means.
func reasonWords(err error, secret bool, keys int) string {
	field := ""
	if typed, ok := errors.AsType[*verifiers.Error](err); ok {
		field = typed.Field
	}
	claim := strings.HasPrefix(field, "claim ")
	what := "the signature in " + field
	if secret {
		what = "the secret in " + field
	}
	if claim {
		what = "the " + field
	}
	switch {
	case errors.Is(err, verifiers.ErrMissing):
		return "what is needed is missing: " + field
	case errors.Is(err, verifiers.ErrMalformed):
		return "it does not have the form that it must have: " + field
	case errors.Is(err, verifiers.ErrMismatch) && claim:
		return what + " does not fit the request"
	case errors.Is(err, verifiers.ErrMismatch) && keys == 1:
		return what + " differs: it does not fit the key"
	case errors.Is(err, verifiers.ErrMismatch):
		return fmt.Sprintf("%s differs: it fits none of the %d keys", what, keys)
	case errors.Is(err, verifiers.ErrStale):
		return "it is authentic, and older than the window allows: " + field
	case errors.Is(err, verifiers.ErrFuture):
		return "it is authentic, and of a time further in the future than the window allows: " + field
	case errors.Is(err, verifiers.ErrUntrusted):
		return "it names something that is not trusted: " + field
	case errors.Is(err, verifiers.ErrUnknownKey):
		return "it names a key that is not known: " + field
	case errors.Is(err, verifiers.ErrUnavailable):
		return "the keys could not be had: " + field
	}
	return "it cannot be judged"
}
