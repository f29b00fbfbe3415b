package caddymodule

import (
	"context"
	"errors"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway/gatewaytest"
)

// startedOnly is a [gateway.Starter] whose Publish must not be called.
type startedOnly struct{ gateway.Publisher }

func (s startedOnly) Publish(context.Context, *gateway.Event) (gateway.Ack, error) {
	return gateway.Ack{}, errors.New("published, and not started")
}

func (s startedOnly) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	return func() (gateway.Ack, error) { return s.Publisher.Publish(ctx, e) }
}

// TestPublisherStarts: the stand-in keeps the order of a publisher that has one,
// works with one that has none, and says so when there is none at all.
func TestPublisherStarts(t *testing.T) {
	t.Parallel()
	e := &gateway.Event{Tenant: "a", Source: "b", ID: "c", Dedupe: true}
	for name, to := range map[string]gateway.Publisher{
		"ordered": startedOnly{&gatewaytest.Publisher{}}, "any order": &gatewaytest.Publisher{},
	} {
		p := newPublisher(func() *App { return nil })
		p.set(to)
		if ack, err := p.Start(t.Context(), e)(); err != nil || ack.Stream != gatewaytest.Stream {
			t.Errorf("%s: got %+v, %v", name, ack, err)
		}
	}
	none := newPublisher(func() *App { return nil })
	none.stopWaiting()
	if ack, err := none.Start(t.Context(), e)(); !errors.Is(err, gateway.ErrNotReady) || ack.Stream != "" {
		t.Errorf("none: got %+v, %v, want ErrNotReady", ack, err)
	}
}
