package cli

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ProvidersOptions say what [Providers] writes.
type ProvidersOptions struct {
	// Name is the provider to describe. Empty means a table of all.
	Name string
	// JSON writes a JSON object, or an array of objects for all.
	JSON bool
}

// entry is what is known about a provider, in words for an operator.
type entry struct {
	verifiers.Provider
	// SchemeWord is the way requests are authenticated, as consumers see it.
	SchemeWord string `json:"scheme,omitempty"`
	// Verify is the scheme in the words of the configuration, if it has them.
	Verify json.RawMessage `json:"verify,omitempty"`
	// Covers is what the signature protects; nil if only the sender can sign.
	Covers *verifiers.Coverage `json:"covers,omitempty"`
	// Unsigned are those of id, type and time that the signature does not cover.
	Unsigned []string `json:"unsigned,omitempty"`

	timed bool // the signature covers when the request was sent
}

// Providers writes the catalogue, or one entry of it, to w. The error wraps
// [ErrUsage] if there is no such provider.
func Providers(w io.Writer, o ProvidersOptions) error {
	if o.Name != "" {
		p, err := lookup(o.Name)
		if err != nil {
			return err
		}
		e := newEntry(p)
		if o.JSON {
			return encodeIndented(w, e)
		}
		return e.write(w)
	}
	all := providers.All()
	entries := make([]entry, len(all))
	for i, p := range all {
		entries[i] = newEntry(p)
	}
	if o.JSON {
		return encodeIndented(w, entries)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSENDER\tAUTHENTICATION\tCOVERS\tREPLAY WINDOW\tEVENT ID")
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Title, e.scheme(), e.covers(), or(e.window(), "-"), place(e.ID))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	_, err := fmt.Fprintln(w, "\n`caddy webhooks providers <name>` says more about one.")
	return err
}

func encodeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func newEntry(p verifiers.Provider) entry {
	e := entry{Provider: p}
	if text, err := verifiers.MarshalScheme(p.Scheme); err == nil {
		e.Verify = text
	}
	res, ok := rehearse(p)
	if !ok {
		return e
	}
	e.SchemeWord, e.Covers, e.timed = res.Scheme, res.Covers, !res.Signed.IsZero()
	for _, part := range []struct {
		name   string
		source verifiers.Source
	}{{"id", p.ID}, {"type", p.Type}, {"time", p.Time}} {
		if !part.source.IsZero() && !res.Covers.Covers(part.source) {
			e.Unsigned = append(e.Unsigned, part.name)
		}
	}
	return e
}

// rehearse signs and verifies a sample, so that what is said about a scheme is
// what the scheme does. It is not ok where only the sender can sign.
func rehearse(p verifiers.Provider) (verifiers.Result, bool) {
	if _, ok := p.Scheme.(verifiers.Signer); !ok {
		return verifiers.Result{}, false
	}
	now := time.Now()
	options := map[string]string{}
	for _, o := range p.Options {
		options[o.Name] = "none"
	}
	for _, key := range rehearsalKeys() {
		d, err := newDraft(p, &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/" + p.Name}, "", "", now)
		if err != nil {
			return verifiers.Result{}, false
		}
		cfg := verifiers.Config{Keys: verifiers.Keys{key}, Options: options, Time: func() time.Time { return now }}
		if p.Sign(d.req, cfg, now) != nil {
			continue
		}
		v, err := p.New(cfg)
		if err != nil {
			continue
		}
		if res, err := v.Verify(context.Background(), d.req); err == nil {
			return res, true
		}
	}
	return verifiers.Result{}, false
}

// rehearsalKeys are keys of every kind, made now and forgotten. One of them
// fits any scheme.
func rehearsalKeys() []*verifiers.Key {
	random := make([]byte, 32)
	_, _ = rand.Read(random)           // it never fails
	text := hex.EncodeToString(random) // is base64 as well
	var keys []*verifiers.Key
	for _, secret := range []string{text, "user:" + text} {
		if k, err := verifiers.NewKey("rehearsal", []byte(secret)); err == nil {
			keys = append(keys, k)
		}
	}
	for _, make := range []func() (crypto.Signer, error){
		func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err },
		func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	} {
		private, err := make()
		if err != nil {
			continue
		}
		if k, err := verifiers.NewPrivateKey("rehearsal", private); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
