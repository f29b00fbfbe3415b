// Package gatewaytest has implementations of package gateway's interfaces for
// tests: a broker in memory with faults to switch on, and a recorder.
package gatewaytest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Stream is the name of the stream in a Publisher's acks, and QuarantineStream
// that of quarantine.
const (
	Stream           = "TEST"
	QuarantineStream = "TEST_QUARANTINE"
)

// Publisher is a [gateway.Publisher] that keeps events in memory and keeps the
// contract: it deduplicates by tenant, source and id, sees conflicts, and
// returns [gateway.ErrInFlight] for a copy of an event that is being stored.
// Its other methods switch on faults for the calls that follow. The zero value
// is ready to use, and safe for concurrent use.
type Publisher struct {
	mu          sync.Mutex
	events      []gateway.Event
	quarantined []Quarantined
	index       map[key]uint64 // 0: being stored
	calls       int

	err, quarantineErr error
	loseAcks           bool
	delay              time.Duration
	held               chan struct{}
	panicValue         any
}

type key struct{ tenant, source, id string }

// Quarantined is an event that was kept aside.
type Quarantined struct {
	gateway.Event
	Why gateway.Quarantine
}

// Publish stores the event.
func (p *Publisher) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.panicValue != nil {
		panic(p.panicValue)
	}
	if p.err != nil {
		return gateway.Ack{}, p.err
	}
	k := key{e.Tenant, e.Source, e.DedupeID()}
	if seq, known := p.index[k]; known {
		if seq == 0 {
			return gateway.Ack{}, gateway.ErrInFlight
		}
		conflict := p.events[seq-1].Compared() != e.Compared()
		return gateway.Ack{Stream: Stream, Sequence: seq, Duplicate: true, Conflict: conflict, Attempts: 1}, nil
	}
	if p.index == nil {
		p.index = make(map[key]uint64)
	}
	p.index[k] = 0
	if err := p.wait(ctx); err != nil {
		delete(p.index, k)
		return gateway.Ack{}, err
	}
	p.events = append(p.events, clone(e))
	seq := uint64(len(p.events))
	p.index[k] = seq
	if p.loseAcks {
		return gateway.Ack{}, gateway.ErrTimeout
	}
	return gateway.Ack{Stream: Stream, Sequence: seq, Attempts: 1}, nil
}

// Quarantine stores the event apart from the others.
func (p *Publisher) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.quarantineErr != nil {
		return gateway.Ack{}, p.quarantineErr
	}
	for i := range p.quarantined {
		o := &p.quarantined[i]
		if o.Tenant == e.Tenant && o.Source == e.Source && o.ID == e.ID && o.Digest == e.Digest && o.Why.Reason == q.Reason {
			return gateway.Ack{Stream: QuarantineStream, Sequence: uint64(i + 1), Duplicate: true, Attempts: 1}, nil
		}
	}
	if err := p.wait(ctx); err != nil {
		return gateway.Ack{}, err
	}
	p.quarantined = append(p.quarantined, Quarantined{Event: clone(e), Why: q})
	return gateway.Ack{Stream: QuarantineStream, Sequence: uint64(len(p.quarantined)), Attempts: 1}, nil
}

// wait is called with the lock and gives it up while it waits.
func (p *Publisher) wait(ctx context.Context) error {
	delay, held := p.delay, p.held
	if delay == 0 && held == nil {
		return nil
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	var elapsed <-chan time.Time
	if held == nil {
		t := time.NewTimer(delay)
		defer t.Stop()
		elapsed = t.C
	}
	select {
	case <-ctx.Done():
		return gateway.ErrTimeout
	case <-held:
		return nil
	case <-elapsed:
		return nil
	}
}

// clone copies the body, which the caller may use again.
func clone(e *gateway.Event) gateway.Event {
	c := e.Clone()
	c.Body = slices.Clone(e.Body)
	return *c
}

// Fail makes Publish fail with err, storing nothing; nil ends that.
func (p *Publisher) Fail(err error) { p.set(func() { p.err = err }) }

// FailQuarantine makes Quarantine fail with err; nil ends that.
func (p *Publisher) FailQuarantine(err error) { p.set(func() { p.quarantineErr = err }) }

// LoseAcks makes Publish store new events and say [gateway.ErrTimeout].
func (p *Publisher) LoseAcks(lose bool) { p.set(func() { p.loseAcks = lose }) }

// Delay makes storing take so long, or until the context ends.
func (p *Publisher) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Panic makes Publish panic with value; nil ends that.
func (p *Publisher) Panic(value any) { p.set(func() { p.panicValue = value }) }

// Hold makes storing wait until release is called or the context ends.
func (p *Publisher) Hold() (release func()) {
	held := make(chan struct{})
	p.set(func() { p.held = held })
	return sync.OnceFunc(func() {
		p.set(func() { p.held = nil })
		close(held)
	})
}

func (p *Publisher) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Events returns the stored events in order.
func (p *Publisher) Events() []gateway.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// Quarantined returns the events in quarantine in order.
func (p *Publisher) Quarantined() []Quarantined {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.quarantined)
}

// Calls returns how often Publish and Quarantine were called.
func (p *Publisher) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

var _ gateway.Publisher = (*Publisher)(nil)
