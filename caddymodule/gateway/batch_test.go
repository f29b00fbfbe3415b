package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// batches makes the sender of a route send arrays.
func batches(c *gateway.Config) {
	c.Provider.Batch = &verifiers.Batch{ID: verifiers.JSON("/id"), Type: verifiers.JSON("/type"), Time: verifiers.JSON("/time")}
}

// alter returns a change of the configuration after batches.
func alter(changes ...func(*gateway.Config)) func(*gateway.Config) {
	return func(c *gateway.Config) {
		batches(c)
		for _, change := range changes {
			change(c)
		}
	}
}

// post takes a signed request through a route.
func post(t *testing.T, rt *gateway.Route, id, body string) gateway.Result {
	t.Helper()
	return handle(rt, newRequest(t, "https://example.com/hook", id, body))
}

// byIndex returns the stored events in the order of the batch, which the fake does
// not keep.
func byIndex(events []gateway.Event) []gateway.Event {
	slices.SortStableFunc(events, func(a, b gateway.Event) int { return a.Part.Index - b.Part.Index })
	return events
}

func TestBatch(t *testing.T) {
	t.Parallel()
	body := "[ {\"id\" : \"a\",\"type\":\"one\",\"time\":1531420618} ,\n{\"type\":\"two\",\"id\":2}, {\"id\":null,\"x\":[1 , 2]},7]\r\n"
	rt, pub, obs := newRoute(t, batches)
	res := post(t, rt, "d1", body)
	if res.Outcome != gateway.Accepted || res.Status != 200 || res.Err != nil {
		t.Fatalf("got %v, %d, %v, want it accepted", res.Outcome, res.Status, res.Err)
	}
	want := []struct{ id, typ, body string }{
		{"a", "one", `{"id" : "a","type":"one","time":1531420618}`},
		{"2", "two", `{"type":"two","id":2}`},
		{"d1.2", "", `{"id":null,"x":[1 , 2]}`},
		{"d1.3", "", `7`},
	}
	events := byIndex(pub.Events())
	if len(events) != len(want) {
		t.Fatalf("got %d events, want %d", len(events), len(want))
	}
	for i, e := range events {
		w := want[i]
		if e.ID != w.id || !e.HasID || e.Type != w.typ || string(e.Body) != w.body || e.Digest != sha256.Sum256([]byte(w.body)) {
			t.Errorf("%d: got %+v, want %+v", i, e, w)
		}
		if *e.Part != (gateway.Part{Batch: "d1", Index: i, Size: 4}) || e.IngestID != res.RequestID || e.Trust != gateway.Verified {
			t.Errorf("%d: got %+v of %s, %s", i, e.Part, e.IngestID, e.Trust)
		}
		if e.ContentType != "application/json" || e.Header.Get("X-Hub-Signature-256") == "" || e.Tenant != "acme" || e.Source != "code" {
			t.Errorf("%d: got %q, %v", i, e.ContentType, e.Header)
		}
		if len(e.Unsigned) != 0 {
			t.Errorf("%d: got unsigned %v: all of it is in the body, which is signed", i, e.Unsigned)
		}
	}
	if at := time.Unix(1531420618, 0); !events[0].Time.Equal(at) || !events[1].Time.IsZero() {
		t.Errorf("got times %v and %v", events[0].Time, events[1].Time)
	}
	rec := obs.Records()[0]
	if len(obs.Records()) != 1 || rec.EventID != "d1" || rec.Batch == nil || rec.Batch.Size != 4 || rec.Batch.Outcomes[gateway.Accepted] != 4 {
		t.Errorf("got records %+v, want one for the request", obs.Records())
	}

	// The retry may hold more: what is stored is a duplicate, the rest is new.
	if res := post(t, rt, "d1", body); res.Outcome != gateway.Duplicate || res.Batch.Outcomes[gateway.Duplicate] != 4 {
		t.Errorf("retry: got %v, %v", res.Outcome, res.Batch)
	}
	if res := post(t, rt, "d2", `[{"id":"a"},{"id":"new"}]`); res.Outcome != gateway.Accepted ||
		res.Batch.Outcomes[gateway.Quarantined] != 1 || res.Batch.Outcomes[gateway.Accepted] != 1 || res.Err == nil {
		t.Errorf("an id with other bytes: got %v, %v, %v", res.Outcome, res.Batch, res.Err)
	}
	if q := pub.Quarantined(); len(pub.Events()) != 5 || len(q) != 1 || q[0].Why.Reason != "conflict" || q[0].Part.Index != 0 {
		t.Errorf("got %d events, quarantine %+v", len(pub.Events()), q)
	}
}

