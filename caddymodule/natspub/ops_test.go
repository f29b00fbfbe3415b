package natspub

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

type opsCount struct{ stored, dropped atomic.Int64 }

func (c *opsCount) done(stored bool) {
	if stored {
		c.stored.Add(1)
		return
	}
	c.dropped.Add(1)
}

func newOps(t *testing.T, url string, change func(*OpsConfig)) (*Ops, *opsCount) {
	t.Helper()
	nc, err := Connect(ConnectConfig{URLs: []string{url}, Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	count := new(opsCount)
	cfg := OpsConfig{
		Conn: nc, Done: count.done, Instance: "gw 1", PublicURL: "https://hooks.example.com/",
		Stream: StreamConfig{Name: "WEBHOOKS_OPS", Window: time.Hour, MaxAge: 24 * time.Hour, DropOldest: true, Create: true},
	}
	if change != nil {
		change(&cfg)
	}
	o, err := NewOps(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close(within(t, time.Second)) })
	return o, count
}

func opsAt(t *testing.T, o *Ops, subject string) *nats.Msg {
	t.Helper()
	var m *nats.Msg
	checkFor(t, 10*time.Second, func() error {
		s, err := o.p.js.Stream(within(t, time.Second), "WEBHOOKS_OPS")
		if err != nil {
			return err
		}
		raw, err := s.GetLastMsgForSubject(within(t, time.Second), subject)
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		m = &nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data}
		return nil
	})
	return m
}

func TestOpsMessage(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	o, _ := newOps(t, s.ClientURL(), func(c *OpsConfig) { c.Now = func() time.Time { return at } })
	if !o.Send(OpsEvent{Tenant: "acme", Source: "billing", Name: "drift", Data: map[string]any{"n": 1}}) {
		t.Fatal("not taken")
	}
	m := opsAt(t, o, "wh-ops.v1.acme.billing.drift")
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-source": "https://hooks.example.com/acme/billing", "ce-type": "caddy-webhooks.ops.drift",
		"ce-time": "2026-03-04T05:06:07Z", "ce-datacontenttype": "application/json", "ce-whtenant": "acme", "ce-whsource": "billing",
		"ce-whinstance": "gw%201", "Nats-Expected-Stream": "WEBHOOKS_OPS",
	} {
		if got := one(m.Header, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if string(m.Data) != `{"n":1}` {
		t.Errorf("payload %s", m.Data)
	}
	o.Send(OpsEvent{Name: "spool_begin"})
	if m := opsAt(t, o, "wh-ops.v1._._.spool_begin"); string(m.Data) != "{}" || m.Header["ce-whtenant"] != nil {
		t.Errorf("%v %s", m.Header, m.Data)
	}
}

func TestOpsKeyIsToldOfOnce(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	o, count := newOps(t, s.ClientURL(), nil)
	for range 3 {
		o.Send(OpsEvent{Tenant: "a", Source: "b", Name: "conflict", Key: "x"})
	}
	o.Send(OpsEvent{Tenant: "a", Source: "b", Name: "conflict", Key: "y"})
	o.Close(within(t, 10*time.Second))
	if n := stored(t, o.p, "WEBHOOKS_OPS"); n != 2 || count.stored.Load() != 4 {
		t.Errorf("%d stored of %d taken by the server, want 2 of 4", n, count.stored.Load())
	}
}

// Without a server, Send takes what fits, returns at once, and Close ends with
// its context; every event is counted once.
func TestOpsNeverBlocks(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	o, count := newOps(t, s.ClientURL(), func(c *OpsConfig) { c.Queue = 8 })
	s.Shutdown()
	s.WaitForShutdown()
	checkFor(t, 10*time.Second, func() error {
		if o.cfg.Conn.Status() == nats.CONNECTED {
			return fmt.Errorf("still connected")
		}
		return nil
	})
	const n = 2000
	start := time.Now()
	var work sync.WaitGroup
	var taken atomic.Int64
	for range 4 {
		work.Go(func() {
			for range n / 4 {
				if o.Send(OpsEvent{Name: "x"}) {
					taken.Add(1)
				}
			}
		})
	}
	work.Wait()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("%d sends took %v", n, took)
	}
	if taken.Load() > 9 || taken.Load() < 8 {
		t.Errorf("%d were taken by a queue of 8", taken.Load())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	o.Close(ctx)
	if count.stored.Load() != 0 || count.dropped.Load() != n {
		t.Errorf("%d stored, %d dropped; want 0 and %d", count.stored.Load(), count.dropped.Load(), n)
	}
	if o.Send(OpsEvent{Name: "late"}) {
		t.Error("taken after Close")
	}
	if (*Ops)(nil).Send(OpsEvent{}) {
		t.Error("a nil Ops takes events")
	}
}

// An event that happens without a connection is published when it is back.
func TestOpsAfterOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	port := s.Addr().(*net.TCPAddr).Port
	o, count := newOps(t, s.ClientURL(), nil)
	o.Send(OpsEvent{Name: "before"})
	opsAt(t, o, "wh-ops.v1._._.before")
	s.Shutdown()
	s.WaitForShutdown()
	for i := range 3 {
		if !o.Send(OpsEvent{Name: fmt.Sprintf("during_%d", i)}) {
			t.Fatal("not taken")
		}
	}
	runServer(t, dir, port, nil)
	for i := range 3 {
		opsAt(t, o, fmt.Sprintf("wh-ops.v1._._.during_%d", i))
	}
	checkFor(t, 5*time.Second, func() error {
		if n := count.stored.Load(); n != 4 {
			return fmt.Errorf("%d counted as stored", n)
		}
		return nil
	})
}

