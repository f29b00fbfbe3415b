package gatewaytest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
)

func event(tenant, id string, digest byte) *gateway.Event {
	return &gateway.Event{
		Tenant: tenant, Source: "s", ID: id, HasID: true, IngestID: id + string(digest),
		Dedupe: true, Body: []byte{digest}, Digest: [32]byte{digest},
	}
}

func TestPublisherDeduplicates(t *testing.T) {
	t.Parallel()
	var p gatewaytest.Publisher
	off := event("a", "1", 1)
	off.Dedupe = false
	for i, tt := range []struct {
		event *gateway.Event
		want  gateway.Ack
	}{
		{event("a", "1", 1), gateway.Ack{Sequence: 1}},
		{event("a", "1", 1), gateway.Ack{Sequence: 1, Duplicate: true}},
		{event("a", "1", 2), gateway.Ack{Sequence: 1, Duplicate: true, Conflict: true}},
		{event("b", "1", 2), gateway.Ack{Sequence: 2}},
		{event("a", "2", 1), gateway.Ack{Sequence: 3}},
		{off, gateway.Ack{Sequence: 4}},
	} {
		tt.want.Stream, tt.want.Attempts = gatewaytest.Stream, 1
		if got, err := p.Publish(t.Context(), tt.event); got != tt.want || err != nil {
			t.Errorf("publish %d: got %+v, %v, want %+v", i+1, got, err, tt.want)
		}
	}
	if n := len(p.Events()); n != 4 {
		t.Errorf("got %d events, want 4", n)
	}
}

func TestPublisherFaults(t *testing.T) {
	t.Parallel()
	var p gatewaytest.Publisher
	odd := errors.New("odd")
	p.Fail(odd)
	if _, err := p.Publish(t.Context(), event("a", "1", 1)); !errors.Is(err, odd) || len(p.Events()) != 0 {
		t.Errorf("failing: got %v and %d events, want the error and none", err, len(p.Events()))
	}
	p.Fail(nil)
	p.LoseAcks(true)
	if _, err := p.Publish(t.Context(), event("a", "1", 1)); !errors.Is(err, gateway.ErrTimeout) || len(p.Events()) != 1 {
		t.Errorf("losing acks: got %v and %d events, want a timeout and 1", err, len(p.Events()))
	}
	if ack, err := p.Publish(t.Context(), event("a", "1", 1)); err != nil || !ack.Duplicate {
		t.Errorf("retry: got %+v, %v, want a duplicate", ack, err)
	}
	p.FailQuarantine(odd)
	if _, err := p.Quarantine(t.Context(), event("a", "1", 1), gateway.Quarantine{}); !errors.Is(err, odd) {
		t.Errorf("failing quarantine: got %v, want %v", err, odd)
	}
	if n := p.Calls(); n != 4 {
		t.Errorf("got %d calls, want 4", n)
	}
}

func TestPublisherWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p gatewaytest.Publisher
		start := time.Now()
		p.Delay(time.Second)
		if _, err := p.Publish(t.Context(), event("a", "1", 1)); err != nil || time.Since(start) != time.Second {
			t.Errorf("delayed: got %v after %v, want nil after 1s", err, time.Since(start))
		}
		release := p.Hold()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := p.Publish(ctx, event("a", "2", 1))
			first <- err
		}()
		synctest.Wait()
		if _, err := p.Publish(ctx, event("a", "2", 1)); !errors.Is(err, gateway.ErrInFlight) {
			t.Errorf("copy of what is held: got %v, want %v", err, gateway.ErrInFlight)
		}
		if err := <-first; !errors.Is(err, gateway.ErrTimeout) {
			t.Errorf("held beyond its context: got %v, want %v", err, gateway.ErrTimeout)
		}
		release()
		release()
		if ack, err := p.Publish(t.Context(), event("a", "2", 1)); err != nil || ack.Duplicate {
			t.Errorf("after that: got %+v, %v, want it stored", ack, err)
		}
	})
}

func TestObserverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o gatewaytest.Observer
		rec := &gateway.Record{RequestID: "1"}
		time.AfterFunc(time.Second, func() { o.Observe(rec) })
		got, err := o.Wait(t.Context(), 1)
		rec.RequestID = "changed"
		if err != nil || len(got) != 1 || got[0].RequestID != "1" || o.Records()[0].RequestID != "1" {
			t.Errorf("got %+v, %v, want a copy of the record", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := o.Wait(ctx, 2); !errors.Is(err, context.DeadlineExceeded) || len(got) != 1 {
			t.Errorf("got %d records, %v, want 1 and the context's error", len(got), err)
		}
	})
}
