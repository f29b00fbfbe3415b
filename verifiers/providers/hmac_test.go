package providers_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func TestHMAC(t *testing.T) {
	t.Parallel()
	p, ok := providers.Lookup("hmac")
	if !ok {
		t.Fatal("not in the catalogue")
	}
	key, err := verifiers.NewKey("a", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.New(verifiers.Config{Keys: verifiers.Keys{key}})
	if !errors.Is(err, providers.ErrUndescribed) || v != nil {
		t.Errorf("building: got %v, %v, want %v", v, err, providers.ErrUndescribed)
	}
}

func TestCustom(t *testing.T) {
	t.Parallel()
	scheme := verifiers.HMAC{Hash: verifiers.SHA512, Signed: verifiers.Signed{
		Signature: verifiers.Header("X-Acme-Signature").KV("v1"),
		Timestamp: verifiers.Header("X-Acme-Time"),
		Unit:      verifiers.Milliseconds,
		Content:   "{timestamp}.{req:method}.{url}.{body}",
		Key:       verifiers.KeyBase64,
	}}
	broken := scheme
	broken.Content = "{timestamp}.{boddy}"
	tests := []struct {
		name string
		p    verifiers.Provider
		ok   bool
	}{
		{"complete", verifiers.Provider{Name: "acme", Scheme: scheme}, true},
		{"named hmac", verifiers.Provider{Name: "hmac", Scheme: scheme}, true},
		{"no name", verifiers.Provider{Scheme: scheme}, false},
		{"not a name", verifiers.Provider{Name: "Acme Inc", Scheme: scheme}, false},
		{"no scheme", verifiers.Provider{Name: "acme"}, false},
		{"a name of the catalogue", verifiers.Provider{Name: "stripe", Scheme: scheme}, false},
		{"an alias of the catalogue", verifiers.Provider{Name: "discord", Scheme: scheme}, false},
		{"takes an alias", verifiers.Provider{Name: "acme", Aliases: []string{"stripe"}, Scheme: scheme}, false},
		{"a token that does not exist", verifiers.Provider{Name: "acme", Scheme: broken}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := providers.Custom(tt.p)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v, want success %v", err, tt.ok)
			}
			if tt.ok && (p.Title != tt.p.Name || p.Scheme == nil) {
				t.Errorf("got title %q and scheme %v", p.Title, p.Scheme)
			}
		})
	}
}

func TestCustomVerifies(t *testing.T) {
	t.Parallel()
	p, err := providers.Custom(verifiers.Provider{Name: "acme", Scheme: verifiers.HMAC{
		Hash:   verifiers.SHA256,
		Signed: verifiers.Signed{Signature: verifiers.Header("X-Acme"), Content: "{req:path}\n{body}"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := verifiers.NewKey("a", []byte("a secret of the operator"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := verifiers.Config{Keys: verifiers.Keys{key}}
	v, err := p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	req := &verifiers.Request{
		Method: "POST", URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/acme"},
		Header: http.Header{}, Body: []byte("hello"),
	}
	if err := p.Sign(req, cfg, time.Time{}); err != nil {
		t.Fatal(err)
	}
	// printf '/acme\nhello' | openssl dgst -sha256 -hmac 'a secret of the operator'
	const want = "09dba5cceeb15790a712b700b1dc0a0469dea66fcb5ad90ce48c1f22cd39c1d9"
	if got := req.Header.Get("X-Acme"); got != want {
		t.Errorf("signed: got %s, want %s", got, want)
	}
	if res, err := v.Verify(t.Context(), req); err != nil || res.KeyID != "a" {
		t.Errorf("got %+v, %v", res, err)
	}
}
