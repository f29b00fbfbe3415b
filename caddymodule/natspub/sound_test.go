package natspub

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestDuplicateOfUnwellBroker: that something is stored which came before is not
// believed of a broker that is not well, or was not meanwhile: it may have it in
// memory alone. What it stores now it answers for.
func TestDuplicateOfUnwellBroker(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), func(c *Config) {
		claiming(c)
		c.Bodies.Above = 32 << 10
		c.Ready = func() error {
			if broken.Load() {
				return errors.New("a write error")
			}
			return nil
		}
	})
	small, big := testEvent("small", "{}"), large(t, "big", 100<<10)
	for _, e := range []*gateway.Event{small, big} {
		if _, err := p.Publish(within(t, 10*time.Second), e); err != nil {
			t.Fatal(err)
		}
	}
	// A broker breaks after the last look at it, which is every half second.
	publish := func(e *gateway.Event, id string, breaks bool) (gateway.Ack, error) {
		checkFor(t, 10*time.Second, p.Ready)
		again := *e
		again.ID, again.IngestID = id, "in-again"
		m := p.message(&again)
		if err := p.enter(m); err != nil {
			t.Fatal(err)
		}
		broken.Store(breaks)
		defer broken.Store(false)
		if err := p.claim(within(t, 10*time.Second), m); err != nil {
			p.leave()
			return gateway.Ack{}, err
		}
		p.begin(m)
		return p.finish(within(t, 10*time.Second), m)
	}
	for what, try := range map[string]func() (gateway.Ack, error){
		"a duplicate":             func() (gateway.Ack, error) { return publish(small, "small", true) },
		"a body that is there":    func() (gateway.Ack, error) { return publish(big, "other", true) },
		"a duplicate with a body": func() (gateway.Ack, error) { return publish(big, "big", true) },
	} {
		if ack, err := try(); !errors.Is(err, gateway.ErrNotReady) && !errors.Is(err, gateway.ErrTimeout) {
			t.Errorf("%s: got %+v, %v, want that it is not ready", what, ack, err)
		}
	}
	if ack, err := publish(small, "small", false); err != nil || !ack.Duplicate {
		t.Errorf("well again: got %+v, %v", ack, err)
	}
	// It was replaced between the question and the answer.
	checkFor(t, 10*time.Second, p.Ready)
	m := p.message(small)
	if err := p.open(within(t, 10*time.Second), m); err != nil {
		t.Fatal(err)
	}
	p.faults.Add(1)
	if ack, err := p.finish(within(t, 10*time.Second), m); !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("unwell meanwhile: got %+v, %v", ack, err)
	}
	if ack, err := publish(testEvent("new", "{}"), "new", true); err != nil || ack.Duplicate {
		t.Errorf("a new event: got %+v, %v", ack, err)
	}
	if n := p.Pending(); n != 0 {
		t.Errorf("%d events are still pending", n)
	}
}
