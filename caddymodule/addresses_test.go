package caddymodule_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
)

// listHost is a TLS server in the place of those where senders publish their lists.
type listHost struct {
	mu     sync.Mutex
	status int
	doc    string
	asked  int
}

// newListHost starts one, to which each name leads and whose certificate is good for
// example.com alone.
func newListHost(t *testing.T, often time.Duration) *listHost {
	t.Helper()
	t.Setenv("LIST_STORAGE", t.TempDir())
	h := &listHost{status: http.StatusServiceUnavailable}
	s := httptest.NewTLSServer(h)
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	caddymodule.FetchAddressListsWith(t, keyfetch.Config{
		RootCAs: roots, Timeout: 5 * time.Second,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
		},
	}, often)
	return h
}

func (h *listHost) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	w.WriteHeader(h.status)
	_, _ = w.Write([]byte(h.doc)) // whoever asked may have gone
}

func (h *listHost) publish(status int, doc string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.doc = status, doc
}

func (h *listHost) requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// acme is a sender whose list is at example.com.
const acme = `webhooks {
		provider acme {
			verify hmac sha256 {
				signature header X-Hub-Signature-256 {
					prefix sha256=
				}
				example {
					secret example-secret
					header X-Hub-Signature-256 sha256=40d0911cd5b316982fdcd61622a0727bf136fbd768c29a9b46c7bbe6d25d72dc
					body ` + "`" + `{"event":"made"}` + "`" + `
				}
			}
			event_id header X-GitHub-Delivery
			addresses https://example.com/ips.json /webhooks
		}
	}
	storage file_system {$LIST_STORAGE}
	servers {
		trusted_proxies static 127.0.0.1
		client_ip_headers X-Client
	}`

func acmeSite(words string) string {
	return "webhooks /acme acme {env.GITHUB_SECRET} {\n" + words + "\npublish off\npass_thru\n}\nrespond /acme 200\nrespond 404"
}

// from sends a signed delivery as if from an address.
func (s *site) from(addr string) response {
	s.Helper()
	return s.post("/acme", addr, "{}", func(r *http.Request) { r.Header.Set("X-Client", addr) })
}

// TestPublishedAddresses: a request is refused unless its address is on the list, which
// changes while the route is in use; nobody gets in before there is a list, and the last
// good one is kept.
func TestPublishedAddresses(t *testing.T) {
	host := newListHost(t, 20*time.Millisecond)
	s := newSite(t)
	s.load(acme, acmeSite("allow_ips provider 203.0.113.7"))
	for _, addr := range []string{"192.0.2.1", "127.0.0.1", "2001:db8::1"} {
		got := s.from(addr)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			t.Errorf("%s before there is a list: got %d with Retry-After %q, want 503 with it", addr, got.status, got.header.Get("Retry-After"))
		}
	}
	if got := s.from("203.0.113.7"); got.status != http.StatusOK {
		t.Errorf("an address that is written out, before there is a list: got %d, want 200", got.status)
	}

	expect := func(when string, want map[string]int) {
		t.Helper()
		for addr, status := range want {
			if got := s.from(addr); got.status != status || status == http.StatusForbidden && !strings.HasPrefix(got.body, "forbidden ") {
				t.Errorf("%s: %s got %d %q, want %d", when, addr, got.status, got.body, status)
			}
		}
	}
	become := func(addr string, status int) {
		t.Helper()
		poll(t, func() (response, bool) {
			got := s.from(addr)
			return got, got.status == status
		})
	}
	host.publish(http.StatusOK, `{"webhooks":["192.0.2.0/24","2001:db8::/32"],"other":["198.51.100.1"]}`)
	become("192.0.2.1", http.StatusOK)
	first := map[string]int{
		"192.0.2.1": 200, "192.0.2.255": 200, "2001:db8::1": 200, "::ffff:192.0.2.1": 200, "203.0.113.7": 200,
		"192.0.3.1": 403, "198.51.100.1": 403, "2001:db9::1": 403, "127.0.0.1": 403,
	}
	expect("the first list", first)

	// What is no list changes nothing, however often it is fetched.
	for _, bad := range []struct {
		status int
		doc    string
	}{
		{http.StatusOK, `{"webhooks":[]}`},
		{http.StatusOK, `{"webhooks":["0.0.0.0/0"]}`},
		{http.StatusOK, `{"webhooks":["198.51.100.1","example.com"]}`},
		{http.StatusOK, `<html>`},
		{http.StatusOK, ``},
		{http.StatusNotFound, `{"webhooks":["198.51.100.1"]}`},
		{http.StatusForbidden, `{"message":"rate limit"}`},
		{http.StatusOK, `{"webhooks":["198.51.100.1"],"pad":"` + strings.Repeat("x", 4<<20) + `"}`},
	} {
		host.publish(bad.status, bad.doc)
		asked := host.requests()
		s.eventually("two more attempts", func() bool { return host.requests() >= asked+2 })
		expect(fmt.Sprintf("after %d %.30q", bad.status, bad.doc), first)
	}
	if len(s.logged("fetching a sender's addresses: the last list is kept")) == 0 {
		t.Error("nobody said that the list could not be fetched")
	}

	host.publish(http.StatusOK, `{"webhooks":["198.51.100.1"]}`)
	become("198.51.100.1", http.StatusOK)
	expect("another list", map[string]int{"192.0.2.1": 403, "203.0.113.7": 200})
}

