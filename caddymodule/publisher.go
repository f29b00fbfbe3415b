package caddymodule

import (
	"context"
	"sync/atomic"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// publisher stands for the real one, which is there once the broker is ready.
// Until then, and again after it is gone, senders are asked to try again.
type publisher struct {
	target atomic.Pointer[gateway.Publisher]
}

func (p *publisher) set(to gateway.Publisher) { p.target.Store(&to) }

func (p *publisher) unset() { p.target.Store(nil) }

// Publish implements [gateway.Publisher].
func (p *publisher) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	to := p.target.Load()
	if to == nil {
		return gateway.Ack{}, gateway.ErrNotReady
	}
	return (*to).Publish(ctx, e)
}

// Quarantine implements [gateway.Publisher].
func (p *publisher) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	to := p.target.Load()
	if to == nil {
		return gateway.Ack{}, gateway.ErrNotReady
	}
	return (*to).Quarantine(ctx, e, q)
}

var _ gateway.Publisher = (*publisher)(nil)
