package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func TestEvent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	r := newRig(t, func(c *gateway.Config) {
		c.Headers = []string{"x-request-id", "User-Agent"}
		c.Validator = gatewaytest.ValidatorFunc(func(eventType string, payload any) (string, error) {
			if m, ok := payload.(map[string]any); !ok || eventType != "push" || m["time"] != json.Number("1531420618") {
				return "", errors.New("called with something else")
			}
			return "hub/push.json", nil
		})
		c.Time = func() time.Time { return now }
		c.NewID = func() string { return "01JD0000000000000000000000" }
	})
	req := r.request("d-1", payload("1"))
	req.Header.Set("X-Request-Id", "r1")
	req.Header.Set("User-Agent", "Hub/1")
	req.Header.Set("Authorization", "Basic eDp5")
	req.Header.Set("Nats-Msg-Id", "forged")
	req.Header.Set("Ce-Id", "forged")
	if got := r.do(req); got.StatusCode != 200 || got.text != "" {
		t.Fatalf("got %d %q, want an empty 200", got.StatusCode, got.text)
	}
	got := r.pub.Events()[0]
	body := []byte(payload("1"))
	want := gateway.Event{
		Tenant: "acme", Source: "code", Provider: "hub", TypePrefix: "com.hub", CESource: "/acme/code",
		ID: "d-1", HasID: true, Type: "push", Time: time.Unix(1531420618, 0).UTC(),
		IngestID: "01JD0000000000000000000000", Received: now,
		ContentType: "application/json", Body: body, Digest: sha256.Sum256(body),
		Header: http.Header{
			"X-Request-Id": {"r1"}, "User-Agent": {"Hub/1"}, "X-Hub-Signature-256": {sign(payload("1"))},
		},
		Trust: gateway.Verified, Scheme: "hmac-sha256", KeyID: "k1", Unsigned: []string{"id", "type"},
		Schema: gateway.SchemaValid, SchemaURI: "hub/push.json", Dedupe: true,
		SchemaSHA256: "584e86d97d74dcb5b4ae1963f59f07ce7c3e9b6968e5a6d8beaf8a41fa02d069", // of the address
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("event:\ngot  %+v\nwant %+v", got, want)
	}
	rec := r.record()
	wantRec := gateway.Record{
		Tenant: "acme", Source: "code", Provider: "hub", RequestID: want.IngestID,
		Outcome: gateway.Accepted, Reason: "stored", Status: 200,
		EventID: "d-1", EventType: "push", Trust: gateway.Verified, KeyID: "k1", Schema: gateway.SchemaValid,
		Ack:  gateway.Ack{Stream: gatewaytest.Stream, Sequence: 1, Attempts: 1},
		Size: len(body), Start: now, JSONPasses: 1,
	}
	if !reflect.DeepEqual(rec, wantRec) {
		t.Errorf("record:\ngot  %+v\nwant %+v", rec, wantRec)
	}
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	id, typ := verifiers.JSON("/id"), verifiers.JSON("/type")
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	for _, tt := range []struct {
		name   string
		config func(*gateway.Config)
		change func(*http.Request)
		body   string
		// want is "id type", with "-" for an id of ours and "_" for no type,
		// or the outcome.
		want     string
		unsigned string
		zeroTime bool
	}{
		{name: "the provider's", want: "d1 push", unsigned: "id type"},
		{
			name: "a delivery without an id of the provider's", change: func(r *http.Request) { r.Header.Del("X-Hub-Delivery") },
			want: "- push", unsigned: "id type",
		},
		{
			name: "empty id of the provider's", change: func(r *http.Request) { r.Header.Set("X-Hub-Delivery", "") },
			want: "- push", unsigned: "id type",
		},
		{
			name: "a delivery without a type of the provider's", change: func(r *http.Request) { r.Header.Del("X-Hub-Event") },
			want: "d1 _", unsigned: "id type",
		},
		{name: "a provider without ids", config: func(c *gateway.Config) { c.Provider.ID = verifiers.Source{} }, want: "- push", unsigned: "type"},
		{
			name: "from the body", config: func(c *gateway.Config) { c.EventID, c.EventType = id, typ },
			body: `{"id":7,"type":"a.b","time":1}`, want: "7 a.b",
		},
		{name: "an operator's id that is absent", config: func(c *gateway.Config) { c.EventID = id }, body: `{"time":1}`, want: "no_id"},
		{name: "an operator's id that is empty", config: func(c *gateway.Config) { c.EventID = id }, body: `{"id":"","time":1}`, want: "no_id"},
		{name: "an operator's id that is an object", config: func(c *gateway.Config) { c.EventID = id }, body: `{"id":{},"time":1}`, want: "no_id"},
		{name: "an operator's type that is absent", config: func(c *gateway.Config) { c.EventType = typ }, body: `{"time":1}`, want: "no_type"},
		{name: "long id", change: func(r *http.Request) { r.Header.Set("X-Hub-Delivery", strings.Repeat("a", 513)) }, want: "no_id"},
		{
			name: "longest id", change: func(r *http.Request) { r.Header.Set("X-Hub-Delivery", strings.Repeat("a", 512)) },
			want: strings.Repeat("a", 512) + " push", unsigned: "id type",
		},
		{name: "long type", change: func(r *http.Request) { r.Header.Set("X-Hub-Event", strings.Repeat("a", 257)) }, want: "no_type"},
		{
			name: "type that is unusable, with filters", config: func(c *gateway.Config) { c.Accept = []string{"push"} },
			change: func(r *http.Request) { r.Header.Set("X-Hub-Event", strings.Repeat("a", 257)) }, want: "no_type",
		},
		{name: "id with a line end", config: func(c *gateway.Config) { c.EventID = id }, body: `{"id":"a\r\nNats-Rollup: all","time":1}`, want: "no_id"},
		{name: "id with NUL", config: func(c *gateway.Config) { c.EventID = id }, body: `{"id":"a\u0000","time":1}`, want: "no_id"},
		{name: "id that is not UTF-8", change: func(r *http.Request) { r.Header.Set("X-Hub-Delivery", "a\xff") }, want: "no_id"},
		{name: "type with a line end", config: func(c *gateway.Config) { c.EventType = typ }, body: `{"type":"a\nb","time":1}`, want: "no_type"},
		{name: "id in another script", config: func(c *gateway.Config) { c.EventID = id }, body: `{"id":"é✓ x","time":1}`, want: "é✓ x push", unsigned: "type"},
		{name: "no time", body: `{}`, want: "d1 push", unsigned: "id type", zeroTime: true},
		{name: "time that is none", body: `{"time":"soon"}`, want: "d1 push", unsigned: "id type", zeroTime: true},
		{name: "JSON that an id needs", config: func(c *gateway.Config) { c.Provider.NeedsJSON, c.EventID, c.StrictJSON = false, id, gateway.StrictOff }, body: `x`, want: "not_json"},
		{
			name: "JSON that nothing needs", config: func(c *gateway.Config) { c.Provider.NeedsJSON, c.StrictJSON = false, gateway.StrictOff }, body: `x`,
			want: "d1 push", unsigned: "id type", zeroTime: true,
		},
		{name: "id in a form", config: func(c *gateway.Config) {
			c.Provider.NeedsJSON, c.ContentTypes = false, []string{"application/x-www-form-urlencoded"}
			c.EventID, c.EventType = verifiers.Form("id"), verifiers.First(typ, verifiers.Form("type"))
		}, change: form, body: `id=f%201&type=t`, want: "f 1 t", zeroTime: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, tt.config)
			body := tt.body
			if body == "" {
				body = `{"time":1}`
			}
			req := newRequest(t, "https://example.com/hook", "d1", body)
			if tt.change != nil {
				tt.change(req)
			}
			res := handle(rt, req)
			switch {
			case len(pub.Quarantined()) == 1:
				q := pub.Quarantined()[0]
				if q.Why.Reason != tt.want || res.Reason != tt.want || q.Why.Detail == "" || q.HasID && tt.want == "no_id" {
					t.Errorf("got quarantined for %+v (%v), want %s", q.Why, res.Err, tt.want)
				}
				return
			case len(pub.Events()) == 0:
				if res.Reason != tt.want {
					t.Errorf("got %v (%v), want %s", res.Outcome, res.Err, tt.want)
				}
				return
			}
			e := pub.Events()[0]
			got := e.ID + " " + e.Type
			if !e.HasID {
				if e.ID != e.IngestID {
					t.Errorf("got id %q, want our own %q", e.ID, e.IngestID)
				}
				got = "- " + e.Type
			}
			if e.Type == "" {
				got += "_"
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := strings.Join(e.Unsigned, " "); got != tt.unsigned {
				t.Errorf("unsigned: got %q, want %q", got, tt.unsigned)
			}
			if e.Time.IsZero() != tt.zeroTime {
				t.Errorf("time: got %v, want none: %v", e.Time, tt.zeroTime)
			}
		})
	}
}

