package caddymodule

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, public, target, original string
		proto                          string // of X-Forwarded-Proto
		trusted, tls                   bool
		want                           string
	}{
		{name: "plain", target: "/hook?a=1", want: "http://hooks.test/hook?a=1"},
		{name: "TLS", target: "/hook", tls: true, want: "https://hooks.test/hook"},
		{name: "trusted proxy", target: "/hook", proto: "https", trusted: true, want: "https://hooks.test/hook"},
		{name: "two proxies", target: "/hook", proto: "https, http", trusted: true, want: "https://hooks.test/hook"},
		{name: "nonsense from a trusted proxy", target: "/hook", proto: "gopher", trusted: true, want: "http://hooks.test/hook"},
		{name: "proxy that is not trusted", target: "/hook", proto: "https", want: "http://hooks.test/hook"},
		{name: "rewritten", target: "/", original: "/in/hook?x=%2F", want: "http://hooks.test/in/hook?x=%2F"},
		{name: "configured", public: "https://public.test", target: "/hook?a=1", want: "https://public.test/hook?a=1"},
		{name: "configured with a port", public: "https://public.test:8443/", target: "/hook", want: "https://public.test:8443/hook"},
		{name: "configured with a path", public: "https://public.test/base/", target: "/a%2Fb", want: "https://public.test/base/a%2Fb"},
		{name: "escaped as sent", target: "/a%2Fb%20c", want: "http://hooks.test/a%2Fb%20c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &publicURL{}
			if tt.public != "" {
				var err error
				if p, err = parsePublicURL(tt.public); err != nil {
					t.Fatal(err)
				}
			}
			r := httptest.NewRequest(http.MethodPost, tt.target, nil)
			r.Host = "hooks.test"
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if tt.proto != "" {
				r.Header.Set("X-Forwarded-Proto", tt.proto)
			}
			ctx := context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.TrustedProxyVarKey: tt.trusted})
			if tt.original != "" {
				ctx = context.WithValue(ctx, caddyhttp.OriginalRequestCtxKey, *httptest.NewRequest(http.MethodPost, tt.original, nil))
			}
			if got := p.of(r.WithContext(ctx)).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestParsePublicURL(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "hooks.test", "/hooks", "ftp://hooks.test", "https://", "https://u:p@hooks.test", "https://hooks.test?x=1", "https://hooks.test/#f"} {
		if _, err := parsePublicURL(bad); err == nil {
			t.Errorf("parsePublicURL(%q): got no error, want one", bad)
		}
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	if got := clientAddr(r).String(); got != "192.0.2.1" {
		t.Errorf("got %s, want the peer's address", got)
	}
	ctx := context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.ClientIPVarKey: "2001:db8::1"})
	if got := clientAddr(r.WithContext(ctx)).String(); got != "2001:db8::1" {
		t.Errorf("got %s, want the client's address as Caddy sees it", got)
	}
	r.RemoteAddr = "@"
	if got := clientAddr(r); got.IsValid() {
		t.Errorf("got %s, want no address for a Unix socket", got)
	}
}
