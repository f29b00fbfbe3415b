package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestBatchFailures: a 2xx only if every element is stored, and what fails is
// found again by the retry.
func TestBatchFailures(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Repeat(`{"id":"x"},`, 3)
	for i := range 300 {
		body += fmt.Sprintf(`{"id":"e%d"},`, i)
	}
	body += `{"id":"last"}]`
	failures := map[string]struct {
		err     error
		outcome gateway.Outcome
	}{
		"not ready": {gateway.ErrNotReady, gateway.BrokerNotReady},
		"full":      {gateway.ErrFull, gateway.BrokerFull},
		"in flight": {gateway.ErrInFlight, gateway.Pending},
		"too large": {gateway.ErrTooLarge, gateway.TooLargeToPublish},
		"unknown":   {errors.New("something new"), gateway.Internal},
	}
	for name, f := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, batches)
			pub.Fail(f.err)
			if res := post(t, rt, "d1", body); res.Outcome != f.outcome || !errors.Is(res.Err, f.err) || res.Batch.Size != 304 {
				t.Errorf("got %v, %v, want %v", res.Outcome, res.Err, f.outcome)
			}
			pub.Fail(nil)
			if res := post(t, rt, "d1", body); res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != 302 || res.Batch.Outcomes[gateway.Duplicate] != 2 {
				t.Errorf("retry: got %v, %v", res.Outcome, res.Batch.Outcomes)
			}
			if len(pub.Events()) != 302 {
				t.Errorf("got %d events, want 302", len(pub.Events()))
			}
		})
	}
	t.Run("one of them", func(t *testing.T) {
		t.Parallel()
		rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) {
			c.Publisher = &failsFor{Publisher: c.Publisher, id: "e7", err: gateway.ErrTimeout}
		}))
		res := post(t, rt, "d1", body)
		if res.Outcome != gateway.BrokerTimeout || res.Status != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(res.Err.Error(), "event 10 of the batch") {
			t.Errorf("got %v, %v", res.Outcome, res.Err)
		}
		if n := len(pub.Events()); n == 0 || n > 301 {
			t.Errorf("got %d stored", n)
		}
	})
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) {
			c.Publisher = &failsFor{Publisher: c.Publisher, id: "e7", panics: true}
			c.Validator = gatewaytest.ValidatorFunc(func(_ string, p any) (string, error) {
				if o, ok := p.(map[string]any); ok && o["id"] == "e9" {
					panic(marker)
				}
				return "", nil
			})
		}))
		res := post(t, rt, "d1", body)
		if res.Outcome != gateway.Internal || res.Status != 503 || res.Batch.Outcomes[gateway.Internal] != 2 || strings.Contains(res.Err.Error(), marker) {
			t.Errorf("got %v, %v, %v", res.Outcome, res.Err, res.Batch.Outcomes)
		}
		if n := len(pub.Events()); n != 300 {
			t.Errorf("got %d stored, want the 300 others", n)
		}
	})
	t.Run("retryable before final", func(t *testing.T) {
		t.Parallel()
		rt, _, _ := newRoute(t, alter(func(c *gateway.Config) {
			c.Publisher = &failsFor{Publisher: c.Publisher, id: "e7", err: gateway.ErrInFlight}
			c.NoQuarantine = true
			c.EventID = verifiers.JSON("/id")
		}))
		if res := post(t, rt, "d1", `[{"id":{}},{"id":"e7"}]`); res.Outcome != gateway.Pending {
			t.Errorf("got %v, want the one that a retry can mend", res.Outcome)
		}
	})
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		rt, pub, _ := newRoute(t, alter(func(c *gateway.Config) { c.PublishTimeout = 50 * time.Millisecond }))
		defer pub.Hold()()
		if res := post(t, rt, "d1", `[{"id":"a"},{"id":"b"}]`); res.Outcome != gateway.BrokerTimeout {
			t.Errorf("got %v, %v", res.Outcome, res.Err)
		}
	})
}

// failsFor fails for one event.
type failsFor struct {
	gateway.Publisher
	id     string
	err    error
	panics bool
}

func (f *failsFor) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	if e.ID == f.id {
		if f.panics {
			panic(marker)
		}
		return gateway.Ack{}, f.err
	}
	return f.Publisher.Publish(ctx, e)
}