// TestEqualBytesWithoutAnID: two true events may be equal, so that the bytes are
// never the identity.
func TestEqualBytesWithoutAnID(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	for range 2 {
		if res := handle(rt, newRequest(t, "https://example.com/hook", "", payload("1"))); res.Outcome != gateway.Accepted {
			t.Errorf("got %v, want %v", res.Outcome, gateway.Accepted)
		}
	}
	if n := len(pub.Events()); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

func TestNoDedupe(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.NoDedupe = true })
	for range 2 {
		handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	}
	for _, e := range pub.Events() {
		if e.Dedupe || e.ID != "d1" || !e.HasID {
			t.Errorf("got %+v, want the provider's id and no deduplication", e)
		}
	}
	if n := len(pub.Events()); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	covers := func(c *verifiers.Coverage) func(*gateway.Config) {
		return verifier(verifiers.Result{Scheme: "test", Covers: c}, nil)
	}
	for _, tt := range []struct {
		name     string
		config   func(*gateway.Config)
		want     gateway.Trust
		unsigned string
	}{
		{"body and headers", covers(&verifiers.Coverage{Body: true, Headers: []string{"X-Hub-Delivery", "X-Hub-Event"}}), gateway.Verified, ""},
		{"body", covers(&verifiers.Coverage{Body: true}), gateway.Verified, "id type"},
		{"members", covers(&verifiers.Coverage{Pointers: []string{"/time"}}), gateway.Verified, "id type"},
		{"only a header", covers(&verifiers.Coverage{Headers: []string{"X-Hub-Event"}}), gateway.Authenticated, "id time"},
		{"a token", covers(&verifiers.Coverage{}), gateway.Authenticated, "id type time"},
		{"nothing", func(c *gateway.Config) { c.Unverified = true }, gateway.Unverified, "id type time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, tt.config)
			res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
			if len(pub.Events()) != 1 {
				t.Fatalf("got %v (%v), want it stored", res.Outcome, res.Err)
			}
			e := pub.Events()[0]
			if e.Trust != tt.want || res.Trust != tt.want || strings.Join(e.Unsigned, " ") != tt.unsigned {
				t.Errorf("got trust %s, unsigned %v, want %s and %q", e.Trust, e.Unsigned, tt.want, tt.unsigned)
			}
		})
	}
}

