package cli

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// keyFiles are files with what play tries as keys.
func keyFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	write := func(text []byte) {
		file := filepath.Join(t.TempDir(), "key"+strconv.Itoa(len(files)))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, signer := range testSigners() {
		var private crypto.PrivateKey = signer
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	secret := strings.Repeat("6f0c4ed2b8a1937d", 4)
	write([]byte(secret + "\n"))
	write([]byte("hooks:" + secret + "\n"))
	return files
}

// fits reports whether the key in a file is the one with which the request is signed.
func (pl *played) fits(t *testing.T, file string, req *verifiers.Request) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := pl.receiver
	cfg.Keys = verifiers.Keys{newHeld(file, strings.TrimSpace(string(text))).key}
	v, err := pl.provider.New(cfg)
	if err != nil {
		return false
	}
	_, err = v.Verify(t.Context(), undecoded(req))
	return err == nil
}

// TestVerifyOwnRequests checks that what `sign` prints is verified, in each of its
// forms and for each provider that it can sign for.
func TestVerifyOwnRequests(t *testing.T) {
	t.Parallel()
	files := keyFiles(t)
	signed, verified := 0, 0
	for _, p := range providers.All() {
		if _, ok := p.Scheme.(verifiers.Signer); !ok || cannotSign[p.Name] != "" || p.Name == providers.HMAC.Name {
			continue
		}
		pl, req := play(t, p)
		o := VerifyOptions{Provider: p.Name, At: "now", Fetcher: pl.receiver.Fetcher}
		o.Getenv = func(name string) string {
			option, _ := strings.CutPrefix(name, "OPTION_")
			return pl.receiver.Options[option]
		}
		for name, value := range pl.receiver.Options {
			if slices.ContainsFunc(p.Options, func(o verifiers.Option) bool { return o.Name == name && o.Secret }) {
				o.OptionEnvs = append(o.OptionEnvs, name+"=OPTION_"+name)
			} else {
				o.Options = append(o.Options, name+"="+value)
			}
		}
		if i := slices.IndexFunc(files, func(file string) bool { return pl.fits(t, file, req) }); i >= 0 && pl.receiver.Keys != nil {
			o.SecretFiles = files[i : i+1]
		}
		signed++
		for _, form := range []string{FormRaw, FormCurl, FormJSON} {
			var text bytes.Buffer
			if err := printRequest(&text, &message{req: req, target: req.URL}, form); err != nil {
				t.Fatal(err)
			}
			o.Stdin = bytes.NewReader(text.Bytes())
			if err := Verify(t.Context(), o, io.Discard); err != nil {
				t.Errorf("%s, form %q: %v\n%s", p.Name, form, err, text.Bytes())
				continue
			}
			verified++
		}
	}
	t.Logf("%d providers, %d captures verified", signed, verified)
	if signed < 380 {
		t.Errorf("%d providers were signed for", signed)
	}
}

// TestVerifyWithoutKeys checks that keys which cannot be fetched are no verdict.
func TestVerifyWithoutKeys(t *testing.T) {
	t.Parallel()
	p, _ := providers.Lookup("paypal")
	pl, req := play(t, p)
	var text, out bytes.Buffer
	if err := printRequest(&text, &message{req: req, target: req.URL}, FormRaw); err != nil {
		t.Fatal(err)
	}
	o := VerifyOptions{Provider: p.Name, now: time.Now()}
	for name, value := range pl.receiver.Options {
		o.Options = append(o.Options, name+"="+value)
	}
	o.Stdin = bytes.NewReader(text.Bytes())
	if err := Verify(t.Context(), o, &out); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "--fetch-keys") || out.Len() > 0 {
		t.Errorf("without a fetcher: got %v and %q", err, out.String())
	}
	o.Fetcher, o.Stdin = documents{}, bytes.NewReader(text.Bytes())
	if err := Verify(t.Context(), o, &out); !errors.Is(err, ErrUnreachable) || !strings.HasPrefix(out.String(), "paypal: no verdict\n") {
		t.Errorf("with one that finds nothing: got %v and %q", err, out.String())
	}
}
