package gateway_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// modes is a validator that refuses every event, with a mode for each type.
type modes map[string]gateway.SchemaMode

func (m modes) Validate(e *gateway.Event, _ any) gateway.Validation {
	return gateway.Validation{Schema: "s.json", SHA256: "5f", Mode: m[e.Type], Err: errors.New("s.json: /a type")}
}

// TestModeOfType: the mode that the validator names goes before the route's.
func TestModeOfType(t *testing.T) {
	t.Parallel()
	validator := modes{"q": gateway.OnInvalidQuarantine, "t": gateway.OnInvalidTag, "r": gateway.OnInvalidReject}
	for _, tt := range []struct {
		typ     string
		route   gateway.SchemaMode
		outcome gateway.Outcome
		status  int
		stored  [2]int
	}{
		{"q", gateway.OnInvalidReject, gateway.Quarantined, 200, [2]int{0, 1}},
		{"t", gateway.OnInvalidQuarantine, gateway.Accepted, 200, [2]int{1, 0}},
		{"r", gateway.OnInvalidTag, gateway.SchemaRejected, 422, [2]int{0, 0}},
		{"other", gateway.OnInvalidTag, gateway.Accepted, 200, [2]int{1, 0}},
		{"other", gateway.OnInvalidReject, gateway.SchemaRejected, 422, [2]int{0, 0}},
		{"other", "", gateway.Quarantined, 200, [2]int{0, 1}},
	} {
		t.Run(fmt.Sprintf("%s of %s", tt.typ, tt.route), func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.Validator, c.OnInvalid = validator, tt.route })
			req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
			req.Header.Set("X-Hub-Event", tt.typ)
			res := handle(rt, req)
			if res.Outcome != tt.outcome || res.Status != tt.status || res.Schema != gateway.SchemaInvalid {
				t.Errorf("got %v, %d, schema %s, want %v, %d, invalid", res.Outcome, res.Status, res.Schema, tt.outcome, tt.status)
			}
			if got := [2]int{len(pub.Events()), len(pub.Quarantined())}; got != tt.stored {
				t.Fatalf("got %v stored, want %v", got, tt.stored)
			}
			for _, e := range pub.Events() {
				if e.Schema != gateway.SchemaInvalid || e.SchemaURI != "s.json" || e.SchemaSHA256 != "5f" {
					t.Errorf("got %s, %q, %q, want it tagged with the schema and its digest", e.Schema, e.SchemaURI, e.SchemaSHA256)
				}
			}
			for _, q := range pub.Quarantined() {
				if q.Why.Reason != "schema" || q.Why.Detail != "s.json: /a type" || q.SchemaSHA256 != "5f" {
					t.Errorf("got %+v, %q, want the violation and the digest", q.Why, q.SchemaSHA256)
				}
			}
		})
	}
}

// TestModeOfElement: each event of a batch has the mode of its type. One that is
// rejected makes the answer 422 for all; the others are stored all the same.
func TestModeOfElement(t *testing.T) {
	t.Parallel()
	validator := modes{"q": gateway.OnInvalidQuarantine, "t": gateway.OnInvalidTag, "r": gateway.OnInvalidReject}
	const all = `[{"id":"a","type":"q"},{"id":"b","type":"r"},{"id":"c","type":"t"}]`
	rt, pub, _ := newRoute(t, alter(batches, func(c *gateway.Config) { c.Validator = validator }))
	if res := post(t, rt, "d1", all); res.Outcome != gateway.SchemaRejected || res.Status != 422 {
		t.Errorf("got %v, %d, want 422", res.Outcome, res.Status)
	}
	if events, kept := pub.Events(), pub.Quarantined(); len(events) != 1 || events[0].Type != "t" || len(kept) != 1 || kept[0].Type != "q" {
		t.Errorf("got %v and %v, want one tagged, one in quarantine", events, kept)
	}
	const some = `[{"id":"d","type":"q"},{"id":"e","type":"t"}]`
	if res := post(t, rt, "d2", some); res.Outcome != gateway.Accepted || res.Status != 200 {
		t.Errorf("got %v, %d, want 200", res.Outcome, res.Status)
	}
}

