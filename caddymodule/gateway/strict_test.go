package gateway_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestStrictJSON: what becomes of an event whose JSON is not strict, and of its id
// and type.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	inBody := func(c *gateway.Config) {
		c.Provider.ID, c.Provider.Type, c.Provider.Time = verifiers.JSON("/id"), verifiers.JSON("/data/type"), verifiers.JSON("/t")
	}
	const ours = ""
	for _, tt := range []struct {
		name, body, detail string
		id, typ            string
		change             func(*gateway.Config)
		want               gateway.Outcome
	}{
		{name: "strict", body: `{"id":"e1","data":{"type":"paid"}}`, id: "e1", typ: "paid", want: gateway.Accepted},
		{name: "elsewhere", body: `{"id":"e1","data":{"type":"paid","x":{"y":1,"y":2}}}`, detail: "duplicate member /data/x/y", id: "e1", typ: "paid"},
		{name: "two ids", body: `{"id":"e1","data":{"type":"paid"},"\u0069d":"e2"}`, detail: "duplicate member /id", id: ours, typ: "paid"},
		{name: "two types", body: `{"id":"e1","data":{"type":"paid"},"data":{"type":"void"}}`, detail: "duplicate member /data", id: "e1", typ: ""},
		{name: "half a character", body: `{"id":"e1","data":{"type":"paid"},"name":"\ud83d"}`, detail: "text that is not UTF-8 at /name (byte 41)", id: "e1", typ: "paid"},
		{name: "cut", body: `{"id":"e1","data":{"type":"paid"}`, detail: "not JSON at /data (byte 33)", id: ours, typ: ""},
		{name: "not UTF-8", body: "{\"id\":\"e1\",\"x\":\"\xff\"}", detail: "text that is not UTF-8 at /x (byte 15)", id: ours, typ: ""},
		{name: "deep", body: `{"id":"e1","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, detail: "nested deeper than 256 at /x" + strings.Repeat("/0", 57) + "/…", id: ours, typ: ""},
		{name: "not wanted", body: `{"id":"e1","id":"e1","data":{"type":"paid"}}`, change: func(c *gateway.Config) { c.Drop = []string{"paid"} }, want: gateway.Dropped},
		{name: "wanted or not", body: `{"data":{"type":"paid","type":"void"}}`, detail: "duplicate member /data/type", change: func(c *gateway.Config) { c.Accept = []string{"other"} }},
		{name: "other limits", body: `{"id":"e1","id":"e2","n":123456}`, detail: "a number of more than 5 digits, or such an exponent at /n", change: func(c *gateway.Config) {
			c.JSONLimits = verifiers.JSONLimits{Digits: 5, Duplicates: true}
		}},
		{name: "off", body: `{"id":"e1","id":"e2","data":{"type":"paid"}}`, id: "e2", typ: "paid", want: gateway.Accepted, change: func(c *gateway.Config) {
			c.StrictJSON = gateway.StrictOff
		}},
		{name: "publishing is off", body: `{"id":"e1","id":"e2"}`, detail: "duplicate member /id", change: func(c *gateway.Config) { c.NoPublish = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, obs := newRoute(t, func(c *gateway.Config) {
				inBody(c)
				c.MaxBody = 1 << 20
				if tt.change != nil {
					tt.change(c)
				}
			})
			want := tt.want
			if tt.detail != "" {
				want = gateway.Quarantined
			}
			res := handle(rt, newRequest(t, "https://example.com/hook", "d1", tt.body))
			if res.Outcome != want {
				t.Fatalf("got %v (%v), want %v", res.Outcome, res.Err, want)
			}
			var e *gateway.Event
			switch want {
			case gateway.Quarantined:
				q := pub.Quarantined()[0]
				e = &q.Event
				if q.Why.Reason != "json" || q.Why.Detail != tt.detail || q.Why.Request == nil {
					t.Errorf("got %s: %q, want json: %q", q.Why.Reason, q.Why.Detail, tt.detail)
				}
				if rec := obs.Records()[0]; rec.Reason != "json" || rec.Status != 200 {
					t.Errorf("got %s, %d", rec.Reason, rec.Status)
				}
				if tt.id == ours {
					tt.id = e.IngestID
				}
			case gateway.Accepted:
				e = &pub.Events()[0]
			default:
				return
			}
			if (tt.id != e.ID || tt.typ != e.Type) && tt.change == nil || string(e.Body) != tt.body {
				t.Errorf("got id %s, type %q, want %s, %q", e.ID, e.Type, tt.id, tt.typ)
			}
			if e.HasID != (e.ID != e.IngestID) {
				t.Errorf("got HasID %t for %s", e.HasID, e.ID)
			}
		})
	}
}

// TestStrictJSONInABatch: of a batch the events that are not strict are kept aside,
// and the others are not. What is around them concerns all.
func TestStrictJSONInABatch(t *testing.T) {
	t.Parallel()
	in := func(c *gateway.Config) {
		batches(c)
		c.Provider.Batch.Elements = "/events"
	}
	for _, tt := range []struct {
		name, body    string
		stored, aside int
	}{
		{"one of three", `{"events":[{"id":"a"},{"id":"b","x":1,"x":2},{"id":"c"}]}`, 2, 1},
		{"around them", `{"events":[{"id":"a"},{"id":"b"}],"x":1,"x":2}`, 0, 1},
		{"two arrays", `{"events":[{"id":"a"}],"events":[{"id":"b"}]}`, 0, 1},
		{"no array", `{"id":"a","x":1,"x":2}`, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, in)
			res := handle(rt, newRequest(t, "https://example.com/hook", "d1", tt.body))
			if n, m := len(pub.Events()), len(pub.Quarantined()); n != tt.stored || m != tt.aside || res.Status != 200 {
				t.Errorf("got %d stored and %d aside (%v, %v), want %d and %d", n, m, res.Outcome, res.Err, tt.stored, tt.aside)
			}
		})
	}
}

// TestStrictJSONIsReleased: nothing that is not strict gets out by being tried again,
// unless the route takes it now; an operator can let it out as it is.
func TestStrictJSONIsReleased(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rt, pub, _ := newRoute(t, nil)
	if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", `{"a":1,"a":2}`)); res.Outcome != gateway.Quarantined {
		t.Fatalf("got %v", res.Outcome)
	}
	if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", `{"a":1,"a":2}`)); res.Outcome != gateway.Duplicate {
		t.Errorf("the sender's retry: got %v, want a duplicate", res.Outcome)
	}
	kept := pub.Quarantined()[0]
	entry := &gateway.Entry{Event: kept.Event, Quarantine: kept.Why}
	if res := rt.Retry(ctx, entry, false); res.Outcome != gateway.Quarantined || res.Reason != "json" || len(pub.Events()) > 0 {
		t.Errorf("retried: got %v, %s", res.Outcome, res.Reason)
	}
	lax, laxPub, _ := newRoute(t, func(c *gateway.Config) { c.StrictJSON = gateway.StrictOff })
	if res := lax.Retry(ctx, entry, false); res.Outcome != gateway.Accepted || len(laxPub.Events()) != 1 {
		t.Errorf("retried where it is off: got %v (%v)", res.Outcome, res.Err)
	}
	if ack, err := gateway.Release(ctx, pub, entry, false, false); err != nil || ack.Stream == "" {
		t.Errorf("released: got %v, %v", ack, err)
	}
	if e := pub.Events()[0]; string(e.Body) != `{"a":1,"a":2}` || e.ID != "d1" || e.Released != gateway.ReleasedAsIs {
		t.Errorf("released: got %+v", e)
	}
}

// TestJSONPasses: JSON is read once for all that needs it.
func TestJSONPasses(t *testing.T) {
	t.Parallel()
	validates := func(c *gateway.Config) {
		c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) { return "s.json", nil })
	}
	looks := func(pointers ...string) func(*gateway.Config) {
		return func(c *gateway.Config) {
			c.AcceptIf = append(c.AcceptIf, condition{pointers, func(f *gateway.Facts) (bool, error) {
				for _, p := range pointers {
					if _, err := f.JSON(p); err != nil {
						t.Error(err)
					}
				}
				return true, nil
			}})
		}
	}
	keyed := func(c *gateway.Config) { c.OrderKey = verifiers.JSON("/o/x") }
	inBody := func(c *gateway.Config) {
		c.Provider.ID, c.Provider.Type = verifiers.JSON("/id"), verifiers.JSON("/type")
		c.Provider.Varies = []string{"/attempt"}
	}
	const event = `{"id":"e1","type":"push","time":1,"o":{"x":"1","l":[1,{"y":2}]},"attempt":1}`
	for _, tt := range []struct {
		name    string
		changes []func(*gateway.Config)
		form    bool
		body    string
		want    int
	}{
		{"no schema", nil, false, event, 1},
		{"nothing in the body is needed", []func(*gateway.Config){headersOnly}, false, event, 1},
		{"id and type in the body", []func(*gateway.Config){inBody}, false, event, 1},
		{"schema", []func(*gateway.Config){validates}, false, event, 1},
		{"schema, filters and order_key", []func(*gateway.Config){inBody, validates, keyed, looks("/o", "/o/l", "/id")}, false, event, 1},
		{"filters", []func(*gateway.Config){inBody, keyed, looks("/o", "/o/l", "/id")}, false, event, 1},
		{"filters that look at all of it", []func(*gateway.Config){inBody, looks("", "/o")}, false, event, 1},
		{"pass_thru", []func(*gateway.Config){validates, func(c *gateway.Config) { c.NoPublish = true }}, false, event, 1},
		{"off", []func(*gateway.Config){inBody, validates, keyed, func(c *gateway.Config) { c.StrictJSON = gateway.StrictOff }}, false, event, 1},
		{"off, and nothing in the body is needed", []func(*gateway.Config){headersOnly, func(c *gateway.Config) { c.StrictJSON = gateway.StrictOff }}, false, event, 0},
		{"a handshake", nil, false, `{"type":"url_verification","challenge":"x"}`, 1},
		{"a form", []func(*gateway.Config){validates, func(c *gateway.Config) { c.Provider.NeedsJSON, c.Provider.ContentTypes = false, nil }}, true, "a=1&b=2", 0},
		{"a form that holds JSON", []func(*gateway.Config){validates, func(c *gateway.Config) {
			c.Provider.NeedsJSON, c.Provider.ContentTypes = false, nil
			c.Provider.ID, c.Provider.Type = verifiers.Form("payload").Inner("/id"), verifiers.Form("payload").Inner("/type")
		}}, true, "payload=" + url.QueryEscape(event), 1},
		{"a batch: the whole, and each event", []func(*gateway.Config){batches, validates, looks("/o", "/o/l")}, false, "[" + event + "," + event + "]", 3},
		{"a batch that is one event", []func(*gateway.Config){batches, validates, func(c *gateway.Config) { c.Provider.Batch.Elements = "/none" }}, false, event, 1},
		{"a batch kept whole", []func(*gateway.Config){batches, validates, func(c *gateway.Config) { c.WholeBatch = true }}, false, "[" + event + "]", 1},
		{"a handshake that is not signed may be in the body", []func(*gateway.Config){earlyHandshake}, false, event, 1},
		{"that, and a schema: nothing is decoded before it is authentic", []func(*gateway.Config){earlyHandshake, validates}, false, event, 2},
		{"not strict", []func(*gateway.Config){inBody, validates, looks("/o")}, false, `{"id":"1","a":1,"a":2}`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, _, _ := newRoute(t, func(c *gateway.Config) {
				for _, change := range tt.changes {
					change(c)
				}
			})
			req := newRequest(t, "https://example.com/hook", "d1", tt.body)
			if tt.form {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			res := handle(rt, req)
			if res.JSONPasses != tt.want || !res.Outcome.Success() {
				t.Errorf("got %d passes and %v (%v), want %d", res.JSONPasses, res.Outcome, res.Err, tt.want)
			}
		})
	}
}

// earlyHandshake is a route with a handshake that is looked for in the body before
// the signature is.
func earlyHandshake(c *gateway.Config) {
	c.Provider.Handshakes = []verifiers.Handshake{{
		Name: "early", When: []verifiers.Match{verifiers.JSON("/type").Is("hello")}, Reply: verifiers.Echo(verifiers.JSON("/challenge")),
	}}
}

// TestStrictJSONByAnotherName: a body that does not say that it is JSON, and is read as
// JSON all the same, has to be strict; one that is no JSON is for the schema.
func TestStrictJSONByAnotherName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body   string
		want   gateway.Outcome
		opaque bool
	}{
		{`{"id":"e1"}`, gateway.Accepted, false},
		{`{"id":"e1","id":"e2"}`, gateway.Quarantined, false},
		{`{"id":"e1"`, gateway.Accepted, true},
	} {
		t.Run(tt.body, func(t *testing.T) {
			t.Parallel()
			opaque := false
			rt, _, _ := newRoute(t, func(c *gateway.Config) {
				headersOnly(c)
				c.Provider.ContentTypes = nil
				c.Validator = gatewaytest.ValidatorFunc(func(_ string, payload any) (string, error) {
					_, opaque = payload.(gateway.Opaque)
					return "s.json", nil
				})
			})
			req := newRequest(t, "https://example.com/hook", "d1", tt.body)
			req.Header.Set("Content-Type", "text/plain")
			if res := handle(rt, req); res.Outcome != tt.want || opaque != tt.opaque {
				t.Errorf("got %v (%v), opaque %t, want %v, %t", res.Outcome, res.Err, opaque, tt.want, tt.opaque)
			}
		})
	}
}

// TestStrictJSONInsideElements: a text inside an event of a batch in which its id is
// has to be strict as well.
func TestStrictJSONInsideElements(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, alter(batches, func(c *gateway.Config) {
		c.Provider.Batch.ID = verifiers.JSON("/text").Inner("/id")
	}))
	res := post(t, rt, "d1", `[{"text":"{\"id\":\"a\"}"},{"text":"{\"id\":\"b\",\"x\":1,\"x\":2}"}]`)
	if events, aside := pub.Events(), pub.Quarantined(); len(events) != 1 || events[0].ID != "a" || len(aside) != 1 || aside[0].Why.Reason != "json" {
		t.Errorf("got %v (%v), stored %+v, aside %+v", res.Outcome, res.Err, events, aside)
	}
}

// TestWatchingRefusesNothing: where the validator only looks, a body that it cannot
// look at goes on.
func TestWatchingRefusesNothing(t *testing.T) {
	t.Parallel()
	for _, watches := range []bool{true, false} {
		rt, pub, _ := newRoute(t, func(c *gateway.Config) {
			headersOnly(c)
			c.StrictJSON, c.ValidatorWatches = gateway.StrictOff, watches
			c.Validator = accepts{}
		})
		if res := post(t, rt, "d1", `{"a":`); res.Outcome.Success() != watches || len(pub.Events()) == 1 != watches {
			t.Errorf("watching %t: got %v (%v)", watches, res.Outcome, res.Err)
		}
	}
}

// TestStrictJSONOfNoBatch: a request with two arrays of events is one event, and what
// is in them has to be strict all the same.
func TestStrictJSONOfNoBatch(t *testing.T) {
	t.Parallel()
	in := alter(batches, func(c *gateway.Config) {
		c.Provider.Batch.Elements, c.Provider.Batch.Or = "/events", []string{"/more"}
	})
	for body, want := range map[string]gateway.Outcome{
		`{"events":[{"id":"a"}],"more":[{"id":"b"}]}`:             gateway.Accepted,
		`{"events":[{"id":"a"}],"more":[{"id":"b","x":1,"x":2}]}`: gateway.Quarantined,
	} {
		rt, _, _ := newRoute(t, in)
		if res := post(t, rt, "d1", body); res.Outcome != want || res.Batch != nil {
			t.Errorf("%s: got %v (%v), want %v", body, res.Outcome, res.Err, want)
		}
	}
}

// TestStrictJSONCountsEachEvent: the values of one event do not count for another, nor
// for what is around them.
func TestStrictJSONCountsEachEvent(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, alter(batches, func(c *gateway.Config) {
		c.Provider.Batch.Elements, c.JSONLimits.Values = "/events", 4
	}))
	res := post(t, rt, "d1", `{"a":1,"events":[{"id":"a","x":[1]},{"id":"b","x":[1]},{"id":"c","x":[1,2]}],"z":1}`)
	if n, m := len(pub.Events()), len(pub.Quarantined()); n != 2 || m != 1 || pub.Quarantined()[0].ID != "c" {
		t.Errorf("got %v (%v), %d stored and %d in quarantine, want two and one", res.Outcome, res.Err, n, m)
	}
}
