package caddymodule

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// deliverer delivers its secret in its first request and expects it back.
var deliverer = verifiers.Provider{
	Name:   "deliverer",
	Scheme: verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{Signature: verifiers.Header("X-Hook-Signature"), Content: "{body}"}},
	Handshakes: []verifiers.Handshake{{
		Name:    "hook_secret",
		When:    []verifiers.Match{verifiers.Header("X-Hook-Secret").Present()},
		Capture: verifiers.Header("X-Hook-Secret"),
		Reply:   verifiers.Reply{Header: map[string]string{"X-Hook-Secret": "{header:X-Hook-Secret}"}},
	}},
}

// newRoute provisions a route for the provider, without Caddy and a broker.
func newRoute(t *testing.T, p verifiers.Provider, h *Handler) (*gateway.Route, error) {
	t.Helper()
	h.app = &App{
		log: slog.New(slog.DiscardHandler), metrics: newMetrics(), budget: gateway.NewBudget(0, 0), publisher: newPublisher(func() *App { return nil }),
		providers: map[string]verifiers.Provider{p.Name: p}, routes: make(map[string]*Handler), lease: newLease(func() {}),
	}
	h.log, h.Provider, h.NoPublish, h.PassThru = h.app.log, p.Name, true, true
	err := h.provision()
	return h.route, err
}

func send(t *testing.T, rt *gateway.Route, body string, header ...string) gateway.Result {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "https://example.com/", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return rt.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL})
}

func signed(secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

// TestCapturedSecretVerifies from the first request to the events, with no
// reload, and after one.
func TestCapturedSecretVerifies(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hook")
	rt, err := newRoute(t, deliverer, &Handler{CaptureSecret: file})
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"n":1}`
	check := func(what string, res gateway.Result, outcome gateway.Outcome, status int) {
		t.Helper()
		if res.Outcome != outcome || res.Status != status {
			t.Errorf("%s: got %v, %d, %v, want %v, %d", what, res.Outcome, res.Status, res.Err, outcome, status)
		}
		if res.Err != nil && (strings.Contains(res.Err.Error(), delivered1) || strings.Contains(res.Err.Error(), delivered2)) {
			t.Errorf("%s: the error holds the secret", what)
		}
	}
	check("event before", send(t, rt, body, "X-Hook-Signature", signed("guess", body)), gateway.Undecidable, 503)
	res := send(t, rt, "", "X-Hook-Secret", delivered1)
	check("delivery", res, gateway.Handshaken, 200)
	if got := res.Header.Get("X-Hook-Secret"); got != delivered1 {
		t.Errorf("got %q in the answer, want what the sender expects", got)
	}
	holds(t, file, delivered1)
	check("event", send(t, rt, body, "X-Hook-Signature", signed(delivered1, body)), gateway.PassedThrough, 200)
	check("forged event", send(t, rt, body, "X-Hook-Signature", signed(delivered2, body)), gateway.BadSignature, 401)
	check("an attacker's delivery", send(t, rt, "", "X-Hook-Secret", delivered2), gateway.HandshakeRefused, 403)
	check("event of the attacker", send(t, rt, body, "X-Hook-Signature", signed(delivered2, body)), gateway.BadSignature, 401)
	check("delivery again", send(t, rt, "", "X-Hook-Secret", delivered1), gateway.Handshaken, 200)
	holds(t, file, delivered1)

	again, err := newRoute(t, deliverer, &Handler{CaptureSecret: file})
	if err != nil {
		t.Fatal(err)
	}
	check("event after a reload", send(t, again, body, "X-Hook-Signature", signed(delivered1, body)), gateway.PassedThrough, 200)
	check("attacker after a reload", send(t, again, "", "X-Hook-Secret", delivered2), gateway.HandshakeRefused, 403)

	// The directory goes away: nothing is answered that is not kept.
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	rt, err = newRoute(t, deliverer, &Handler{CaptureSecret: filepath.Join(gone, "s")})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	check("nowhere to keep it", send(t, rt, "", "X-Hook-Secret", delivered1), gateway.CaptureFailed, 503)
}

// TestDeliveredSecretWithoutCapture: only one that is configured is answered.
func TestDeliveredSecretWithoutCapture(t *testing.T) {
	t.Parallel()
	rt, err := newRoute(t, deliverer, &Handler{Secrets: []Secret{{Secret: delivered1}}, InsecureLiteralSecret: true})
	if err != nil {
		t.Fatal(err)
	}
	if res := send(t, rt, "", "X-Hook-Secret", delivered1); res.Outcome != gateway.Handshaken {
		t.Errorf("got %v, %v, want the configured secret answered", res.Outcome, res.Err)
	}
	if res := send(t, rt, "", "X-Hook-Secret", delivered2); res.Outcome != gateway.HandshakeRefused || res.Reason != "not_kept" {
		t.Errorf("got %v, %q, want another refused", res.Outcome, res.Reason)
	}
}

func TestCaptureConfigurations(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	plain := deliverer
	plain.Handshakes = nil
	for _, tt := range []struct {
		name     string
		provider verifiers.Provider
		handler  Handler
		want     string
	}{
		{"no secret at all", deliverer, Handler{}, "let the sender deliver it with `capture_secret <file>`"},
		{"delivers none", plain, Handler{CaptureSecret: file}, "provider deliverer delivers no secret: remove capture_secret"},
		{"no handshakes", deliverer, Handler{CaptureSecret: file, NoHandshakes: true}, "capture_secret and handshake off contradict"},
		{"no verification", deliverer, Handler{CaptureSecret: file, InsecureSkipVerify: true}, "insecure_skip_verify and capture_secret contradict"},
		{"relative", deliverer, Handler{CaptureSecret: "s"}, "not an absolute path"},
		{"no batches", deliverer, Handler{CaptureSecret: file, Batch: "split"}, "provider deliverer sends one event in each request"},
		{"batch word", deliverer, Handler{CaptureSecret: file, Batch: "off"}, `"off" is neither split nor whole`},
		{"whole", deliverer, Handler{CaptureSecret: file, Batch: "whole"}, ""},
		{"with the old secret", deliverer, Handler{CaptureSecret: file, Secrets: []Secret{{Secret: "old"}}, InsecureLiteralSecret: true}, ""},
	} {
		_, err := newRoute(t, tt.provider, &tt.handler)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}
