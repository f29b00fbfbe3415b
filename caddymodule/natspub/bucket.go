package natspub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// watchAgain is the time between two tries to watch a bucket, and lookInterval
// between two looks at the connection of a watch.
const (
	watchAgain   = time.Second
	lookInterval = 250 * time.Millisecond
	openPatience = 5 * time.Second
)

// ErrNoKey: the bucket has no such key.
var ErrNoKey = errors.New("the bucket has no such key")

// BucketConfig describes a Bucket.
type BucketConfig struct {
	// Name of the KV bucket. Required.
	Name string
	// Conn returns the connection to use now; it stays the caller's. Required.
	Conn func(ctx context.Context) (*nats.Conn, error)
	// APIPrefix is where JetStream is asked, with a dot at its end; "" means
	// `$JS.API.`.
	APIPrefix string
	// Changed, if not nil, is called with each key that has been written or
	// deleted, and with "" when any may have been: when the watch begins, when the
	// connection is lost, and when it is there again.
	Changed func(key string)
	// Logger gets what is wrong with the watch. Nil means that nobody does.
	Logger *slog.Logger
}

// Bucket reads a KV bucket of JetStream. It is safe for concurrent use.
type Bucket struct {
	cfg    BucketConfig
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	conn     *nats.Conn // of kv
	kv       jetstream.KeyValue
	watching bool
}

// NewBucket returns a bucket, and begins to watch it if there is somebody to
// tell. Close ends that.
func NewBucket(cfg BucketConfig) *Bucket {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.APIPrefix == "" {
		cfg.APIPrefix = jetstream.DefaultAPIPrefix
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &Bucket{cfg: cfg, cancel: cancel}
	if cfg.Changed != nil {
		b.work.Go(func() { b.watch(ctx) })
	}
	return b
}

// Close ends the watch. Get goes on working.
func (b *Bucket) Close() {
	b.cancel()
	b.work.Wait()
}

// Watching reports whether changes are being told.
func (b *Bucket) Watching() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.watching && b.conn != nil && b.conn.IsConnected()
}

// Get returns the value of a key, or [ErrNoKey]. Any other error means that it is
// not known; without a connection it comes at once.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	kv, _, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	e, err := kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return nil, ErrNoKey
	case err != nil:
		b.forget(kv)
		return nil, fmt.Errorf("reading the bucket %s: %w", b.cfg.Name, err)
	}
	return e.Value(), nil
}

// open returns the bucket on the connection of now.
func (b *Bucket) open(ctx context.Context) (jetstream.KeyValue, *nats.Conn, error) {
	conn, err := b.cfg.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	if status := conn.Status(); status != nats.CONNECTED {
		return nil, nil, fmt.Errorf("%w: the connection is %s", gateway.ErrNotReady, status)
	}
	b.mu.Lock()
	kv := b.kv
	if b.conn != conn {
		kv = nil
	}
	b.mu.Unlock()
	if kv != nil {
		return kv, conn, nil
	}
	js, err := jetstream.NewWithAPIPrefix(conn, b.cfg.APIPrefix)
	if err == nil {
		kv, err = js.KeyValue(ctx, b.cfg.Name)
	}
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return nil, nil, fmt.Errorf("%w: make it with `nats kv add %s`", err, b.cfg.Name)
	case err != nil:
		return nil, nil, fmt.Errorf("opening the bucket %s: %w", b.cfg.Name, err)
	}
	b.mu.Lock()
	b.conn, b.kv = conn, kv
	b.mu.Unlock()
	return kv, conn, nil
}

// forget has the bucket opened again: it may have been deleted and made anew.
func (b *Bucket) forget(kv jetstream.KeyValue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kv == kv {
		b.kv = nil
	}
}

// watch tells changes until ctx ends.
func (b *Bucket) watch(ctx context.Context) {
	var said string
	for ctx.Err() == nil {
		err := b.watchOnce(ctx)
		b.mu.Lock()
		b.watching = false
		b.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			b.cfg.Logger.Warn("watching a bucket; trying again every second", "bucket", b.cfg.Name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchAgain):
		}
	}
}

// watchOnce watches as long as the connection stays as it is: what a server that
// has come back makes of a watch from before is left open by nobody.
func (b *Bucket) watchOnce(ctx context.Context) error {
	// The end of the context is the end of the watch.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(openPatience, cancel)
	kv, conn, err := b.open(ctx)
	if err != nil {
		return err
	}
	reconnects := conn.Stats().Reconnects
	w, err := kv.WatchAll(ctx, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		b.forget(kv)
		return fmt.Errorf("watching: %w", err)
	}
	defer func() {
		_ = w.Stop() // the connection may be gone
		// What is still to be told must not wait for a reader for ever.
		for range w.Updates() {
		}
	}()
	if !patience.Stop() {
		return context.DeadlineExceeded
	}
	b.mu.Lock()
	b.watching = true
	b.mu.Unlock()
	b.cfg.Changed("")
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	lost := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if !conn.IsConnected() && !lost {
				lost = true
				b.cfg.Changed("") // from now on nobody is told
			}
			if conn.IsClosed() || conn.Stats().Reconnects != reconnects {
				return nil
			}
		case e, ok := <-w.Updates():
			switch {
			case !ok:
				b.forget(kv)
				return nil
			case e != nil:
				b.cfg.Changed(e.Key())
			}
		}
	}
}
