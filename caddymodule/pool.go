package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
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
	// healthInterval is the time between two looks at the embedded server,
	// failedLooks after how many in a row that find it broken it is replaced, and
	// unwellLooks after how many that find it unwell.
	healthInterval = time.Second
	failedLooks    = 3
	unwellLooks    = 60
	// readingTick is how often it is looked whether a new connection is there.
	readingTick = 5 * time.Millisecond
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

	conn *nats.Conn
	err  error
	cfg  natspub.ConnectConfig // of conn

	readers readerConn

	server atomic.Pointer[natsembed.Server] // nil for a cluster
	keeper sync.WaitGroup
}

// openBroker returns the broker with these settings, which may run already.
func openBroker(s *brokerSettings) (*broker, error) {
	val, loaded, err := brokers.LoadOrNew(s.key, func() (caddy.Destructor, error) {
		ctx, cancel := context.WithCancel(context.Background())
		b := &broker{embedded: s.embed, turn: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
		go func() {
			defer close(b.done)
			b.err = b.open(ctx, s.connect, s.label)
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

func (b *broker) open(ctx context.Context, cfg natspub.ConnectConfig, label string) error {
	cfg.Logger = slog.New(&live)
	if label != "" {
		cfg.Logger = cfg.Logger.With("connection", label)
	}
	if b.embedded.StoreDir != "" {
		// The connection outlives the server, if that has to be replaced.
		b.embedded.Password = rand.Text()
		if err := b.start(ctx, false); err != nil {
			return err
		}
		cfg.InProcess = b
		cfg.User, cfg.Password = b.server.Load().Credentials()
		b.keeper.Go(func() { b.keep(ctx) })
	}
	var err error
	b.cfg = cfg
	b.conn, err = natspub.Connect(cfg)
	return err
}

// readerConn is a connection for those who read many events. On the one on which
// events are published they could be in its way: a server ends a connection whose
// client does not take what it was sent.
type readerConn struct {
	mu    sync.Mutex
	users int
	conn  *nats.Conn
}

// reading returns the connection for reading, and what to call when it is not needed
// any more. Those who have got b may call it when done is closed.
func (b *broker) reading(ctx context.Context) (*nats.Conn, func(), error) {
	r := &b.readers
	r.mu.Lock()
	if r.users == 0 {
		cfg := b.cfg
		cfg.Name += " (reading)"
		conn, err := natspub.Connect(cfg)
		if err != nil {
			r.mu.Unlock()
			return nil, nil, err
		}
		r.conn = conn
	}
	r.users++
	conn := r.conn
	r.mu.Unlock()
	release := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.users--; r.users == 0 {
			r.conn.Close()
			r.conn = nil
		}
	}
	for ; conn.Status() != nats.CONNECTED; time.Sleep(readingTick) {
		if ctx.Err() != nil {
			release()
			return nil, nil, errNoAnswer
		}
	}
	return conn, release, nil
}

// start starts the embedded server and waits until it takes events, or would if
// there was room on the disk: what it has can be read meanwhile, and a cluster that
// it is the spool of goes on. One that replaces another must find its store.
func (b *broker) start(ctx context.Context, again bool) error {
	cfg := b.embedded
	cfg.Existing = again
	cfg.Logger = slog.New(&live)
	waiting := false
	for deadline := time.Now().Add(stopPatience); ; {
		server, err := natsembed.Start(cfg)
		if err == nil {
			b.server.Store(server)
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
	err := b.server.Load().WaitReady(ctx)
	if errors.Is(err, natsembed.ErrDiskFull) {
		cfg.Logger.Error("the embedded NATS server takes no events until there is room", "error", err)
		return nil
	}
	return err
}

// keep replaces the embedded server when it has failed. After a write that did
// not succeed, as on a full disk, a stream takes nothing any more until the
// server starts anew and has read what is on the disk. While the disk is away it
// goes on trying.
func (b *broker) keep(ctx context.Context) {
	log := slog.New(&live)
	tick := time.NewTicker(healthInterval)
	defer tick.Stop()
	failed, down := 0, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := b.ready()
		switch {
		case down:
		case !errors.Is(err, natsembed.ErrFailed):
			failed = 0
			continue
		default:
			failed++
			patience := unwellLooks // on a busy machine it may only be slow
			if errors.Is(err, natsembed.ErrBroken) {
				patience = failedLooks
			}
			if failed < patience {
				continue
			}
			log.Error("the embedded NATS server has failed; it is replaced, and senders are asked to try again until that is done", "error", err)
		}
		err = b.replace(ctx)
		if ctx.Err() != nil {
			return
		}
		if down = err != nil; down {
			log.Error("replacing the embedded NATS server; trying again", "error", err)
			continue
		}
		failed = 0
		log.Info("the embedded NATS server is replaced")
	}
}

func (b *broker) replace(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	if err := b.server.Load().Shutdown(short); err != nil {
		return err
	}
	return b.start(short, true)
}

// InProcessConn implements [nats.InProcessConnProvider] with the server that runs
// now.
func (b *broker) InProcessConn() (net.Conn, error) { return b.server.Load().InProcessConn() }

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
	if server := b.server.Load(); server != nil {
		return server.Ready()
	}
	return nil
}

// stage returns what has an embedded server keep incomplete batches in memory.
func (b *broker) stage() func(string) bool {
	if b.server.Load() == nil {
		return nil
	}
	return func(stream string) bool { return b.server.Load().Stage(stream) }
}

// Destruct ends the connection and the server. The pool calls it when no
// configuration and no request needs them any more.
func (b *broker) Destruct() error {
	b.cancel()
	<-b.done
	if b.conn != nil {
		b.conn.Close()
	}
	b.keeper.Wait()
	server := b.server.Load()
	if server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return server.Shutdown(ctx)
}

var _ caddy.Destructor = (*broker)(nil)
