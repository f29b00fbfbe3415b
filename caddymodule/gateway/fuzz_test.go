package gateway_test

import (
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// FuzzHandle: whatever is sent, nothing panics, and nothing that is not signed
// is stored or told that it has arrived.
func FuzzHandle(f *testing.F) {
	f.Add("POST", "application/json", "d1", "push", payload("1"), sign(payload("1")))
	f.Add("POST", "application/json", "d1", "push", payload("1"), "sha256=")
	f.Add("POST", "application/json; charset", "", "", `{"type":"confirmation","url":"https://confirm.example.com/"}`, "")
	f.Add("GET", "", "", "", "", "")
	f.Add("PUT", "a/b;c=\"", "\x00", "\xff", "[", "sha1=00")
	f.Fuzz(func(t *testing.T, method, contentType, id, typ, body, signature string) {
		rt, pub, obs := newRoute(t, nil)
		req := newRequest(t, "https://example.com/hook?hub.mode=subscribe", id, body)
		req.Method = method
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("X-Hub-Event", typ)
		req.Header.Set("X-Hub-Signature-256", signature)
		res := handle(rt, req)
		if res.Outcome == gateway.Internal {
			t.Errorf("got %v: %v", res.Outcome, res.Err)
		}
		signed := strings.EqualFold(signature, sign(body)) // hex may be in either case
		if !signed && (res.Outcome.Success() || res.Status/100 == 2 || pub.Calls() > 0) {
			t.Errorf("got %v (%d) and %d calls of the publisher for a request that is not signed", res.Outcome, res.Status, pub.Calls())
		}
		if len(obs.Records()) != 1 {
			t.Errorf("got %d records, want 1", len(obs.Records()))
		}
	})
}
