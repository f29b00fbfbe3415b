package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestFinal4xx: senders that never repeat a 4xx are not told one that is only
// for now.
func TestFinal4xx(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		change        func(*gateway.Config)
		outcome       gateway.Outcome
		status, final int
	}{
		{"client", func(c *gateway.Config) { c.ClientRate = gateway.Rate{Count: 1, Per: time.Hour} }, gateway.ClientLimited, 429, 503},
		{"source", func(c *gateway.Config) { c.SourceRate = gateway.Rate{Count: 1, Per: time.Hour} }, gateway.SourceLimited, 429, 503},
		{"too large", func(c *gateway.Config) { c.MaxBody = 1 }, gateway.BodyTooLarge, 413, 413},
		{"type", func(c *gateway.Config) { c.ContentTypes = []string{"text/plain"} }, gateway.UnsupportedMediaType, 415, 415},
	} {
		for _, final := range []bool{false, true} {
			rt, _, _ := newRoute(t, func(c *gateway.Config) {
				c.Provider.Final4xx = final
				tt.change(c)
			})
			post(t, rt, "d1", payload("1"))
			res := post(t, rt, "d2", payload("2"))
			want, code := tt.status, tt.outcome.Code()
			if final {
				want = tt.final
			}
			if want == 503 {
				code = "unavailable"
			}
			if res.Outcome != tt.outcome || res.Status != want || res.Code != code || string(res.Body) != code+" "+res.RequestID+"\n" {
				t.Errorf("%s, final %v: got %v, %d, %q, want %d, %s", tt.name, final, res.Outcome, res.Status, res.Body, want, code)
			}
			if got := res.Header.Get("Retry-After") != ""; got != (want == 429 || want == 503) {
				t.Errorf("%s, final %v: got Retry-After %q", tt.name, final, res.Header.Get("Retry-After"))
			}
		}
	}
	rt, _, _ := newRoute(t, func(c *gateway.Config) { c.Provider.Final4xx = true })
	req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
	req.ContentLength++
	if res := handle(rt, req); res.Outcome != gateway.BodyCut || res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("body cut: got %v, %d", res.Outcome, res.Status)
	}
}
