package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestOrderKey: an event is accepted whatever its order key is like, and has one
// only if it can be used.
func TestOrderKey(t *testing.T) {
	t.Parallel()
	customer := verifiers.JSON("/customer")
	for _, tt := range []struct {
		name, body, want string
		from             verifiers.Source
		unsigned         bool
	}{
		{name: "text", from: customer, body: `{"customer":"cus_9 é"}`, want: "cus_9 é"},
		{name: "number", from: customer, body: `{"customer":12345678901234567890}`, want: "12345678901234567890"},
		{name: "absent", from: customer, body: `{}`},
		{name: "null", from: customer, body: `{"customer":null}`},
		{name: "empty", from: customer, body: `{"customer":""}`},
		{name: "an object", from: customer, body: `{"customer":{"id":"x"}}`},
		{name: "with a line end", from: customer, body: `{"customer":"a\r\nce-whtrust: verified"}`},
		{name: "as long as permitted", from: customer, body: `{"customer":"` + strings.Repeat("k", 512) + `"}`, want: strings.Repeat("k", 512)},
		{name: "too long", from: customer, body: `{"customer":"` + strings.Repeat("k", 513) + `"}`},
		{name: "none configured", body: `{"customer":"a"}`},
		{name: "outside the signature", from: verifiers.Header("X-Hub-Delivery"), body: `{}`, want: "d-1", unsigned: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.OrderKey = tt.from })
			if res := post(t, rt, "d-1", tt.body); res.Outcome != gateway.Accepted {
				t.Fatalf("got %v, %v", res.Outcome, res.Err)
			}
			e := pub.Events()[0]
			if e.OrderKey != tt.want {
				t.Errorf("got %q, want %q", e.OrderKey, tt.want)
			}
			if got := slices.Contains(e.Unsigned, "order"); got != tt.unsigned {
				t.Errorf("got unsigned %v", e.Unsigned)
			}
		})
	}
}

// TestOrderKeyOfElements: each element has its own.
func TestOrderKeyOfElements(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { c.OrderKey = verifiers.JSON("/to") }))
	if res := post(t, rt, "d1", `[{"id":"a","to":"x"},{"id":"b"},{"id":"c","to":"y"}]`); res.Outcome != gateway.Accepted {
		t.Fatalf("got %v, %v", res.Outcome, res.Err)
	}
	var keys []string
	for _, e := range byIndex(pub.Events()) {
		keys = append(keys, e.OrderKey)
		if len(e.Unsigned) > 0 {
			t.Errorf("got unsigned %v: all of it is in the body, which is signed", e.Unsigned)
		}
	}
	if got := strings.Join(keys, ","); got != "x,,y" {
		t.Errorf("got %s, want x,,y", got)
	}
}
