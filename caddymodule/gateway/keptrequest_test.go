package gateway_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// asking is a publisher that asks for the request of each event, as a spool does.
type asking struct {
	gatewaytest.Publisher
	mu     sync.Mutex
	events []*gateway.Event
	kept   []*gateway.Kept
}

func (p *asking) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	p.mu.Lock()
	p.events, p.kept = append(p.events, e), append(p.kept, e.KeptRequest())
	p.mu.Unlock()
	return p.Publisher.Publish(ctx, e)
}

// TestKeptRequestOfAnEvent: the publisher gets what quarantine would keep, with
// nothing secret, as long as the event is its own; and nothing where nothing may
// be kept.
func TestKeptRequestOfAnEvent(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*gateway.Config)
		want   bool
	}{
		{"as a rule", func(*gateway.Config) {}, true},
		{"quarantine off", func(cfg *gateway.Config) { cfg.NoQuarantine = true }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &asking{}
			rt, _, _ := newRoute(t, func(cfg *gateway.Config) {
				cfg.Publisher = p
				cfg.VerifierAt = func(time.Time) (verifiers.Verifier, error) { return newVerifier(t, hub), nil }
				test.change(cfg)
			})
			r := newRequest(t, "http://hooks.example.com/hook", "d-1", payload("1"))
			r.Header.Set("Authorization", "Bearer "+marker)
			r.Header.Set("X-Api-Key", marker)
			res := rt.Handle(nil, gateway.Request{Request: r})
			if res.Outcome != gateway.Accepted || len(p.kept) != 1 {
				t.Fatalf("%v %v, asked %d times", res.Outcome, res.Err, len(p.kept))
			}
			kept := p.kept[0]
			if (kept != nil) != test.want {
				t.Fatalf("kept: %+v", kept)
			}
			if after := p.events[0].KeptRequest(); after != nil {
				t.Errorf("after it was published: %+v", after)
			}
			if kept == nil {
				return
			}
			if kept.Method != http.MethodPost || kept.Header.Get("X-Hub-Delivery") != "d-1" || kept.Unprovable {
				t.Errorf("kept: %+v", kept)
			}
			if strings.Join(kept.Redacted, " ") != "Authorization X-Api-Key X-Other" || kept.Header.Get("Authorization") != "" {
				t.Errorf("redacted: %v", kept.Redacted)
			}
			// It is enough to try it again.
			e := &gateway.Entry{Event: p.Events()[0], Quarantine: gateway.Quarantine{Reason: "conflict", Request: kept}}
			if again := rt.Retry(t.Context(), e, false); again.Outcome != gateway.Duplicate {
				t.Errorf("tried again: %v %v", again.Outcome, again.Err)
			}
			if len(p.kept) != 2 || !reflect.DeepEqual(p.kept[1].Header, kept.Header) {
				t.Errorf("tried again it has another request: %+v", p.kept[1:])
			}
			// What is let out as it is has the request that was kept.
			if _, err := gateway.Release(t.Context(), p, e, true, false); err != nil || len(p.kept) != 3 || p.kept[2] != kept {
				t.Errorf("released: %v, %d times", err, len(p.kept))
			}
		})
	}
}

// TestKeptRequestIsProvenOnce: whether what is kept can be verified again is found
// out with the first event, and with each where it cannot.
func TestKeptRequestIsProvenOnce(t *testing.T) {
	other := func() (verifiers.Verifier, error) {
		key, err := verifiers.NewKey("k2", []byte("another-secret-of-the-tests"))
		if err != nil {
			return nil, err
		}
		return hub.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: map[string]string{"verify_token": verifyToken, "confirm": "on"}})
	}
	for _, test := range []struct {
		name     string
		verifier func() (verifiers.Verifier, error)
		checks   int
	}{
		{"it can", func() (verifiers.Verifier, error) { return newVerifier(t, hub), nil }, 1},
		{"it cannot", other, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, checks := &asking{}, 0
			rt, _, _ := newRoute(t, func(cfg *gateway.Config) {
				cfg.Publisher = p
				cfg.VerifierAt = func(time.Time) (verifiers.Verifier, error) {
					checks++
					return test.verifier()
				}
			})
			for _, id := range []string{"d-1", "d-2", "d-3"} {
				if res := rt.Handle(nil, gateway.Request{Request: newRequest(t, "http://hooks.example.com/hook", id, payload(id))}); res.Outcome != gateway.Accepted {
					t.Fatalf("%v %v", res.Outcome, res.Err)
				}
			}
			for i, kept := range p.kept {
				if kept == nil || kept.Unprovable != (test.checks == 3) || kept.Header.Get("X-Hub-Signature-256") == "" {
					t.Errorf("%d: %+v", i, kept)
				}
			}
			if checks != test.checks {
				t.Errorf("verified %d times, want %d", checks, test.checks)
			}
		})
	}
}
