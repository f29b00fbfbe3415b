package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// stopPatience bounds what stopping the embedded server may take, and
	// waiting for another to leave its directory.
	stopPatience = 20 * time.Second
	// lockDelay is the time between two tries to take the directory.
	lockDelay = 100 * time.Millisecond
)

// ErrStoreChanged: a reload changes how the embedded server runs.
var ErrStoreChanged = errors.New("the settings of the running embedded server cannot be changed by a reload: " +
	"restart Caddy, or change them back")

// brokers are the embedded servers and the connections of this process, by the
// store directory or by the settings of the cluster. They outlive
// configurations: a reload keeps what runs.
var brokers = caddy.NewUsagePool()

// broker is a connection to NATS, and the embedded server behind it if there is
// one. It is made in the background: an embedded server may have a big store to
// recover, or have to wait until the one before it has left the directory.
type broker struct {
	embedded natsembed.Config // zero for a cluster
	turn     chan struct{}    // held by the spool that forwards from this server
	cancel   context.CancelFunc
	done     chan struct{} // closed when the fields below are set

	server *natsembed.Server // nil for a cluster
	conn   *nats.Conn
	err    error
}

// openBroker returns the broker with these settings, which may run already.
func openBroker(s *brokerSettings) (*broker, error) {
	val, loaded, err := brokers.LoadOrNew(s.key, func() (caddy.Destructor, error) {
		ctx, cancel := context.WithCancel(context.Background())
		b := &broker{embedded: s.embed, turn: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
		go func() {
			defer close(b.done)
			b.err = b.open(ctx, s.connect)
		}()
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	b, ok := val.(*broker)
	if !ok {
		return nil, fmt.Errorf("the pool of brokers holds a %T", val)
	}
	if loaded && b.embedded.Key() != s.embed.Key() {
		_, err := brokers.Delete(s.key) // what was just taken; the running configuration has its own
		return nil, errors.Join(fmt.Errorf("nats embedded: %s: %w", s.embed.StoreDir, ErrStoreChanged), err)
	}
	return b, nil
}

func (b *broker) open(ctx context.Context, cfg natspub.ConnectConfig) error {
	cfg.Logger = slog.New(&live)
	if b.embedded.StoreDir != "" {
		if err := b.start(ctx); err != nil {
			return err
		}
		cfg.InProcess = b.server
		cfg.User, cfg.Password = b.server.Credentials()
	}
	var err error
	b.conn, err = natspub.Connect(cfg)
	return err
}

// start starts the embedded server and waits until it takes events.
func (b *broker) start(ctx context.Context) error {
	cfg := b.embedded
	cfg.Logger = slog.New(&live)
	waiting := false
	for deadline := time.Now().Add(stopPatience); ; {
		var err error
		b.server, err = natsembed.Start(cfg)
		if err == nil {
			break
		}
		if !errors.Is(err, natsembed.ErrLocked) || time.Now().After(deadline) {
			return err
		}
		if !waiting {
			waiting = true
			cfg.Logger.Warn("waiting for the store directory", "error", err, "patience", stopPatience)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(lockDelay):
		}
	}
	return b.server.WaitReady(ctx)
}

// wait waits until the connection has been made, though NATS may not have
// answered yet.
func (b *broker) wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready reports whether an embedded server is well.
func (b *broker) ready() error {
	if b.server == nil {
		return nil
	}
	return b.server.Ready()
}

// Destruct ends the connection and the server. The pool calls it when no
// configuration and no request needs them any more.
func (b *broker) Destruct() error {
	b.cancel()
	<-b.done
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return b.server.Shutdown(ctx)
}

var _ caddy.Destructor = (*broker)(nil)