// TestRetryWithModeOfNow: what is tried again is judged by the schemas and the
// modes of now.
func TestRetryWithModeOfNow(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.Validator = modes{} })
	handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1")))
	kept := pub.Quarantined()
	if len(kept) != 1 {
		t.Fatalf("got %d in quarantine, want 1", len(kept))
	}
	for _, tt := range []struct {
		name      string
		validator gateway.Validator
		outcome   gateway.Outcome
		verdicts  []gateway.SchemaVerdict // of what is stored
	}{
		{"still quarantine", modes{}, gateway.Quarantined, nil},
		{"now rejected", modes{"push": gateway.OnInvalidReject}, gateway.SchemaRejected, nil},
		{"now tagged", modes{"push": gateway.OnInvalidTag}, gateway.Accepted, []gateway.SchemaVerdict{gateway.SchemaInvalid}},
		{"now valid", accepts{}, gateway.Accepted, []gateway.SchemaVerdict{gateway.SchemaValid}},
		{"no schemas any more", nil, gateway.Accepted, []gateway.SchemaVerdict{gateway.SchemaNone}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now, pub, _ := newRoute(t, func(c *gateway.Config) {
				c.Validator = tt.validator
				c.VerifierAt = func(time.Time) (verifiers.Verifier, error) { return newVerifier(t, c.Provider), nil }
			})
			res := now.Retry(t.Context(), &gateway.Entry{Event: kept[0].Event, Quarantine: kept[0].Why}, false)
			var verdicts []gateway.SchemaVerdict
			for _, e := range pub.Events() {
				verdicts = append(verdicts, e.Schema)
				if e.Schema == gateway.SchemaNone && e.SchemaURI+e.SchemaSHA256 != "" {
					t.Errorf("got the schema %s %s of then, want none", e.SchemaURI, e.SchemaSHA256)
				}
			}
			if res.Outcome != tt.outcome || !slices.Equal(verdicts, tt.verdicts) || len(pub.Quarantined()) != 0 {
				t.Errorf("got %v with %v stored and %d in quarantine, want %v with %v", res.Outcome, verdicts, len(pub.Quarantined()), tt.outcome, tt.verdicts)
			}
		})
	}
}

// TestFormThatIsNone: a body that says that it is a form, and is none, is for the
// schema to judge like any other that it cannot read; it is not lost.
func TestFormThatIsNone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"escape": "a=%zz", "semicolon": "a=1;b=2"} {
		for _, mode := range []gateway.SchemaMode{gateway.OnInvalidQuarantine, gateway.OnInvalidTag} {
			t.Run(fmt.Sprint(name, " ", mode), func(t *testing.T) {
				t.Parallel()
				var seen any
				rt, pub, _ := newRoute(t, func(c *gateway.Config) {
					c.Provider.NeedsJSON, c.Provider.ContentTypes = false, nil
					c.Validator = gatewaytest.ValidatorFunc(func(_ string, payload any) (string, error) {
						seen = payload
						return "s.json", errors.New("s.json: the body is neither JSON nor a form")
					})
					c.OnInvalid = mode
				})
				req := newRequest(t, "https://example.com/hook", "d1", body)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				res := handle(rt, req)
				if !res.Outcome.Success() || len(pub.Events())+len(pub.Quarantined()) != 1 {
					t.Errorf("got %v (%v), want it kept", res.Outcome, res.Err)
				}
				if o, opaque := seen.(gateway.Opaque); !opaque || string(o) != body {
					t.Errorf("the schema saw %#v, want the bytes", seen)
				}
			})
		}
	}
}

// TestRetriesOfARejectedBatch: after a 422 some senders send the whole batch again.
// What was stored is not stored again where the events have ids.
func TestRetriesOfARejectedBatch(t *testing.T) {
	t.Parallel()
	validator := modes{"q": gateway.OnInvalidQuarantine, "t": gateway.OnInvalidTag, "r": gateway.OnInvalidReject}
	rt, pub, _ := newRoute(t, alter(batches, func(c *gateway.Config) { c.Validator = validator }))
	for i := range 3 {
		if res := post(t, rt, fmt.Sprint("d", i), `[{"id":"a","type":"q"},{"id":"b","type":"r"},{"id":"c","type":"t"}]`); res.Outcome != gateway.SchemaRejected {
			t.Errorf("got %v", res.Outcome)
		}
	}
	if n, m := len(pub.Events()), len(pub.Quarantined()); n != 1 || m != 1 {
		t.Errorf("got %d stored and %d in quarantine, want one of each", n, m)
	}
}

// TestFirstOfABatch: of several events that are rejected the first is named.
func TestFirstOfABatch(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, alter(batches, func(c *gateway.Config) { c.Validator, c.OnInvalid = modes{}, gateway.OnInvalidReject }))
	res := post(t, rt, "d1", `[{"id":"a"},{"id":"b"},{"id":"c"}]`)
	if res.Err == nil || !strings.HasPrefix(res.Err.Error(), "event 0 of the batch: ") {
		t.Errorf("got %v, want the first", res.Err)
	}
}
