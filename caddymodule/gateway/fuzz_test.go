package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

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

// FuzzBatch: of a batch that is accepted every element has come through, with
// its exact bytes, and nothing else has.
func FuzzBatch(f *testing.F) {
	for _, body := range []string{
		`[]`, `[{"id":"a"}, {"id":"a"} ,{"id":"a","x":1}]`, `[1,"two",null,[3],{"id":{}},{"type":"\u0000"}]`, `{"id":"a"}`, `[{"id":"a"}`, `[{"id":"\ud800"}]`, "[\"\xff\"]", ` [ ] x`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rt, pub, _ := newRoute(t, func(c *gateway.Config) { batches(c); c.StrictJSON = gateway.StrictOff })
		req := newRequest(t, "https://example.com/hook", "d1", body)
		res := handle(rt, req)
		var want []json.RawMessage
		isJSON := utf8.ValidString(body) && json.Valid([]byte(body))
		isBatch := isJSON && strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "[") && json.Unmarshal([]byte(body), &want) == nil
		switch {
		case !isJSON:
			if res.Outcome != gateway.BodyNotJSON {
				t.Fatalf("got %v, want it refused", res.Outcome)
			}
			return
		case !isBatch:
			if res.Batch != nil || !res.Outcome.Success() {
				t.Fatalf("got %v, %+v, want one event", res.Outcome, res.Batch)
			}
			return
		case !res.Outcome.Success() || res.Batch.Size != len(want):
			t.Fatalf("got %v, %v, %+v, want %d elements", res.Outcome, res.Err, res.Batch, len(want))
		}
		stored := pub.Events()
		for _, q := range pub.Quarantined() {
			stored = append(stored, q.Event)
		}
		counts := res.Batch.Outcomes
		if len(stored) != counts[gateway.Accepted]+counts[gateway.Quarantined] || len(stored)+counts[gateway.Duplicate] != len(want) {
			t.Fatalf("got %d stored of %d, counted %v", len(stored), len(want), counts)
		}
		for _, e := range stored {
			if got := string(e.Body); got != string(want[e.Part.Index]) {
				t.Errorf("%d: got %q, want %q", e.Part.Index, got, want[e.Part.Index])
			}
		}
	})
}
