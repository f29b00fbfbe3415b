package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func TestSuccess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		provider verifiers.Reply
		route    verifiers.Reply
		status   int
		text     string
		ct       string
	}{
		{"nothing configured", verifiers.Reply{}, verifiers.Reply{}, 200, "", ""},
		{"the provider's", verifiers.Reply{Status: 202, Body: "<Response/>", ContentType: "text/xml"}, verifiers.Reply{}, 202, "<Response/>", "text/xml"},
		{"the route's", verifiers.Reply{Status: 202, Body: "x"}, verifiers.Reply{Status: 204}, 204, "", ""},
		{"text", verifiers.Reply{}, verifiers.Reply{Body: "ok"}, 200, "ok", "text/plain; charset=utf-8"},
		{"echo", verifiers.Reply{}, verifiers.Reply{Echo: verifiers.JSON("/id")}, 200, "1", "text/plain; charset=utf-8"},
		{"echo of what is not there", verifiers.Reply{}, verifiers.Reply{Status: 201, Echo: verifiers.JSON("/none")}, 201, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, _, _ := newRoute(t, func(c *gateway.Config) { c.Provider.Success, c.Success = tt.provider, tt.route })
			for range 2 { // a duplicate is answered like the first
				res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
				if res.Status != tt.status || string(res.Body) != tt.text || res.Header.Get("Content-Type") != tt.ct {
					t.Errorf("got %d %q %q, want %d %q %q", res.Status, res.Body, res.Header.Get("Content-Type"), tt.status, tt.text, tt.ct)
				}
				res.Header.Set("Cache-Control", "spoilt by the caller")
			}
			if res := handle(rt, newRequest(t, "https://example.com/hook", "d2", payload("1"))); res.Header.Get("Cache-Control") != "no-store" {
				t.Error("answers share their headers")
			}
		})
	}
}

func TestHandshakeAnswerHeaders(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.Provider.Handshakes = []verifiers.Handshake{{
			Name: "options", Method: http.MethodOptions,
			Reply: verifiers.Reply{Header: map[string]string{"webhook-allowed-origin": "*"}},
		}}
		c.Options = nil
	})
	req := newRequest(t, "https://example.com/hook", "", "")
	req.Method = http.MethodOptions
	res := handle(rt, req)
	if res.Outcome != gateway.Handshaken || res.Status != 200 || res.Header.Get("WebHook-Allowed-Origin") != "*" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v, %d %v, want the reply's header besides our own", res.Outcome, res.Status, res.Header)
	}
	req.Method = http.MethodPut
	if got := handle(rt, req).Header.Get("Allow"); got != "OPTIONS, POST" {
		t.Errorf("got Allow %q, want OPTIONS, POST", got)
	}
}

// TestPublisherErrors: the kinds that are not in the table of outcomes.
func TestPublisherErrors(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"deadline": context.DeadlineExceeded, "canceled": context.Canceled,
	} {
		rt, pub, _ := newRoute(t, nil)
		pub.Fail(err)
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.BrokerTimeout {
			t.Errorf("%s: got %v, want %v", name, res.Outcome, gateway.BrokerTimeout)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		rt, _, _ := newRoute(t, func(c *gateway.Config) { c.Publisher = vague{} })
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.BrokerTimeout {
			t.Errorf("unknown error at the deadline: got %v, want %v", res.Outcome, gateway.BrokerTimeout)
		}
	})
}

// vague is a publisher that waits for its deadline and does not say so.
type vague struct{ noProof }

func (vague) Publish(ctx context.Context, _ *gateway.Event) (gateway.Ack, error) {
	<-ctx.Done()
	return gateway.Ack{}, errors.New("odd")
}

// TestPeer: only a certificate that the server has verified is handed on.
func TestPeer(t *testing.T) {
	t.Parallel()
	cert := &x509.Certificate{}
	for name, tt := range map[string]struct {
		state *tls.ConnectionState
		want  *x509.Certificate
	}{
		"no TLS":       {nil, nil},
		"not verified": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}, nil},
		"verified":     {&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{cert}}}, cert},
	} {
		var got *x509.Certificate
		rt, _, _ := newRoute(t, func(c *gateway.Config) {
			c.Verifier = verifiers.VerifierFunc(func(_ context.Context, req *verifiers.Request) (verifiers.Result, error) {
				got = req.Peer
				return verifiers.Result{Covers: &verifiers.Coverage{}}, nil
			})
		})
		req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
		req.TLS = tt.state
		handle(rt, req)
		if got != tt.want {
			t.Errorf("%s: got peer %p, want %p", name, got, tt.want)
		}
	}
}

func TestStages(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for s := range gateway.NumStages {
		if s.String() == "" || seen[s.String()] {
			t.Errorf("stage %d: got %q, want a word of its own", s, s)
		}
		seen[s.String()] = true
	}
	synctest.Test(t, func(t *testing.T) {
		rt, pub, obs := newRoute(t, nil)
		pub.Delay(time.Second)
		handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
		if got := obs.Records()[0].Stages; got != [gateway.NumStages]time.Duration{gateway.StagePublish: time.Second} {
			t.Errorf("got %v, want a second for publishing", got)
		}
	})
}

// TestRetryAfterIsSpread: senders are asked to come back at different times, none
// earlier than there may be room again.
func TestRetryAfterIsSpread(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.Jitter = nil // at random
		c.ClientRate = gateway.Rate{Count: 1, Per: 100 * time.Second}
		c.Time = func() time.Time { return time.Unix(1531420618, 0) }
	})
	handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	seen := make(map[int]int)
	for range 300 {
		res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
		n, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || n < 100 || n > 150 || res.Outcome != gateway.ClientLimited {
			t.Fatalf("got %v with Retry-After %q, want 100 to 150", res.Outcome, res.Header.Get("Retry-After"))
		}
		seen[n]++
	}
	// Of 51 values 300 tries leave hardly any out.
	if len(seen) < 30 {
		t.Errorf("got %d different values, want most of 51", len(seen))
	}
}
