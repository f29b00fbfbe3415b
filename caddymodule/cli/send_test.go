package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

func environment(string) string { return secret }

// receiver verifies as a gateway does and keeps what it has accepted.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	ids []string
}

func receive(t *testing.T, p verifiers.Provider, key *verifiers.Key, public string) *receiver {
	t.Helper()
	options := map[string]string{}
	for _, o := range p.Options {
		options[o.Name] = "x"
	}
	v, err := p.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body)
		u, _ := url.Parse(public + in.URL.RequestURI())
		if public == "" {
			u, _ = url.Parse("http://" + in.Host + in.URL.RequestURI())
		}
		req := &verifiers.Request{Method: in.Method, URL: u, Header: in.Header, Body: body}
		if _, err := v.Verify(in.Context(), req); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		id, err := p.ID.Lookup(req)
		if err != nil && !p.ID.IsZero() {
			http.Error(w, "no id: "+err.Error(), http.StatusBadRequest)
			return
		}
		if typ, err := p.Type.Lookup(req); !p.Type.IsZero() && (err != nil || typ == "") {
			http.Error(w, "no type", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ids = append(r.ids, id)
		_, _ = io.WriteString(w, "ok\x1b[2J")
	}))
	t.Cleanup(r.Close)
	return r
}

// keys returns what the receiver needs, and the sender's file if it has one.
func keys(t *testing.T, p verifiers.Provider) (*verifiers.Key, string) {
	t.Helper()
	var private any
	var err error
	switch p.Scheme.(type) {
	case verifiers.Ed25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case verifiers.ECDSA:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		key, err := verifiers.NewKey("k", []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return key, ""
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cli.Send(t.Context(), cli.SendOptions{Provider: p.Name, SecretFile: file, PublicKey: true}, &out); err != nil {
		t.Fatal(err)
	}
	key, err := verifiers.NewKey("k", bytes.TrimSpace(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return key, file
}

// sampled are the providers of which send has a sample event of its own. What
// others send depends on what the user hands in.
var sampled = []string{
	"discord-interactions", "discord-webhook-events", "github", "gitlab", "gitlab-signing-token", "hmac",
	"meta", "sendgrid", "shopify", "slack", "standard-webhooks", "standard-webhooks-ed25519", "stripe", "svix", "twilio",
}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, name := range sampled {
		p, ok := providers.Lookup(name)
		if !ok {
			t.Fatalf("the catalogue lacks %s", name)
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			o := cli.SendOptions{Provider: p.Name, URL: "http://127.0.0.1:1/", Getenv: environment, Count: 3}
			if p.Name == "hmac" {
				p.Scheme = verifiers.HMAC{Hash: "sha256", Signed: verifiers.Signed{Signature: verifiers.Header("X-Signature"), Content: "{body}"}}
			}
			key, file := keys(t, p)
			if file != "" {
				if err := cli.Send(t.Context(), o, io.Discard); !errors.Is(err, cli.ErrUsage) || !strings.Contains(err.Error(), "private key") {
					t.Errorf("without a private key: got %v, want that one is needed", err)
				}
				o.SecretFile = file
			}
			r := receive(t, p, key, "")
			o.URL = r.URL + "/hook?a=1"
			var out bytes.Buffer
			if err := cli.Send(t.Context(), o, &out); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if lines := strings.Count(out.String(), "\n"); lines != 3 || !strings.HasPrefix(out.String(), `200 ok\u001b[2J  (`) {
				t.Errorf("got %q, want 3 lines with status and answer, escaped", out.String())
			}
			seen := map[string]bool{}
			for _, id := range r.ids {
				seen[id] = true
				if id != "" && p.ID.Pair == "" && p.Name != "meta" && !strings.Contains(out.String(), "id "+id) {
					t.Errorf("the id %s is not printed: %s", id, out.String())
				}
			}
			if len(r.ids) != 3 || !p.ID.IsZero() && p.Name != "meta" && len(seen) != 3 {
				t.Errorf("got the ids %q, want 3 different ones", r.ids)
			}
		})
	}
}

// TestSendGitHub checks the signature without package verifiers.
func TestSendGitHub(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) ||
			r.Header.Get("X-Github-Event") != "ping" || r.Header.Get("X-Github-Delivery") != "d-1" || r.Header.Get("X-More") != "a: b" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write(body)
	}))
	defer s.Close()
	var out bytes.Buffer
	err := cli.Send(t.Context(), cli.SendOptions{
		Provider: "github", URL: s.URL, Getenv: environment, Body: "-", Stdin: strings.NewReader(`{"zen":1}`),
		ID: "d-1", Type: "ping", Headers: []string{"X-More: a: b"}, JSON: true,
	}, &out)
	if err != nil {
		t.Fatal(err, out.String())
	}
	var got cli.Sent
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	got.Millis = 0
	if want := (cli.Sent{Status: 200, Body: `{"zen":1}`, ID: "d-1", Type: "ping", OK: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSendPublicURL(t *testing.T) {
	t.Parallel()
	p, _ := providers.Lookup("twilio")
	key, _ := keys(t, p)
	r := receive(t, p, key, "https://hooks.example.com")
	o := cli.SendOptions{Provider: "twilio", URL: r.URL + "/t", Getenv: environment}
	if err := cli.Send(t.Context(), o, io.Discard); !errors.Is(err, cli.ErrUnexpectedStatus) {
		t.Errorf("with its own URL: got %v, want %v", err, cli.ErrUnexpectedStatus)
	}
	o.PublicURL = "https://hooks.example.com/t"
	if err := cli.Send(t.Context(), o, io.Discard); err != nil {
		t.Errorf("with the public URL: %v", err)
	}
	o.Body, o.Stdin = "-", strings.NewReader(`{"EventType":"x"}`)
	if err := cli.Send(t.Context(), o, io.Discard); err != nil {
		t.Errorf("JSON, whose hash is in the URL: %v", err)
	}
}

func TestSendHMAC(t *testing.T) {
	t.Parallel()
	p := verifiers.Provider{Name: "acme", Scheme: verifiers.HMAC{Hash: "sha512", Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Acme").Trim("v1="), Encoding: verifiers.Base64,
		Timestamp: verifiers.Header("X-Time"), Content: "{timestamp}.{body}",
	}}}
	key, _ := keys(t, p)
	r := receive(t, p, key, "")
	o := cli.SendOptions{Provider: "hmac", URL: r.URL, Getenv: func(name string) string {
		if name == "ACME" {
			return secret
		}
		return ""
	}, SecretEnv: "ACME", Describe: cli.HMACOptions{
		Hash: "sha512", SignatureHeader: "x-acme", Prefix: "v1=", Encoding: "base64", Content: "{timestamp}.{body}", TimestampHeader: "x-time",
	}}
	if err := cli.Send(t.Context(), o, io.Discard); err != nil {
		t.Error(err)
	}
	o.Describe.Prefix = "v2="
	if err := cli.Send(t.Context(), o, io.Discard); !errors.Is(err, cli.ErrUnexpectedStatus) {
		t.Errorf("with another prefix: got %v, want %v", err, cli.ErrUnexpectedStatus)
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	for name, tc := range map[string]struct {
		edit func(o *cli.SendOptions)
		want error
		text string
	}{
		"nothing wrong":    {func(o *cli.SendOptions) { o.Expect = 410 }, nil, ""},
		"a secret in file": {func(o *cli.SendOptions) { o.Expect, o.SecretFile, o.Getenv = 410, file, nil }, nil, ""},
		"another status":   {func(*cli.SendOptions) {}, cli.ErrUnexpectedStatus, "1 of 1"},
		"unknown provider": {func(o *cli.SendOptions) { o.Provider = "strip" }, cli.ErrUsage, "stripe"},
		"no URL":           {func(o *cli.SendOptions) { o.URL = "127.0.0.1:8080" }, cli.ErrUsage, "in full"},
		"no secret":        {func(o *cli.SendOptions) { o.Getenv = func(string) string { return "" } }, cli.ErrUsage, "STRIPE_WEBHOOK_SECRET"},
		"a header":         {func(o *cli.SendOptions) { o.Headers = []string{"X"} }, cli.ErrUsage, "--header"},
		"an option":        {func(o *cli.SendOptions) { o.Options = []string{"a=b"} }, cli.ErrUsage, "--option"},
		"hmac flags":       {func(o *cli.SendOptions) { o.Describe.Hash = "sha1" }, cli.ErrUsage, "hmac"},
		"id in a body":     {func(o *cli.SendOptions) { o.ID, o.Body, o.Stdin = "x", "-", strings.NewReader(`{"id":"y"}`) }, cli.ErrUsage, "json /id"},
		"no such body":     {func(o *cli.SendOptions) { o.Body = file + ".none" }, os.ErrNotExist, ""},
		"not reachable":    {func(o *cli.SendOptions) { o.URL = "http://127.0.0.1:1/" }, nil, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := cli.SendOptions{Provider: "stripe", URL: gone.URL, Getenv: environment}
			tc.edit(&o)
			err := cli.Send(context.Background(), o, io.Discard)
			switch {
			case tc.want == nil && tc.text == "":
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
			case err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text):
				t.Errorf("got %v, want %v with %q", err, tc.want, tc.text)
			case strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}