// TestBatchSources: where the attributes of elements come from.
func TestBatchSources(t *testing.T) {
	t.Parallel()
	const array = `[{"id":"a","type":"x","k":"v"},{"id":"b","type":"y"}]`
	object := `{"list":` + array + `,"type":"outer","time":1531420618}`
	for _, tt := range []struct {
		name     string
		change   func(*gateway.Config)
		id, body string
		ids      string
		types    string
		unsigned string
		trouble  string // reasons of quarantine
	}{
		{name: "zero", change: func(c *gateway.Config) { c.Provider.Batch = &verifiers.Batch{} }, id: "d", body: array, ids: "d.0 d.1", types: "push push", unsigned: "id,type"},
		{name: "inside", change: func(c *gateway.Config) { c.Provider.Batch.Elements = "/list" }, id: "d", body: object, ids: "a b", types: "x y"},
		{name: "request's id is missing", change: func(c *gateway.Config) { c.Provider.Batch = &verifiers.Batch{} }, body: array, ids: "0 1", types: "push push", unsigned: "id,type"},
		{
			name: "in a header", change: func(c *gateway.Config) { c.Provider.Batch.ID = verifiers.Header("X-Hub-Delivery") },
			id: "d", body: array, ids: "d.0 d.1", types: "x y", unsigned: "id",
		},
		{
			name: "request's type", change: func(c *gateway.Config) {
				c.Provider.Batch = &verifiers.Batch{Elements: "/list", ID: verifiers.JSON("/id")}
				c.Provider.Type = verifiers.JSON("/type")
			},
			id: "d", body: object, ids: "a b", types: "outer outer",
		},
		{name: "operator's", change: func(c *gateway.Config) {
			c.EventID, c.EventType = verifiers.JSON("/k"), verifiers.Const("c")
		}, id: "d", body: array, ids: "v d.1", types: "c c", trouble: "no_id"},
		{name: "operator's header", change: func(c *gateway.Config) { c.EventID = verifiers.Header("X-Hub-Delivery") }, id: "d", body: array, ids: "d.0 d.1", types: "x y", unsigned: "id"},
		{name: "first of", change: func(c *gateway.Config) {
			c.Provider.Batch.ID = verifiers.First(verifiers.JSON("/k"), verifiers.JSON("/id"))
		}, id: "d", body: array, ids: "v b", types: "x y"},
		{name: "malformed id", change: func(*gateway.Config) {}, id: "d", body: `[{"id":{}},{"id":"b\nc"},{"id":"d"}]`, ids: "d.0 d.1 d", types: "  ", trouble: "no_id no_id"},
		{name: "no array", change: func(*gateway.Config) {}, id: "d", body: `{"id":"whole"}`, ids: "d", types: "push", unsigned: "id,type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, alter(tt.change))
			res := post(t, rt, tt.id, tt.body)
			if !res.Outcome.Success() {
				t.Fatalf("got %v, %v", res.Outcome, res.Err)
			}
			events := pub.Events()
			var trouble []string
			for _, q := range pub.Quarantined() {
				events = append(events, q.Event)
				trouble = append(trouble, q.Why.Reason)
			}
			if events[0].Part != nil {
				byIndex(events)
			}
			var ids, types []string
			for _, e := range events {
				ids, types = append(ids, strings.TrimPrefix(e.ID, res.RequestID+".")), append(types, e.Type)
				if e.HasID == strings.HasPrefix(e.ID, res.RequestID) {
					t.Errorf("%s: got HasID %v", e.ID, e.HasID)
				}
				if got := strings.Join(e.Unsigned, ","); got != tt.unsigned {
					t.Errorf("%s: got unsigned %q, want %q", e.ID, got, tt.unsigned)
				}
			}
			if got := strings.Join(ids, " "); got != tt.ids {
				t.Errorf("got ids %q, want %q", got, tt.ids)
			}
			if got := strings.Join(types, " "); got != tt.types {
				t.Errorf("got types %q, want %q", got, tt.types)
			}
			if got := strings.Join(trouble, " "); got != tt.trouble {
				t.Errorf("got quarantine %q, want %q", got, tt.trouble)
			}
		})
	}
}

