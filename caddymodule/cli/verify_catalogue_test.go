package cli_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// pairs are the kinds of private keys, and their public halves as PEM.
func pairs(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ed25519": ed, "p256": p256, "p384": p384, "rsa": rsaKey}
}

func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
}

// TestVerifySigned signs a request for each provider that can be signed for, and
// checks that it is verified from each format, and that a later change of it is
// found out.
func TestVerifySigned(t *testing.T) {
	t.Parallel()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	private := pairs(t)
	signed, formats := 0, 0
	var without []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p, _ := providers.Lookup(name)
		if _, ok := p.Scheme.(verifiers.Signer); !ok {
			continue
		}
		c := all[name].clone()
		if !c.sign(t, p, private) {
			without = append(without, name)
			continue
		}
		signed++
		for format, write := range writers {
			v, err := c.verify(t, write(&c.request))
			if err != nil || !v.Verified {
				t.Errorf("%s as %s: %v: %+v", name, format, err, v)
				continue
			}
			formats++
		}
		c.request.Body = append(slices.Clone(c.request.Body), '\n')
		if c.refused(t) {
			if v, err := c.verify(t, writeRaw(&c.request)); !errors.Is(err, cli.ErrNo) || !strings.Contains(v.causes(), "newline was added") {
				t.Errorf("%s with a newline: got %v, %q", name, err, v.causes())
			}
		}
	}
	t.Logf("signed for %d providers, %d captures verified; not for %v", signed, formats, without)
	if signed < 300 {
		t.Errorf("signed for %d providers only", signed)
	}
}

// sign signs the request anew, with a fresh pair of keys where it takes one. It
// returns false where only what is in the body counts.
func (c *captured) sign(t *testing.T, p verifiers.Provider, private map[string]crypto.Signer) bool {
	t.Helper()
	placer, ok := p.Scheme.(verifiers.Placer)
	if !ok {
		return false
	}
	for _, name := range verifiertest.SignatureHeaders(p) {
		c.request.Header.Del(name)
	}
	c.request.Header.Del(placer.Places().Signature.Header)
	if c.at.IsZero() {
		c.at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	}
	before := c.request.Header.Clone()
	kinds := append([]string{""}, slices.Sorted(maps.Keys(private))...)
	for _, kind := range kinds {
		cfg, secrets := c.config(t), c.secrets
		if kind != "" {
			key, err := verifiers.NewPrivateKey("k", private[kind])
			if err != nil {
				t.Fatal(err)
			}
			cfg.Keys, secrets = verifiers.Keys{key}, []string{publicPEM(t, private[kind])}
		}
		c.request.Header = before.Clone()
		if p.Sign(&c.request, cfg, c.at) != nil {
			continue
		}
		was := c.secrets
		if c.secrets = secrets; !c.refused(t) {
			return true
		}
		c.secrets = was
	}
	return false
}

// other returns a secret of the same form that is another.
func other(secret string) string {
	b := []byte(secret)
	for i := len(b) / 2; i < len(b); i++ {
		switch {
		case '1' <= b[i] && b[i] <= '8':
			b[i]++
			return string(b)
		case 'a' <= b[i] && b[i] <= 'e', 'A' <= b[i] && b[i] <= 'E':
			b[i]++
			return string(b)
		}
	}
	return secret + "0"
}

// TestVerifyNoFalseCause checks that nothing is named as the cause where the secret
// is another one, or the content was changed.
func TestVerifyNoFalseCause(t *testing.T) {
	t.Parallel()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	wrong, changed := 0, 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name].clone()
		if ofSecret(other)(c) && c.refused(t) {
			if v, err := c.verify(t, writeOwn(&c.request)); err == nil || len(v.Causes) > 0 {
				t.Errorf("%s with another secret: got %v, %q", name, err, v.causes())
			}
			wrong++
		}
		c = all[name].clone()
		c.request.Body = []byte(other(string(c.request.Body)))
		if !public(name) && c.refused(t) {
			if v, err := c.verify(t, writeOwn(&c.request)); err == nil || len(v.Causes) > 0 {
				t.Errorf("%s with another body: got %v, %q", name, err, v.causes())
			}
			changed++
		}
	}
	t.Logf("another secret for %d providers, another body for %d", wrong, changed)
}

