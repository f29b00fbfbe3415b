package natspub

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// changes notes what a Bucket tells.
type changes struct {
	mu   sync.Mutex
	keys []string
}

func (c *changes) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys = append(c.keys, key)
}

// count returns how often a key was told.
func (c *changes) count(key string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.keys {
		if k == key {
			n++
		}
	}
	return n
}

func (c *changes) wait(t *testing.T, key string, n int) {
	t.Helper()
	checkFor(t, 20*time.Second, func() error {
		if got := c.count(key); got < n {
			return fmt.Errorf("%q was told %d times, want %d", key, got, n)
		}
		return nil
	})
}

func connectTest(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := Connect(ConnectConfig{URLs: []string{url}, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	checkFor(t, 10*time.Second, func() error {
		if nc.Status() != nats.CONNECTED {
			return fmt.Errorf("status %s", nc.Status())
		}
		return nil
	})
	return nc
}

func makeBucket(t *testing.T, url, name string) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(connectTest(t, url))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: name, History: 3})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func put(t *testing.T, kv jetstream.KeyValue, key, value string) {
	t.Helper()
	if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	nc := connectTest(t, s.ClientURL())
	told := new(changes)
	b := NewBucket(BucketConfig{
		Name: "SECRETS", Changed: told.add,
		Conn: func(context.Context) (*nats.Conn, error) { return nc, nil },
	})
	defer b.Close()
	if _, err := b.Get(t.Context(), "acme.github"); err == nil || errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "nats kv add SECRETS") {
		t.Errorf("without the bucket: %v", err)
	}
	kv := makeBucket(t, s.ClientURL(), "SECRETS")
	told.wait(t, "", 1)
	if !b.Watching() {
		t.Error("it does not watch")
	}
	for _, key := range []string{"acme.github", "not a key", ".", ""} {
		if _, err := b.Get(t.Context(), key); !errors.Is(err, ErrNoKey) {
			t.Errorf("%q: %v", key, err)
		}
	}
	put(t, kv, "acme.github", "one")
	told.wait(t, "acme.github", 1)
	if v, err := b.Get(t.Context(), "acme.github"); string(v) != "one" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	if err := kv.Delete(t.Context(), "acme.github"); err != nil {
		t.Fatal(err)
	}
	told.wait(t, "acme.github", 2)
	if _, err := b.Get(t.Context(), "acme.github"); !errors.Is(err, ErrNoKey) {
		t.Errorf("deleted: %v", err)
	}
	b.Close()
	if b.Watching() {
		t.Error("it watches after Close")
	}
	put(t, kv, "acme.github", "two")
	if v, err := b.Get(t.Context(), "acme.github"); string(v) != "two" || err != nil {
		t.Errorf("after Close: %q %v", v, err)
	}
}

// TestBucketOutage: without a server nothing is known, at once, and what has
// changed meanwhile is told when it is back.
func TestBucketOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	url := s.ClientURL()
	kv := makeBucket(t, url, "SECRETS")
	put(t, kv, "acme.github", "one")
	nc := connectTest(t, url)
	told := new(changes)
	b := NewBucket(BucketConfig{
		Name: "SECRETS", Changed: told.add,
		Conn: func(context.Context) (*nats.Conn, error) { return nc, nil },
	})
	defer b.Close()
	told.wait(t, "", 1)
	port := s.Addr().String()
	port = port[strings.LastIndexByte(port, ':')+1:]
	s.Shutdown()
	s.WaitForShutdown()
	checkFor(t, 10*time.Second, func() error {
		if nc.Status() == nats.CONNECTED {
			return errors.New("still connected")
		}
		return nil
	})
	start := time.Now()
	_, err := b.Get(t.Context(), "acme.github")
	if !errors.Is(err, gateway.ErrNotReady) || time.Since(start) > time.Second {
		t.Errorf("without a server: %v after %v", err, time.Since(start))
	}
	told.wait(t, "", 2) // what is known may be old from now on
	var n int
	fmt.Sscan(port, &n)
	s = runServer(t, dir, n, nil)
	told.wait(t, "", 3)
	other := makeBucketHandle(t, s.ClientURL())
	put(t, other, "acme.github", "two")
	told.wait(t, "acme.github", 1)
	if v, err := b.Get(t.Context(), "acme.github"); string(v) != "two" || err != nil {
		t.Errorf("%q %v", v, err)
	}
}

func makeBucketHandle(t *testing.T, url string) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(connectTest(t, url))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "SECRETS")
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// TestBucketLeaksNothing opens and closes while keys are written.
func TestBucketLeaksNothing(t *testing.T) {
	s := runServer(t, t.TempDir(), 0, nil)
	kv := makeBucket(t, s.ClientURL(), "SECRETS")
	nc := connectTest(t, s.ClientURL())
	cycle := func() {
		told := new(changes)
		b := NewBucket(BucketConfig{
			Name: "SECRETS", Changed: told.add,
			Conn: func(context.Context) (*nats.Conn, error) { return nc, nil },
		})
		told.wait(t, "", 1)
		for i := range 20 {
			put(t, kv, fmt.Sprintf("k%d", i), "v")
		}
		b.Close()
	}
	cycle()
	before, subs := runtime.NumGoroutine(), nc.NumSubscriptions()
	for range 10 {
		cycle()
	}
	checkFor(t, 10*time.Second, func() error {
		if n, m := runtime.NumGoroutine(), nc.NumSubscriptions(); n > before+2 || m > subs {
			return fmt.Errorf("%d goroutines and %d subscriptions, %d and %d before", n, m, before, subs)
		}
		return nil
	})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	checkFor(t, 15*time.Second, func() error {
		st, err := js.Stream(t.Context(), "KV_SECRETS")
		if err != nil {
			return err
		}
		if n := st.CachedInfo().State.Consumers; n > 0 {
			return fmt.Errorf("%d consumers are left", n)
		}
		return nil
	})
}

// TestBucketPermissions: what docs/tenants.md gives a gateway is enough to read
// and to watch, and nothing else.
func TestBucketPermissions(t *testing.T) {
	t.Parallel()
	s := documentedIn(t, "tenants.md")
	kv := makeBucket(t, as(s, "operator"), "SECRETS")
	put(t, kv, "acme.github", "one")
	nc := connectTest(t, as(s, "gateway"))
	told := new(changes)
	b := NewBucket(BucketConfig{
		Name: "SECRETS", Changed: told.add,
		Conn: func(context.Context) (*nats.Conn, error) { return nc, nil },
	})
	told.wait(t, "", 1)
	if v, err := b.Get(t.Context(), "acme.github"); string(v) != "one" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	put(t, kv, "acme.github", "two")
	told.wait(t, "acme.github", 1)
	b.Close()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := nc.LastError(); err != nil {
		t.Errorf("the server has refused something: %v", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.Conn().Publish("$KV.SECRETS.acme.github", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	checkFor(t, 10*time.Second, func() error { return wantDenied(nc.LastError()) })
}

func wantDenied(err error) error {
	if errors.Is(err, nats.ErrPermissionViolation) {
		return nil
	}
	return fmt.Errorf("want that the gateway may not write the bucket, got %w", err)
}