// TestBatchInAForm: the array is in a field, whose text counts.
func TestBatchInAForm(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) {
		c.Provider.Batch.In = verifiers.Form("events")
		c.Provider.NeedsJSON, c.Provider.ContentTypes = false, nil
	}))
	for _, tt := range []struct {
		body    string
		outcome gateway.Outcome
	}{
		{"events=" + url.QueryEscape(`[{"id": "a"},{"id":"b"}]`), gateway.Accepted},
		{"events=x", gateway.Quarantined},
		{"other=1", gateway.Accepted},
	} {
		req := newRequest(t, "https://example.com/hook", "d-"+tt.body, tt.body)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if res := handle(rt, req); res.Outcome != tt.outcome {
			t.Errorf("%s: got %v, %v, want %v", tt.body, res.Outcome, res.Err, tt.outcome)
		}
	}
	events := pub.Events()
	if len(events) != 3 {
		t.Fatalf("got %d events, want 3", len(events))
	}
	byIndex(events[:2])
	for i, want := range []string{`{"id": "a"}`, `{"id":"b"}`} {
		if e := events[i]; string(e.Body) != want || e.ContentType != "application/json" || len(e.Unsigned) > 0 {
			t.Errorf("got %q, %q, unsigned %v", e.Body, e.ContentType, e.Unsigned)
		}
	}
	if e := events[2]; e.Part != nil || string(e.Body) != "other=1" || e.ContentType != "application/x-www-form-urlencoded" {
		t.Errorf("got %q, %q, %v, want the whole", e.Body, e.ContentType, e.Part)
	}
}

// TestBatchRetriesThatVary: what the sender is known to change does not make a
// retry another event, in no element.
func TestBatchRetriesThatVary(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { c.Provider.Varies = []string{"/attempt", "/meta/sent"} }))
	for i, tt := range []struct {
		body    string
		outcome gateway.Outcome
	}{
		{`[{"id":"a","attempt":0},{"id":"b","attempt":0,"meta":{"sent":1,"x":2}}]`, gateway.Accepted},
		{`[{"id":"a","attempt":1},{"id":"b","attempt":1,"meta":{"sent":2,"x":2}}]`, gateway.Duplicate},
		{`[{"id":"b","attempt":2,"meta":{"sent":2,"x":3}}]`, gateway.Quarantined},
		{`{"attempt":0,"x":1}`, gateway.Accepted},
		{`{"attempt":1,"x":1}`, gateway.Duplicate},
		{`{"attempt":1,"x":2}`, gateway.Quarantined},
	} {
		if res := post(t, rt, "d", tt.body); res.Outcome != tt.outcome {
			t.Errorf("%d: got %v, %v, want %v", i, res.Outcome, res.Err, tt.outcome)
		}
	}
	if len(pub.Events()) != 3 || len(pub.Quarantined()) != 2 {
		t.Errorf("got %d events and %d in quarantine", len(pub.Events()), len(pub.Quarantined()))
	}
}

func TestWholeBatch(t *testing.T) {
	t.Parallel()
	const body = `[{"id":"a"},{"id":"b"}]`
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { c.WholeBatch = true }))
	for _, b := range []string{body, "[]"} {
		if res := post(t, rt, "d"+b, b); res.Outcome != gateway.Accepted || res.Batch != nil {
			t.Errorf("got %v, %v", res.Outcome, res.Batch)
		}
	}
	events := pub.Events()
	if len(events) != 2 || string(events[0].Body) != body || events[0].Part != nil || events[0].ID != "d"+body || events[0].Type != "push" {
		t.Errorf("got %+v", events)
	}
}

// TestBatchElements: each element has its own fate.
func TestBatchElements(t *testing.T) {
	t.Parallel()
	refuseBad := gatewaytest.ValidatorFunc(func(_ string, payload any) (string, error) {
		if o, ok := payload.(map[string]any); ok && o["bad"] == true {
			return "s.json", errors.New("/bad: const")
		}
		return "s.json", nil
	})
	const body = `[{"id":"a","type":"t"},{"id":"b","type":"t","bad":true},{"id":"c","type":"u"},{"id":"d","type":"t","n":` + "1.50" + `}]`
	for _, tt := range []struct {
		name    string
		change  func(*gateway.Config)
		outcome gateway.Outcome
		stored  [2]int
		schema  gateway.SchemaVerdict
		retry   gateway.Outcome
	}{
		{"quarantine", func(c *gateway.Config) { c.Validator = refuseBad }, gateway.Accepted, [2]int{3, 1}, gateway.SchemaInvalid, gateway.Duplicate},
		{
			"tag", func(c *gateway.Config) { c.Validator, c.OnInvalid = refuseBad, gateway.OnInvalidTag },
			gateway.Accepted,
			[2]int{4, 0},
			gateway.SchemaInvalid, gateway.Duplicate,
		},
		{
			"reject", func(c *gateway.Config) { c.Validator, c.OnInvalid = refuseBad, gateway.OnInvalidReject },
			gateway.SchemaRejected,
			[2]int{3, 0},
			gateway.SchemaInvalid, gateway.SchemaRejected,
		},
		{"filter", func(c *gateway.Config) { c.Drop = []string{"t"} }, gateway.Accepted, [2]int{1, 0}, gateway.SchemaNone, gateway.Duplicate},
		{"filter all", func(c *gateway.Config) { c.Accept = []string{"none"} }, gateway.Dropped, [2]int{0, 0}, gateway.SchemaNone, gateway.Dropped},
		{"no deduplication", func(c *gateway.Config) { c.NoDedupe = true }, gateway.Accepted, [2]int{4, 0}, gateway.SchemaNone, gateway.Accepted},
		{"handed on", func(c *gateway.Config) { c.NoPublish, c.Publisher = true, nil }, gateway.PassedThrough, [2]int{0, 0}, gateway.SchemaNone, gateway.PassedThrough},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, alter(tt.change))
			res := post(t, rt, "d1", body)
			if res.Outcome != tt.outcome || res.Schema != tt.schema {
				t.Errorf("got %v, schema %s, %v, want %v, %s", res.Outcome, res.Schema, res.Err, tt.outcome, tt.schema)
			}
			if got := [2]int{len(pub.Events()), len(pub.Quarantined())}; got != tt.stored {
				t.Errorf("got %v stored, want %v", got, tt.stored)
			}
			if res := post(t, rt, "d1", body); res.Outcome != tt.retry {
				t.Errorf("retry: got %v, want %v", res.Outcome, tt.retry)
			}
		})
	}
}

