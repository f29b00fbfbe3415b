package gateway_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// capturer is a [gateway.Capturer] that keeps the first secret.
type capturer struct {
	kept string
	err  error
}

func (c *capturer) Capture(secret string) error {
	switch {
	case c.err != nil:
		return c.err
	case c.kept == "":
		c.kept = secret
	case c.kept != secret:
		return gateway.ErrOtherSecret
	}
	return nil
}

// delivers makes the sender of a route deliver its secret in a first request.
func delivers(c *gateway.Config) {
	c.Provider.Handshakes = []verifiers.Handshake{{
		Name:    "secret",
		When:    []verifiers.Match{verifiers.Header("X-Hook-Secret").Present()},
		Capture: verifiers.Header("X-Hook-Secret"),
		Reply:   verifiers.Reply{Status: 204, Header: map[string]string{"X-Hook-Secret": "{header:X-Hook-Secret}"}},
	}}
	c.Options = nil
}

func deliver(t *testing.T, url string, values ...string) *http.Request {
	t.Helper()
	req := newRequest(t, url, "d1", "{}")
	req.Header.Del("X-Hub-Signature-256")
	req.Header["X-Hook-Secret"] = values
	return req
}

func TestCapture(t *testing.T) {
	t.Parallel()
	kept := &capturer{}
	rt, pub, obs := newRoute(t, func(c *gateway.Config) {
		delivers(c)
		c.Capturer = kept
	})
	for _, tt := range []struct {
		name    string
		values  []string
		err     error
		outcome gateway.Outcome
		reason  string
		status  int
		kept    string
	}{
		{"cannot be kept", []string{marker + "1"}, errors.New("disk full"), gateway.CaptureFailed, "capture_failed", 503, ""},
		{"unfit", []string{marker + "1"}, fmt.Errorf("unfit: %w", verifiers.ErrMalformed), gateway.HandshakeRefused, "malformed", 403, ""},
		{"two values", []string{marker, "b"}, nil, gateway.HandshakeRefused, "malformed", 403, ""},
		{"first", []string{marker + "1"}, nil, gateway.Handshaken, "answered", 204, marker + "1"},
		{"again", []string{marker + "1"}, nil, gateway.Handshaken, "answered", 204, marker + "1"},
		{"another", []string{marker + "2"}, nil, gateway.HandshakeRefused, "other_secret", 403, marker + "1"},
		{"not kept", []string{marker + "1"}, gateway.ErrNotKept, gateway.HandshakeRefused, "not_kept", 403, marker + "1"},
	} {
		kept.err = tt.err
		if tt.name == "two values" {
			// The condition would not hold: only a sender that is asked for more.
			rt, pub, obs = newRoute(t, func(c *gateway.Config) {
				delivers(c)
				c.Provider.Handshakes[0].When, c.Capturer = nil, kept
			})
		}
		res := handle(rt, deliver(t, "https://example.com/hook", tt.values...))
		if res.Outcome != tt.outcome || res.Reason != tt.reason || res.Status != tt.status || kept.kept != tt.kept {
			t.Errorf("%s: got %v, %q, %d, %v, kept %q", tt.name, res.Outcome, res.Reason, res.Status, res.Err, kept.kept)
		}
		if got := res.Header.Get("X-Hook-Secret"); got != map[bool]string{true: tt.kept}[res.Status == 204] {
			t.Errorf("%s: got the header %q in the answer", tt.name, got)
		}
		if text := fmt.Sprintf("%+v %q", res.Record, errorChain(res.Err)); strings.Contains(text, marker) {
			t.Errorf("%s: the record holds the secret: %s", tt.name, text)
		}
	}
	if len(pub.Events())+len(pub.Quarantined()) > 0 || obs.Records()[0].Handshake != "secret" {
		t.Errorf("got %d events, %+v", len(pub.Events()), obs.Records())
	}
}

// TestCaptureWithoutPlace: what is not kept is not answered, unless nothing is
// checked anyway.
func TestCaptureWithoutPlace(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, delivers)
	if res := handle(rt, deliver(t, "https://example.com/hook", marker)); res.Outcome != gateway.HandshakeRefused || res.Reason != "not_kept" {
		t.Errorf("got %v, %q", res.Outcome, res.Reason)
	}
	rt, _, _ = newRoute(t, func(c *gateway.Config) {
		delivers(c)
		c.Unverified = true
	})
	if res := handle(rt, deliver(t, "https://example.com/hook", marker)); res.Outcome != gateway.Handshaken {
		t.Errorf("unverified: got %v, %v", res.Outcome, res.Err)
	}
	rt, _, _ = newRoute(t, func(c *gateway.Config) {
		delivers(c)
		c.NoHandshakes = true
	})
	if res := handle(rt, deliver(t, "https://example.com/hook", marker)); res.Outcome != gateway.BadSignature {
		t.Errorf("no handshakes: got %v, %v", res.Outcome, res.Err)
	}
}

// TestCapturedHeaderIsNotForwarded, whoever asks for it.
func TestCapturedHeaderIsNotForwarded(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{
		Tenant: "a", Source: "b", NoPublish: true, Unverified: true, Headers: []string{"X-Hook-Secret"},
		Provider: verifiers.Provider{Name: "p", Handshakes: []verifiers.Handshake{{Name: "s", Capture: verifiers.Header("X-Hook-Secret")}}},
	})
	if err == nil || !strings.Contains(err.Error(), "X-Hook-Secret") {
		t.Errorf("got %v, want the header refused", err)
	}
}
