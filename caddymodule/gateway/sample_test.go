package gateway_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// discard takes samples and keeps none.
type discard struct{}

func (discard) Sample(*gateway.Event, gateway.Quarantine) {}

// forge sends a request with a wrong signature.
func forge(t testing.TB, rt *gateway.Route, id string) gateway.Result {
	t.Helper()
	r := newRequest(t, "http://127.0.0.1/hook", id, payload(id))
	r.Header.Set("X-Hub-Signature-256", sign("other"))
	r.RequestURI = "/hook"
	return rt.Handle(httptest.NewRecorder(), gateway.Request{Request: r})
}

// TestSampleRate: a few are offered, and then one a minute, for each reason.
func TestSampleRate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1531420618, 0)
	s := &sampler{}
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.Sampler, c.SampleSize, c.Time = s, 100, func() time.Time { return now }
	})
	for i := range 100 {
		if res := forge(t, rt, fmt.Sprint(i)); res.Outcome != gateway.BadSignature {
			t.Fatal(res.Outcome)
		}
	}
	if got := len(s.all()); got != 5 {
		t.Errorf("got %d samples at once, want 5", got)
	}
	now = now.Add(3 * time.Minute)
	for i := range 100 {
		forge(t, rt, fmt.Sprint("later", i))
	}
	if got := len(s.all()); got != 8 {
		t.Errorf("got %d samples after three minutes, want 8", got)
	}
	// Another reason has its own.
	r := newRequest(t, "http://127.0.0.1/hook", "d", payload("d"))
	r.Header.Del("X-Hub-Signature-256")
	rt.Handle(httptest.NewRecorder(), gateway.Request{Request: r})
	all := s.all()
	if len(all) != 9 || all[8].Detail != "hub: header X-Hub-Signature-256: missing" {
		t.Errorf("got %d samples, want one for a missing signature", len(all))
	}
	// A body that is too large is not kept.
	now = now.Add(time.Hour)
	forge(t, rt, fmt.Sprintf("%0100d", 1))
	if got := len(s.all()); got != 9 {
		t.Errorf("got %d samples, want none of a large body", got)
	}
	if _, err := gateway.New(gateway.Config{SampleRate: gateway.Rate{Count: -1}, SampleSize: -1}); err == nil {
		t.Error("a negative rate was taken")
	}
}

func BenchmarkRefusal(b *testing.B) {
	for name, change := range map[string]func(*gateway.Config){
		"off": func(*gateway.Config) {},
		"on":  func(c *gateway.Config) { c.Sampler = discard{} },
		// Never more than a few: for what one costs.
		"each": func(c *gateway.Config) {
			c.Sampler, c.SampleRate = discard{}, gateway.Rate{Count: 1e6, Per: time.Second, Burst: 1e9}
		},
	} {
		b.Run(name, func(b *testing.B) {
			rt, _, _ := newRoute(b, func(c *gateway.Config) { c.Observer = nil; change(c) })
			body := payload("d")
			r := newRequest(b, "http://127.0.0.1/hook", "d", body)
			r.Header.Set("X-Hub-Signature-256", sign("other"))
			r.RequestURI = "/hook"
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(body))
				if res := rt.Handle(w, gateway.Request{Request: r}); res.Outcome != gateway.BadSignature {
					b.Fatal(res.Outcome)
				}
			}
		})
	}
}