// TestPublishedAddressesSurvive: neither a reload nor a restart refuses anybody while
// the list cannot be fetched, and what is on disk is no way in.
func TestPublishedAddressesSurvive(t *testing.T) {
	host := newListHost(t, 20*time.Millisecond)
	s := newSite(t)
	host.publish(http.StatusOK, `{"webhooks":["192.0.2.1"]}`)
	s.load(acme, acmeSite("allow_ips provider"))
	poll(t, func() (response, bool) {
		got := s.from("192.0.2.1")
		return got, got.status == http.StatusOK
	})
	host.publish(http.StatusServiceUnavailable, "")
	s.load(acme, acmeSite("allow_ips provider\ntolerance 4m"))
	if got := s.from("192.0.2.1"); got.status != http.StatusOK {
		t.Errorf("after a reload: got %d, want 200", got.status)
	}
	file := s.storedList()

	restart := func(change func(*map[string]any), want int) {
		t.Helper()
		s.load("", "respond 404") // nothing needs the list any more
		var stored map[string]any
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &stored)
		}
		if err != nil {
			t.Fatal(err)
		}
		change(&stored)
		changed, err := json.Marshal(stored)
		if err == nil {
			err = os.WriteFile(file, changed, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		asked := host.requests()
		s.load(acme, acmeSite("allow_ips provider"))
		s.eventually("an attempt", func() bool { return host.requests() > asked })
		if got := s.from("192.0.2.1"); got.status != want {
			t.Errorf("after a restart: got %d, want %d", got.status, want)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same := func(*map[string]any) {}
	restart(same, http.StatusOK)
	for name, change := range map[string]func(*map[string]any){
		"too old":         func(m *map[string]any) { (*m)["fetched"] = time.Now().Add(-8 * 24 * time.Hour) },
		"from the future": func(m *map[string]any) { (*m)["fetched"] = time.Now().Add(time.Hour) },
		"of another list": func(m *map[string]any) { (*m)["url"] = "https://example.org/" },
		"everybody":       func(m *map[string]any) { (*m)["addresses"] = []string{"0.0.0.0/0"} },
		"nothing":         func(m *map[string]any) { *m = nil },
	} {
		t.Run(name, func(*testing.T) { restart(change, http.StatusServiceUnavailable) })
	}
}

// storedList waits for the file in which the list is kept.
func (s *site) storedList() (file string) {
	s.Helper()
	s.eventually("the stored list", func() bool {
		_ = filepath.WalkDir(os.Getenv("LIST_STORAGE"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.Contains(path, filepath.Join("webhooks", "addresses")) && strings.HasSuffix(path, ".json") {
				file = path
			}
			return nil
		})
		return file != ""
	})
	return file
}

// TestPublishedAddressesOfAnother: a certificate for another name, or from nobody, is no
// list, and a validated configuration fetches nothing.
func TestPublishedAddressesOfAnother(t *testing.T) {
	host := newListHost(t, 20*time.Millisecond)
	host.publish(http.StatusOK, `{"webhooks":["192.0.2.1"]}`)
	s := newSite(t)
	if err := s.validate(acme, acmeSite("allow_ips provider")); err != nil || host.requests() != 0 {
		t.Fatalf("got %v and %d requests, want neither", err, host.requests())
	}
	s.load(strings.ReplaceAll(acme, "example.com", "example.net"), acmeSite("allow_ips provider"))
	s.eventually("a failure", func() bool { return len(s.logged("fetching a sender's addresses: its requests")) > 1 })
	if got := s.from("192.0.2.1"); got.status != http.StatusServiceUnavailable || host.requests() != 0 {
		t.Errorf("got %d after %d requests, want 503 and none", got.status, host.requests())
	}
}

// TestNoPublishedAddresses: a sender without a list is said not to have one.
func TestNoPublishedAddresses(t *testing.T) {
	s := newSite(t)
	t.Setenv("LIST_STORAGE", t.TempDir())
	for _, tt := range []struct{ name, global, body, want string }{
		{"of the catalogue", "", "webhooks /a shopify {env.GITHUB_SECRET} {\nallow_ips provider\n}\nrespond 404", "shopify publishes no list"},
		{"described here", strings.ReplaceAll(acme, "addresses https://example.com/ips.json /webhooks", ""), acmeSite("allow_ips provider"), "acme publishes no list"},
		{"a bad URL", strings.ReplaceAll(acme, "https://example.com", "http://example.com"), acmeSite("allow_ips provider"), "is not the URL of a list"},
		{"a bad pointer", strings.ReplaceAll(acme, " /webhooks", " webhooks"), acmeSite("allow_ips provider"), "JSON Pointer starts with /"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.validate(tt.global, tt.body)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to contain %q", err, tt.want)
			}
		})
	}
	if err := s.validate("", "webhooks /a github {env.GITHUB_SECRET} {\nallow_ips provider\n}\nrespond 404"); err != nil {
		t.Errorf("github: got %v", err)
	}
}