// TestBatchLimit: a batch takes as many tokens as it has events, and one that
// could never have enough takes all.
func TestBatchLimit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) {
		c.SourceRate = gateway.Rate{Count: 10, Per: time.Second}
		c.Time = func() time.Time { return now }
	}))
	list := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]"
	}
	for i, tt := range []struct {
		n       int
		pause   time.Duration
		outcome gateway.Outcome
		after   string
	}{
		{8, 0, gateway.Accepted, ""},
		{5, 0, gateway.SourceLimited, "1"},
		{2, 0, gateway.Accepted, ""},
		{1, 0, gateway.SourceLimited, "1"},
		{50, 500 * time.Millisecond, gateway.SourceLimited, "1"},
		{50, 500 * time.Millisecond, gateway.Accepted, ""},
		{1, 0, gateway.SourceLimited, "1"},
	} {
		now = now.Add(tt.pause)
		res := post(t, rt, fmt.Sprint("d", i), list(tt.n))
		if res.Outcome != tt.outcome || res.Header.Get("Retry-After") != tt.after {
			t.Errorf("%d: got %v, Retry-After %q, want %v, %q", i, res.Outcome, res.Header.Get("Retry-After"), tt.outcome, tt.after)
		}
	}
	if len(pub.Events()) != 60 {
		t.Errorf("got %d events, want 60", len(pub.Events()))
	}
}

// TestTooManyElements: nothing is lost, and no filter throws it away.
func TestTooManyElements(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Repeat("1,", verifiers.MaxElements) + "1]"
	rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { c.Accept = []string{"none"} }))
	res := post(t, rt, "d1", body)
	q := pub.Quarantined()
	if res.Outcome != gateway.Quarantined || res.Reason != "too_many" || len(q) != 1 || string(q[0].Body) != body || q[0].Part != nil || q[0].ID != "d1" {
		t.Errorf("got %v, %q, %d in quarantine", res.Outcome, res.Reason, len(q))
	}
	rt, _, _ = newRoute(t, alter(func(c *gateway.Config) { c.NoQuarantine = true }))
	if res := post(t, rt, "d1", body); res.Outcome != gateway.SchemaRejected || res.Status != 422 {
		t.Errorf("without quarantine: got %v, %d", res.Outcome, res.Status)
	}
}

// TestBatchOfMany stores a large batch completely, byte for byte.
func TestBatchOfMany(t *testing.T) {
	t.Parallel()
	var list []json.RawMessage
	for i := range 5000 {
		list = append(list, fmt.Appendf(nil, `{"id":"e%d","n":%d}`, i, i))
	}
	body := append(append([]byte("["), bytes.Join(asBytes(list), []byte(","))...), ']')
	rt, pub, _ := newRoute(t, batches)
	if res := post(t, rt, "d1", string(body)); res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != 5000 {
		t.Fatalf("got %v, %v", res.Outcome, res.Batch)
	}
	for i, e := range byIndex(pub.Events()) {
		if string(e.Body) != string(list[i]) || e.ID != fmt.Sprint("e", i) {
			t.Fatalf("%d: got %s %q", i, e.ID, e.Body)
		}
	}
}

func asBytes(list []json.RawMessage) [][]byte {
	var all [][]byte
	for _, m := range list {
		all = append(all, m)
	}
	return all
}
