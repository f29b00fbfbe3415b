package caddymodule

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// publisher stands for the real one, which is there once the broker is ready.
// Caddy starts apps in no order, so that a site may serve before the broker's
// first look; requests wait for that, as far as their time allows. After it,
// and again when the broker is given back, senders are asked to try again at
// once.
//
// A request may come to an old configuration after that has given its broker
// back: Caddy goes on serving the connections that it has. Its event is stored
// by the configuration that has the broker now.
type publisher struct {
	target  atomic.Pointer[gateway.Publisher]
	started chan struct{} // closed when there is no more sense in waiting
	once    sync.Once
	heir    func() *App // who has the broker now; nil if nobody has
}

// heirs are the apps that have a broker now, by its key.
var heirs sync.Map

func newPublisher(heir func() *App) *publisher {
	return &publisher{started: make(chan struct{}), heir: heir}
}

func (p *publisher) set(to gateway.Publisher) {
	p.target.Store(&to)
	p.stopWaiting()
}

func (p *publisher) unset() { p.target.Store(nil) }

// stopWaiting says that the broker is not going to be ready soon.
func (p *publisher) stopWaiting() { p.once.Do(func() { close(p.started) }) }

// get returns the real publisher. The function ends its use.
func (p *publisher) get(ctx context.Context) (gateway.Publisher, func(), error) {
	if to := p.target.Load(); to != nil {
		return *to, func() {}, nil
	}
	select {
	case <-p.started:
	case <-ctx.Done():
	}
	if to := p.target.Load(); to != nil {
		return *to, func() {}, nil
	}
	if app := p.heir(); app != nil && app.publisher != p && app.lease.acquire() {
		if to := app.publisher.target.Load(); to != nil {
			return *to, app.lease.giveBack, nil
		}
		app.lease.giveBack()
	}
	return nil, nil, gateway.ErrNotReady
}

// Publish implements [gateway.Publisher].
func (p *publisher) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	return publishTo(ctx, p.get, e)
}

// Start implements [gateway.Starter].
func (p *publisher) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	return startAt(ctx, p.get, e)
}

// Quarantine implements [gateway.Publisher].
func (p *publisher) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	return quarantineAt(ctx, p.get, e, q)
}

// getter returns the real publisher. The function ends its use.
type getter func(ctx context.Context) (gateway.Publisher, func(), error)

func publishTo(ctx context.Context, get getter, e *gateway.Event) (gateway.Ack, error) {
	to, release, err := get(ctx)
	if err != nil {
		return gateway.Ack{}, err
	}
	defer release()
	return to.Publish(ctx, e)
}

func startAt(ctx context.Context, get getter, e *gateway.Event) func() (gateway.Ack, error) {
	to, release, err := get(ctx)
	if err != nil {
		return func() (gateway.Ack, error) { return gateway.Ack{}, err }
	}
	wait := func() (gateway.Ack, error) { return to.Publish(ctx, e) }
	if s, ordered := to.(gateway.Starter); ordered {
		wait = s.Start(ctx, e)
	}
	return func() (gateway.Ack, error) {
		defer release()
		return wait()
	}
}

func quarantineAt(ctx context.Context, get getter, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	to, release, err := get(ctx)
	if err != nil {
		return gateway.Ack{}, err
	}
	defer release()
	return to.Quarantine(ctx, e, q)
}

var _ gateway.Starter = (*publisher)(nil)