// TestVerifyShowsNoSecret checks that what is signed is shown without the secret,
// where it is a part of it.
func TestVerifyShowsNoSecret(t *testing.T) {
	t.Parallel()
	all, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, c := range all {
		v, err := c.verify(t, writeOwn(&c.request)) // looks for the secret as well
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range v.Texts {
			for _, part := range text.Parts {
				if part.Token == "secret" {
					if n++; part.Text != "<secret>" || part.SHA256 != "" || part.Bytes != 0 {
						t.Errorf("%s: the secret is shown as %+v", name, part)
					}
				}
			}
		}
	}
	if n == 0 {
		t.Error("no provider has the secret in what it signs")
	}
}

// external are vectors whose verdicts are those of the vendors' libraries; see
// package verifiertest.
type external struct {
	Provider string `json:"provider"`
	Cases    []struct {
		Name string     `json:"name"`
		Now  *time.Time `json:"now"`
		Keys struct {
			Secrets         []string          `json:"secrets"`
			PublicKeyBase64 string            `json:"public_key_base64"`
			PublicKeyHex    string            `json:"public_key_hex"`
			Params          map[string]string `json:"params"`
		} `json:"keys"`
		Request struct {
			Method     string              `json:"method"`
			URL        string              `json:"url"`
			Headers    map[string][]string `json:"headers"`
			BodyBase64 []byte              `json:"body_base64"`
		} `json:"request"`
		Expect string `json:"expect"`
	} `json:"cases"`
}

// TestVerifyExternalVectors checks that verify agrees with the vendors' libraries:
// for the suites whose keys and options are those of the catalogue as they are.
func TestVerifyExternalVectors(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("VECTORS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Skip("there are no external vectors: set VECTORS_DIR to a directory of them")
	}
	renamed := map[string]string{
		"standardwebhooks": "standard-webhooks", "gitlab-signed": "gitlab-signing-token", "lark": "feishu-lark", "jira": "jira-cloud",
		"lemonsqueezy": "lemon-squeezy", "buildkite": "buildkite-signature", "twitch": "twitch-eventsub", "discord": "discord-interactions",
	}
	agreed, skipped := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s external
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
		name := s.Provider
		if is := renamed[name]; is != "" {
			name = is
		}
		p, known := providers.Lookup(name)
		for _, e := range s.Cases {
			c := &captured{provider: p.Name, secrets: e.Keys.Secrets}
			for _, key := range []string{e.Keys.PublicKeyBase64, e.Keys.PublicKeyHex} {
				if key != "" {
					c.secrets = []string{key}
				}
			}
			u, err := url.Parse(e.Request.URL)
			if err != nil {
				t.Fatal(err)
			}
			c.request = verifiers.Request{Method: e.Request.Method, URL: u, Header: http.Header{}, Body: e.Request.BodyBase64}
			for name, values := range e.Request.Headers {
				for _, v := range values {
					c.request.Header.Add(name, v)
				}
			}
			c.options = map[string]string{}
			lacks := false
			for _, o := range p.Options {
				if value := e.Keys.Params[o.Name]; value != "" {
					c.options[o.Name] = value
				} else {
					lacks = lacks || o.Required
				}
			}
			if !known || len(c.secrets) == 0 || len(e.Keys.Params) > len(c.options) || lacks || c.unusable() {
				skipped++
				continue
			}
			if e.Now != nil {
				c.at = *e.Now
			}
			v, err := c.verify(t, writeOwn(&c.request))
			if v.Verified != (e.Expect == "accept") || err != nil && !errors.Is(err, cli.ErrNo) {
				t.Errorf("%s %s: got %v, %+v, want %s", s.Provider, e.Name, err, v, e.Expect)
				continue
			}
			agreed++
		}
	}
	t.Logf("%d verdicts agree, %d cases need more than secrets", agreed, skipped)
	if agreed == 0 {
		t.Error("no case was judged")
	}
}

// unusable reports whether the provider takes other keys.
func (c *captured) unusable() bool {
	p, _ := providers.Lookup(c.provider)
	var keys verifiers.Keys
	for i, s := range c.secrets {
		key, err := verifiers.NewKey(fmt.Sprint(i), []byte(s))
		if err != nil {
			return true
		}
		keys = append(keys, key)
	}
	_, err := p.New(verifiers.Config{Keys: keys, Options: c.options})
	return err != nil
}