func TestSkewAndKey(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.Time = func() time.Time { return now }
		verifier(verifiers.Result{KeyID: "old", KeyIndex: 1, Signed: now.Add(-90 * time.Second), Covers: &verifiers.Coverage{Body: true}}, nil)(c)
	})
	res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	if res.Skew != 90*time.Second || res.KeyID != "old" || res.KeyIndex != 1 {
		t.Errorf("got skew %v, key %q (%d), want 1m30s, old (1)", res.Skew, res.KeyID, res.KeyIndex)
	}
}

// TestValidatorSees is about the value that a validator gets.
func TestValidatorSees(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, contentType, body string
		want                    any
	}{
		{"JSON", "application/json", `{"a":1}`, map[string]any{"a": json.Number("1")}},
		{"JSON by suffix", "application/vnd.hub+json; charset=utf-8", `[]`, []any{}},
		{"JSON without a type", "", `true`, true},
		{"form", "application/x-www-form-urlencoded", "a=1&b=2&b=3", map[string]any{"a": "1", "b": []any{"2", "3"}}},
		{
			"multipart", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=f; filename=f.txt\r\n\r\nno\r\n--x--\r\n",
			map[string]any{"a": "1"},
		},
		{"JSON as text", "text/plain", `{"a":1}`, map[string]any{"a": json.Number("1")}},
		{"text", "text/plain", "hello", gateway.Opaque("hello")},
		{"XML", "application/xml", "<a/>", gateway.Opaque("<a/>")},
		{"nothing", "", "", gateway.Opaque("")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got any
			rt, _, _ := newRoute(t, func(c *gateway.Config) {
				c.Provider.NeedsJSON, c.Provider.ContentTypes = false, nil
				c.Validator = gatewaytest.ValidatorFunc(func(_ string, payload any) (string, error) {
					got = payload
					return "", nil
				})
			})
			req := newRequest(t, "https://example.com/hook", "d1", tt.body)
			req.Header.Set("Content-Type", tt.contentType)
			if tt.contentType == "" {
				req.Header.Del("Content-Type")
			}
			res := handle(rt, req)
			if res.Outcome != gateway.Accepted || res.Schema != gateway.SchemaNone || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, schema %s, payload %#v, want it accepted, none, %#v", res.Outcome, res.Schema, got, tt.want)
			}
		})
	}
	t.Run("JSON that is none", func(t *testing.T) {
		t.Parallel()
		rt, _, _ := newRoute(t, func(c *gateway.Config) {
			c.Provider.NeedsJSON, c.StrictJSON = false, gateway.StrictOff
			c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
				t.Error("the validator was called")
				return "", nil
			})
		})
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", "{")); res.Outcome != gateway.BodyNotJSON {
			t.Errorf("got %v, want %v", res.Outcome, gateway.BodyNotJSON)
		}
	})
}

