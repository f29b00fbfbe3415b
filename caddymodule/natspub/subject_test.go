package natspub

import (
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func TestSubject(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 65)
	for _, tt := range []struct{ name, typ, want string }{
		{"stripe", "customer.subscription.created", "customer.subscription.created"},
		{"shopify", "orders/create", "orders.create"},
		{"colon", "a:b", "a.b"},
		{"space", "Push Hook", "Push=20Hook"},
		{"wildcards", "*.>", "=2A.=3E"},
		{"equals", "=20", "=3D20"},
		{"no type", "", "_"},
		{"underscore", "_", "_"},
		{"empty tokens", "a..b.", "a.=.b.="},
		{"utf-8", "é", "=C3=A9"},
		{"newline", "a\r\nb", "a=0D=0Ab"},
		{"64 bytes", long[1:], long[1:]},
		{"65 bytes", long, long[:54] + "=~635361c4"},
		{"eight tokens", "1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7.8"},
		{"nine tokens", "1.2.3.4.5.6.7.8.9", "1.2.3.4.5.6.7.8=2E9=~ed151875"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := Subject(&gateway.Event{Tenant: "t", Source: "s", Type: tt.typ, Trust: gateway.Verified})
			if want := "wh.v1.t.s." + tt.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	if got := Subject(&gateway.Event{Tenant: "t", Source: "s", Trust: gateway.Unverified}); got != "wh-unverified.v1.t.s._" {
		t.Errorf("got %s for an unverified event", got)
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("a.b", "c")
	f.Add("=20", " ")
	f.Add("", "_")
	f.Add(strings.Repeat("*.", 20), ">")
	f.Fuzz(func(t *testing.T, a, b string) {
		subject := func(typ string) string {
			return Subject(&gateway.Event{Tenant: "t", Source: "s", Type: typ, Trust: gateway.Verified})
		}
		sa := subject(a)
		tokens := strings.Split(strings.TrimPrefix(sa, "wh.v1.t.s."), ".")
		if len(tokens) > maxTokens {
			t.Errorf("%q: %d tokens", a, len(tokens))
		}
		for _, token := range tokens {
			if token == "" || len(token) > maxToken || strings.ContainsFunc(token, func(r rune) bool {
				return !plain(byte(r)) && r != '=' && r != '~' || r > 127
			}) {
				t.Errorf("%q: token %q", a, token)
			}
		}
		// Within one token, and where nothing is cut, no two types share one.
		if strings.ContainsAny(a+b, "./:") || escapedLen(a) > maxToken || escapedLen(b) > maxToken || a == "" || b == "" || a == "_" || b == "_" {
			return
		}
		if a != b && sa == subject(b) {
			t.Errorf("%q and %q share %s", a, b, sa)
		}
	})
}

func TestMsgID(t *testing.T) {
	t.Parallel()
	// Computed with another implementation: consumers may rely on it.
	if got, want := MsgID("default", "github", "72d3162e"), "l4n0u2WLxTcauMTBMwL9TK"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	ids := map[string]string{}
	for _, parts := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "b", "c1"}, {"1:a", "b", "c"}} {
		id := MsgID(parts[0], parts[1], parts[2])
		if other, taken := ids[id]; taken {
			t.Errorf("%q and %q share an id", parts, other)
		}
		ids[id] = strings.Join(parts[:], "|")
	}
}