// An event is not lost while a cluster has a connection and no leader yet.
func TestOpsAwaitTheStream(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	o, count := newOps(t, s.ClientURL(), func(cfg *OpsConfig) { cfg.Stream.Create = false })
	if !o.Send(OpsEvent{Name: "early"}) {
		t.Fatal("not taken")
	}
	// Longer than the attempts last that any error is worth.
	time.Sleep(opsAgain * (1<<opsAttempts + 2))
	if _, err := o.p.js.CreateStream(within(t, 5*time.Second), jetstream.StreamConfig{Name: "WEBHOOKS_OPS", Subjects: []string{OpsRoot + ".>"}}); err != nil {
		t.Fatal(err)
	}
	opsAt(t, o, "wh-ops.v1._._.early")
	if n := count.dropped.Load(); n != 0 {
		t.Errorf("%d are counted as dropped", n)
	}
}

func TestConflictIsTold(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	o, _ := newOps(t, s.ClientURL(), nil)
	p := ready(t, s.ClientURL(), func(c *Config) { c.Ops = o })
	first, second := testEvent("one", `{"a":1}`), testEvent("one", `{"a":2}`)
	a, err := p.Publish(within(t, 10*time.Second), first)
	if err != nil {
		t.Fatal(err)
	}
	again := testEvent("one", `{"a":1}`)
	for _, e := range []*gateway.Event{again, second, second} {
		if _, err := p.Publish(within(t, 10*time.Second), e); err != nil {
			t.Fatal(err)
		}
	}
	m := opsAt(t, o, OpsSubject(OpsEvent{Tenant: first.Tenant, Source: first.Source, Name: "conflict"}))
	var data struct {
		EventID          string `json:"event_id"`
		OriginalStream   string `json:"original_stream"`
		OriginalSequence uint64 `json:"original_sequence"`
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.EventID != "one" || data.OriginalStream != a.Stream || data.OriginalSequence != a.Sequence {
		t.Errorf("told %s, the original is %+v", m.Data, a)
	}
	o.Close(within(t, 10*time.Second))
	if n := stored(t, p, "WEBHOOKS_OPS"); n != 1 {
		t.Errorf("%d told, want 1: a duplicate is no conflict, and the same one is told of once", n)
	}
}
