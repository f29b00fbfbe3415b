package caddymodule

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
)

func TestLease(t *testing.T) {
	t.Parallel()
	t.Run("nobody uses it", func(t *testing.T) {
		t.Parallel()
		ended := 0
		l := newLease(func() { ended++ })
		l.close()
		if ended != 1 {
			t.Errorf("got %d ends, want 1", ended)
		}
	})
	t.Run("requests outlive the owner", func(t *testing.T) {
		t.Parallel()
		var ended atomic.Int32
		l := newLease(func() { ended.Add(1) })
		const users = 50
		for range users {
			if !l.acquire() {
				t.Fatal("got nothing to use before the end")
			}
		}
		l.close()
		if ended.Load() != 0 {
			t.Error("got an end while requests are being served")
		}
		var wg sync.WaitGroup
		for range users {
			wg.Go(l.giveBack)
		}
		wg.Wait()
		if ended.Load() != 1 {
			t.Errorf("got %d ends, want 1", ended.Load())
		}
		if l.acquire() {
			t.Error("a straggler got what has ended")
		}
	})
}

// TestStragglerUsesTheHeir: a request that comes to a configuration which has
// given its broker back is stored by the one that has it.
func TestStragglerUsesTheHeir(t *testing.T) {
	t.Parallel()
	broker := new(gatewaytest.Publisher)
	heir := &App{lease: newLease(func() {})}
	heir.publisher = newPublisher(func() *App { return nil })
	old := newPublisher(func() *App { return heir })
	old.stopWaiting()
	e := &gateway.Event{Tenant: "t", Source: "s", ID: "1", Dedupe: true}

	if _, err := old.Publish(t.Context(), e); !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("an heir without a broker: got %v, want %v", err, gateway.ErrNotReady)
	}
	heir.publisher.set(broker)
	if _, err := old.Publish(t.Context(), e); err != nil {
		t.Errorf("got %v, want it stored", err)
	}
	if _, err := old.Quarantine(t.Context(), e, gateway.Quarantine{Reason: "schema"}); err != nil {
		t.Errorf("quarantine: got %v, want it stored", err)
	}
	if got := len(broker.Events()) + len(broker.Quarantined()); got != 2 {
		t.Errorf("got %d stored, want 2", got)
	}
	heir.lease.close()
	if _, err := old.Publish(t.Context(), e); !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("an heir that has ended: got %v, want %v", err, gateway.ErrNotReady)
	}
}

func TestPublisherBeforeTheBroker(t *testing.T) {
	t.Parallel()
	p := newPublisher(func() *App { return nil })
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := p.Publish(short, &gateway.Event{}); !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("out of time: got %v, want %v", err, gateway.ErrNotReady)
	}
	waiting := make(chan error)
	go func() {
		_, err := p.Publish(context.Background(), &gateway.Event{})
		waiting <- err
	}()
	p.stopWaiting()
	if err := <-waiting; !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("waiting in vain: got %v, want %v", err, gateway.ErrNotReady)
	}
	check := func(when string) {
		t.Helper()
		if _, err := p.Publish(context.Background(), &gateway.Event{}); !errors.Is(err, gateway.ErrNotReady) {
			t.Errorf("%s: got %v, want %v", when, err, gateway.ErrNotReady)
		}
		if _, err := p.Quarantine(context.Background(), &gateway.Event{}, gateway.Quarantine{}); !errors.Is(err, gateway.ErrNotReady) {
			t.Errorf("%s: got %v for quarantine, want %v", when, err, gateway.ErrNotReady)
		}
	}
	check("before")
	p.set(new(gatewaytest.Publisher))
	if ack, err := p.Publish(context.Background(), &gateway.Event{Tenant: "t", Source: "s", ID: "1", Dedupe: true}); err != nil || ack.Stream == "" {
		t.Errorf("got %+v, %v, want the broker's ack", ack, err)
	}
	p.unset()
	check("after")
}

func TestDelivered(t *testing.T) {
	t.Parallel()
	result := func(id, body string) *gateway.Result {
		return &gateway.Result{Record: gateway.Record{EventID: id}, Compared: sha256.Sum256([]byte(body))}
	}
	d := newDelivered()
	if d.has(result("1", "{}")) {
		t.Error("got an event that was never handed on")
	}
	d.add(result("1", "{}"))
	if !d.has(result("1", "{}")) {
		t.Error("got no memory of an event that was handed on")
	}
	if d.has(result("1", "{ }")) || d.has(result("2", "{}")) {
		t.Error("got another event under the same id, or the same bytes under another, as handed on")
	}
	for i := range maxDelivered {
		d.add(result("n"+strconv.Itoa(i), ""))
	}
	if !d.has(result("1", "{}")) {
		t.Error("after a generation: got it forgotten")
	}
	for i := range 2 * maxDelivered {
		d.add(result("m"+strconv.Itoa(i), ""))
	}
	if n := len(d.now) + len(d.old); n > 2*maxDelivered {
		t.Errorf("got %d events in memory, want at most %d", n, 2*maxDelivered)
	}
	var none *delivered
	none.add(result("1", ""))
	if none.has(result("1", "")) {
		t.Error("got memory where there is none")
	}
}