func TestQuarantineDetail(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) {
		c.Validator = gatewaytest.ValidatorFunc(func(string, any) (string, error) {
			return "s.json", errors.New("/a: " + strings.Repeat("é", 1000))
		})
	})
	res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	q := pub.Quarantined()[0]
	if n := len(q.Why.Detail); n > 1024 || n < 1020 || strings.ContainsRune(q.Why.Detail, '\ufffd') {
		t.Errorf("got a detail of %d bytes, want at most 1024 and no half character", n)
	}
	if q.Schema != gateway.SchemaInvalid || q.SchemaURI != "s.json" || res.Schema != gateway.SchemaInvalid || res.EventID != "d1" {
		t.Errorf("got %+v, %+v, want the verdict on both", q.Event, res.Record)
	}
}

func TestTagMode(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.Validator, c.OnInvalid = refuseSchema, gateway.OnInvalidTag })
	handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	if e := pub.Events()[0]; e.Schema != gateway.SchemaInvalid || e.SchemaURI != "push.json" {
		t.Errorf("got schema %s %q, want it tagged as invalid", e.Schema, e.SchemaURI)
	}
}

func TestConfirmOff(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) {
		c.Options = map[string]string{"verify_token": verifyToken}
		c.Confirmer = gatewaytest.ConfirmerFunc(func(context.Context, verifiers.Pin, string) error {
			t.Error("the URL was fetched")
			return nil
		})
	})
	body := `{"type":"confirmation","url":"https://confirm.example.com/x"}`
	res := handle(rt, newRequest(t, "https://example.com/hook", "d1", body))
	if res.Outcome != gateway.Handshaken || res.Handshake != "confirmation" || pub.Calls() != 0 {
		t.Errorf("got %v %q, want it answered and only reported", res.Outcome, res.Handshake)
	}
}

func TestNoHandshakes(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.NoHandshakes, c.Options = true, nil })
	handle(rt, newRequest(t, "https://example.com/hook", "d1", `{"type":"url_verification","challenge":"abc"}`))
	if len(pub.Events()) != 1 {
		t.Error("got no event, want handshakes published like events")
	}
	req := newRequest(t, "https://example.com/hook?hub.mode=subscribe", "d1", "")
	req.Method = http.MethodGet
	if res := handle(rt, req); res.Outcome != gateway.MethodNotAllowed || res.Header.Get("Allow") != "POST" {
		t.Errorf("challenge: got %v, Allow %q, want 405 and POST", res.Outcome, res.Header.Get("Allow"))
	}
}

func TestPassThrough(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	body := payload("1")
	for _, want := range []gateway.Outcome{gateway.Accepted, gateway.Duplicate} {
		res := handle(rt, newRequest(t, "https://example.com/hook", "d1", body))
		if res.Outcome != want || string(res.RequestBody) != body {
			t.Errorf("got %v and body %q, want %v and the body", res.Outcome, res.RequestBody, want)
		}
	}
	only, _, _ := newRoute(t, func(c *gateway.Config) { c.NoPublish, c.Publisher = true, nil; c.EventID = verifiers.JSON("/none") })
	for range 2 {
		res := handle(only, newRequest(t, "https://example.com/hook", "d1", body))
		if res.Outcome != gateway.PassedThrough || string(res.RequestBody) != body || !res.Outcome.Success() {
			t.Errorf("got %v, want %v each time", res.Outcome, gateway.PassedThrough)
		}
	}
	empty := newRequest(t, "https://example.com/hook?hub.mode=subscribe", "", "")
	empty.Method = http.MethodGet
	if res := handle(only, empty); res.RequestBody == nil {
		t.Error("got nil for an empty body that was read to its end")
	}
	if len(pub.Events()) != 1 {
		t.Errorf("got %d events, want 1", len(pub.Events()))
	}
}
