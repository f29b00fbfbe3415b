package gateway_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func TestSuspectedReplay(t *testing.T) {
	t.Parallel()
	signedID := func(c *gateway.Config) { c.Provider.ID = verifiers.JSON("/id") }
	for name, tc := range map[string]struct {
		change func(*gateway.Config)
		sent   [][2]string // id, body
		want   []string
	}{
		"new id":        {nil, [][2]string{{"a", payload("1")}, {"b", payload("1")}}, []string{"", "replay"}},
		"third id":      {nil, [][2]string{{"a", payload("1")}, {"b", payload("1")}, {"c", payload("1")}}, []string{"", "replay", "replay"}},
		"other bytes":   {nil, [][2]string{{"a", payload("1")}, {"b", payload("2")}}, []string{"", ""}},
		"retry":         {nil, [][2]string{{"a", payload("1")}, {"a", payload("1")}}, []string{""}},
		"signed id":     {signedID, [][2]string{{"a", payload("1")}, {"b", payload("2")}}, []string{"", ""}},
		"no id":         {func(c *gateway.Config) { c.Provider.ID = verifiers.Source{} }, [][2]string{{"a", payload("1")}, {"b", payload("1")}}, []string{"", ""}},
		"unverified":    {func(c *gateway.Config) { c.Unverified = true }, [][2]string{{"a", payload("1")}, {"b", payload("1")}}, []string{"", ""}},
		"no dedupe too": {func(c *gateway.Config) { c.NoDedupe = true }, [][2]string{{"a", payload("1")}, {"b", payload("1")}}, []string{"", "replay"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tc.change)
			for _, s := range tc.sent {
				if a := r.send(s[0], s[1]); a.StatusCode/100 != 2 {
					t.Fatalf("status %d", a.StatusCode)
				}
			}
			var got []string
			for _, e := range r.pub.Events() {
				got = append(got, e.Suspect)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// What is refused is not remembered: nobody can make an event suspect by sending
// its body without a signature.
func TestForgedBodyIsNotRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	forged := r.request("forged", payload("1"))
	forged.Header.Set("X-Hub-Signature-256", sign("other"))
	if a := r.do(forged); a.StatusCode != 401 {
		t.Fatalf("status %d", a.StatusCode)
	}
	r.send("a", payload("1"))
	if e := r.pub.Events(); len(e) != 1 || e[0].Suspect != "" {
		t.Errorf("got %+v", e)
	}
}

func TestBatchElementsThatAreEqual(t *testing.T) {
	t.Parallel()
	rt, pub, obs := newRoute(t, alter(func(c *gateway.Config) {
		b := *c.Provider.Batch
		b.ID = verifiers.Source{}
		c.Provider.Batch = &b
	}))
	post(t, rt, "d1", `[{"n":1},{"n":1}]`)
	for _, e := range pub.Events() {
		if e.Suspect != "" {
			t.Errorf("element %d is suspect", e.Part.Index)
		}
	}
	post(t, rt, "d2", `[{"n":1},{"n":1}]`)
	var suspects int
	for _, e := range pub.Events() {
		if e.Suspect != "" {
			suspects++
		}
	}
	if r := obs.Records(); suspects != 2 || r[0].Suspect != "" || r[1].Suspect != gateway.SuspectReplay {
		t.Errorf("got %d suspects, want those of the second request: %v", suspects, fmt.Sprint(r))
	}
}
