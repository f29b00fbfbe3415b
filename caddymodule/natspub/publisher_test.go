package natspub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

var testStreams = Config{
	Stream:     StreamConfig{Name: "WEBHOOKS", Window: time.Hour, MaxAge: 24 * time.Hour, Create: true},
	Unverified: StreamConfig{Name: "WEBHOOKS_UNVERIFIED", Window: time.Hour, MaxAge: 24 * time.Hour, Create: true},
	Quarantine: StreamConfig{Name: "WEBHOOKS_QUARANTINE", Window: time.Hour, MaxAge: 24 * time.Hour, DropOldest: true, Create: true},
}

// runServer starts a nats-server on a store directory and a port (0 for any).
func runServer(t *testing.T, dir string, port int, change func(*server.Options)) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	opts := &server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true, SyncAlways: true}
	if change != nil {
		change(opts)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func newPublisher(t *testing.T, url string, change func(*Config)) *Publisher {
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
	cfg := testStreams
	cfg.Conn = nc
	if change != nil {
		change(&cfg)
	}
	if cfg.AttemptTimeout == 0 {
		cfg.AttemptTimeout = slack * defaultAttempt
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// ready is newPublisher with its streams.
func ready(t *testing.T, url string, change func(*Config)) *Publisher {
	t.Helper()
	p := newPublisher(t, url, change)
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity != Note {
			t.Errorf("preflight: %s %s", f.Severity, f)
		}
	}
	return p
}

// slack is by how much longer a test waits for what has to come than a machine
// takes that has nothing else to do.
const slack = 4

func checkFor(t *testing.T, total time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(slack * total)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// within returns a context that ends after d; if that is long, so that it is no part
// of what is tested, it ends later.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	if d >= 5*time.Second {
		d *= slack
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func stored(t *testing.T, p *Publisher, stream string) uint64 {
	t.Helper()
	s, err := p.js.Stream(within(t, 5*time.Second), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func TestPublish(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 20*time.Second)

	e := testEvent("evt_1", `{"a":1}`)
	ack, err := p.Publish(ctx, e)
	if want := (gateway.Ack{Stream: "WEBHOOKS", Sequence: 1, Attempts: 1}); err != nil || ack != want {
		t.Fatalf("new: got %+v, %v, want %+v", ack, err, want)
	}
	ack, err = p.Publish(ctx, testEvent("evt_1", `{"a":1}`))
	if age := time.Since(ack.Stored); age < 0 || age > time.Minute {
		t.Errorf("the original is said to be from %v", ack.Stored)
	}
	ack.Stored = time.Time{}
	if want := (gateway.Ack{Stream: "WEBHOOKS", Sequence: 1, Duplicate: true, Attempts: 1}); err != nil || ack != want {
		t.Errorf("again: got %+v, %v, want %+v", ack, err, want)
	}
	ack, err = p.Publish(ctx, testEvent("evt_1", `{"a":2}`))
	if err != nil || !ack.Duplicate || !ack.Conflict {
		t.Errorf("other bytes: got %+v, %v, want a conflict", ack, err)
	}
	other := testEvent("evt_1", `{"a":1}`)
	other.Source = "shop"
	if ack, err = p.Publish(ctx, other); err != nil || ack.Duplicate || ack.Sequence != 2 {
		t.Errorf("other source: got %+v, %v, want it stored", ack, err)
	}
	twice := testEvent("evt_1", `{"a":1}`)
	twice.Dedupe, twice.IngestID = false, "01JDother"
	if ack, err = p.Publish(ctx, twice); err != nil || ack.Duplicate || ack.Sequence != 3 {
		t.Errorf("without deduplication: got %+v, %v, want it stored", ack, err)
	}
	unverified := testEvent("evt_1", `{"a":1}`)
	unverified.Trust = gateway.Unverified
	if ack, err = p.Publish(ctx, unverified); err != nil || ack.Stream != "WEBHOOKS_UNVERIFIED" {
		t.Errorf("unverified: got %+v, %v, want it in its own stream", ack, err)
	}

	stream, err := p.js.Stream(ctx, "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(ctx, 1)
	if err != nil || string(m.Data) != `{"a":1}` || m.Subject != "wh.v1.acme.billing.invoice.paid" || one(m.Header, "ce-id") != "evt_1" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 20*time.Second)
	q := gateway.Quarantine{Reason: "schema", Detail: "/a: type"}
	for i, tt := range []struct {
		body      string
		reason    string
		duplicate bool
	}{{"1", "schema", false}, {"1", "schema", true}, {"2", "schema", false}, {"1", "conflict", false}} {
		q.Reason = tt.reason
		ack, err := p.Quarantine(ctx, testEvent("evt_1", tt.body), q)
		if err != nil || ack.Stream != "WEBHOOKS_QUARANTINE" || ack.Duplicate != tt.duplicate || ack.Conflict {
			t.Errorf("%d: got %+v, %v, want duplicate %v", i, ack, err, tt.duplicate)
		}
	}
	stream, err := p.js.Stream(ctx, "WEBHOOKS_QUARANTINE")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(ctx, 1)
	if err != nil || m.Subject != "wh-quarantine.v1.acme.billing.schema" || one(m.Header, "ce-whreason") != "schema" || one(m.Header, "ce-whdetail") != "/a:%20type" {
		t.Errorf("got %+v, %v", m, err)
	}
	if got := stored(t, p, "WEBHOOKS"); got != 0 {
		t.Errorf("got %d verified events, want none", got)
	}
}

func TestConcurrentCopiesAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	other := newPublisher(t, s.ClientURL(), nil)
	ctx := within(t, 30*time.Second)
	const events, copies = 20, 16
	var fresh atomic.Int64
	var wg sync.WaitGroup
	for i := range events {
		for c := range copies {
			wg.Go(func() {
				e := testEvent(fmt.Sprintf("evt_%d", i), "{}")
				e.IngestID = fmt.Sprintf("01JD%d-%d", i, c)
				pub := p
				if c%2 == 1 {
					pub = other
				}
				ack, err := pub.Publish(ctx, e)
				if err != nil {
					t.Error(err)
				} else if !ack.Duplicate {
					fresh.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if got, n := stored(t, p, "WEBHOOKS"), fresh.Load(); got != events || n != events {
		t.Errorf("got %d stored and %d acks of new events, want %d", got, n, events)
	}
}

func TestDeduplicationSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	port := s.Addr().(*net.TCPAddr).Port
	p := ready(t, s.ClientURL(), nil)
	if _, err := p.Publish(within(t, 10*time.Second), testEvent("evt_1", "{}")); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()

	// While it is away the answer comes at once.
	checkFor(t, 10*time.Second, func() error {
		if err := p.Ready(); err == nil {
			return errors.New("ready without a server")
		}
		return nil
	})
	start := time.Now()
	_, err := p.Publish(within(t, 5*time.Second), testEvent("evt_2", "{}"))
	if took := time.Since(start); !errors.Is(err, gateway.ErrNotReady) || took > 100*time.Millisecond {
		t.Errorf("got %v after %v, want ErrNotReady at once", err, took)
	}

	runServer(t, dir, port, nil)
	checkFor(t, 20*time.Second, p.Ready)
	ack, err := p.Publish(within(t, 20*time.Second), testEvent("evt_1", "{}"))
	if err != nil || !ack.Duplicate || ack.Sequence != 1 {
		t.Errorf("got %+v, %v, want the duplicate of 1", ack, err)
	}
	if ack, err = p.Publish(within(t, 20*time.Second), testEvent("evt_2", "{}")); err != nil || ack.Duplicate {
		t.Errorf("got %+v, %v, want what was refused stored now", ack, err)
	}
}

// TestLostAck cuts the connection between the server's storing and the
// gateway's learning of it: the retry must neither lose nor double the event,
// nor count it as the provider's duplicate.
func TestLostAck(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), func(c *Config) { c.AttemptTimeout = 500 * time.Millisecond })
	direct := newPublisher(t, s.ClientURL(), nil)

	proxy.swallow(true)
	result := make(chan error, 1)
	go func() {
		ack, err := p.Publish(within(t, 20*time.Second), testEvent("evt_1", "{}"))
		if err == nil && (ack.Duplicate || ack.Conflict || ack.Attempts < 2) {
			err = fmt.Errorf("got %+v, want it stored by us at a second attempt", ack)
		}
		result <- err
	}()
	checkFor(t, 10*time.Second, func() error {
		if got := stored(t, direct, "WEBHOOKS"); got != 1 {
			return fmt.Errorf("%d stored", got)
		}
		return nil
	})
	proxy.swallow(false)
	proxy.cut()
	if err := <-result; err != nil {
		t.Error(err)
	}
	if got := stored(t, direct, "WEBHOOKS"); got != 1 {
		t.Errorf("got %d stored, want 1", got)
	}
}

// TestNoAnswer: a broker that stays silent is a timeout and never an ack.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), nil)
	proxy.swallow(true)
	start := time.Now()
	_, err := p.Publish(within(t, 300*time.Millisecond), testEvent("evt_1", "{}"))
	if took := time.Since(start); !errors.Is(err, gateway.ErrTimeout) || took > time.Second {
		t.Errorf("got %v after %v, want ErrTimeout at the deadline", err, took)
	}
}

func TestOverload(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), func(c *Config) { c.MaxPending = 4 })
	proxy.swallow(true)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { _, _ = p.Publish(ctx, testEvent(fmt.Sprintf("evt_%d", i), "{}")) })
	}
	checkFor(t, 5*time.Second, func() error {
		if p.Pending() != 4 {
			return fmt.Errorf("%d wait", p.Pending())
		}
		return nil
	})
	if _, err := p.Publish(t.Context(), testEvent("evt_5", "{}")); !errors.Is(err, gateway.ErrOverloaded) {
		t.Errorf("got %v, want ErrOverloaded", err)
	}
	cancel()
	wg.Wait()
	if p.Pending() != 0 {
		t.Errorf("got %d pending at the end, want 0", p.Pending())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		want   error
		server func(*server.Options)
		config func(*Config)
		before func(t *testing.T, p *Publisher)
		event  *gateway.Event
	}{
		{name: "no stream", want: gateway.ErrNotReady, before: func(*testing.T, *Publisher) {}},
		{name: "no name", want: gateway.ErrRefused, config: func(c *Config) { c.Stream.Name = "" }},
		{
			name: "full stream", want: gateway.ErrFull, config: func(c *Config) { c.Stream.MaxBytes = 4096 },
			event: testEvent("evt_big", strings.Repeat("x", 8000)),
		},
		{
			name: "full server", want: gateway.ErrFull, server: func(o *server.Options) { o.JetStreamMaxStore = 4096 },
			before: func(t *testing.T, p *Publisher) {
				if _, err := p.Preflight(t.Context()); err != nil {
					t.Fatal(err)
				}
				// The server looks at what it has, not at what is coming.
				if _, err := p.Publish(t.Context(), testEvent("evt_big", strings.Repeat("x", 8000))); err != nil {
					t.Fatal(err)
				}
			},
		},
		{name: "above max_payload", want: gateway.ErrTooLarge, event: testEvent("evt_big", strings.Repeat("x", 2<<20))},
		{name: "above the stream's size", want: gateway.ErrTooLarge, before: func(t *testing.T, p *Publisher) {
			cfg := p.cfg.Stream.config(Root)
			cfg.MaxMsgSize = 2048
			if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}, event: testEvent("evt_big", strings.Repeat("x", 8000))},
		{name: "another stream has the subject", want: gateway.ErrRefused, before: func(t *testing.T, p *Publisher) {
			cfg := p.cfg.Stream.config(Root)
			cfg.Name = "THEIRS"
			if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "no permission", want: gateway.ErrRefused, server: func(o *server.Options) {
			o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"wh.v1.>"}}}}}
			o.NoAuthUser = "u"
		}},
		{name: "broker unwell", want: gateway.ErrNotReady, config: func(c *Config) { c.Ready = func() error { return errors.New("disk full") } }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, tt.server)
			p := newPublisher(t, s.ClientURL(), tt.config)
			if tt.before != nil {
				tt.before(t, p)
			} else if _, err := p.Preflight(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := tt.event
			if e == nil {
				e = testEvent("evt_1", "{}")
			}
			start := time.Now()
			ack, err := p.Publish(within(t, 10*time.Second), e)
			if !errors.Is(err, tt.want) || ack.Stream != "" {
				t.Errorf("got %+v, %v, want %v", ack, err, tt.want)
			}
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("the answer took %v", took)
			}
		})
	}
}

// TestAPIFailures: no answer of the server's is an ack, and each error code of
// the table has the meaning that the sender's answer needs.
func TestAPIFailures(t *testing.T) {
	t.Parallel()
	for code, want := range apiFailures {
		got := classify(&jetstream.APIError{Code: 400, ErrorCode: code, Description: "maximum bytes exceeded"})
		if !errors.Is(got.as, want.as) || got.tries != want.tries || got.unknown {
			t.Errorf("%d: got %+v, want %+v", code, got, want)
		}
	}
	for _, tt := range []struct {
		err     error
		as      error
		unknown bool
	}{
		{&jetstream.APIError{Code: 503, ErrorCode: 10077, Description: "maximum messages exceeded"}, gateway.ErrFull, false},
		{&jetstream.APIError{Code: 503, ErrorCode: 10077, Description: "maximum messages per subject exceeded"}, gateway.ErrRefused, false},
		{&jetstream.APIError{Code: 503, ErrorCode: 10077, Description: "input/output error"}, gateway.ErrNotReady, true},
		{&jetstream.APIError{Code: 503, ErrorCode: 19999}, gateway.ErrNotReady, true},
		{&jetstream.APIError{Code: 400, ErrorCode: 19999}, gateway.ErrRefused, false},
		{nats.ErrMaxPayload, gateway.ErrTooLarge, false},
		{jetstream.ErrNoStreamResponse, gateway.ErrNotReady, false},
		{nats.ErrDisconnected, gateway.ErrNotReady, true},
		{nats.ErrReconnectBufExceeded, gateway.ErrNotReady, false},
		{fmt.Errorf("%w: of a kind", nats.ErrPermissionViolation), gateway.ErrRefused, false},
		{nats.ErrConnectionClosed, gateway.ErrNotReady, true},
		{jetstream.ErrAsyncPublishTimeout, gateway.ErrTimeout, true},
		{context.DeadlineExceeded, gateway.ErrTimeout, true},
		{errors.New("something new"), gateway.ErrTimeout, true},
	} {
		if got := classify(tt.err); !errors.Is(got.as, tt.as) || got.unknown != tt.unknown {
			t.Errorf("%v: got %+v, want %v, unknown %v", tt.err, got, tt.as, tt.unknown)
		}
	}
}

// proxy stands between client and server and can keep the server's answers.
type proxy struct {
	t         *testing.T
	l         net.Listener
	backend   string
	swallows  atomic.Bool
	swallowed atomic.Int64 // bytes
	mu        sync.Mutex
	conns     []net.Conn
}

func newProxy(t *testing.T, backend string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, l: l, backend: backend}
	t.Cleanup(p.close)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", backend)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
			go func() { p.answers(client, server); _ = client.Close() }()
		}
	}()
	return p
}

func (p *proxy) answers(client, server net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if p.swallows.Load() {
			p.swallowed.Add(int64(n))
		} else {
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}
}

func (p *proxy) close()          { _ = p.l.Close(); p.cut() }
func (p *proxy) addr() string    { return p.l.Addr().String() }
func (p *proxy) swallow(on bool) { p.swallows.Store(on) }
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// TestCloseLeavesNothing: publishers come and go with each reload, and the
// connection stays.
func TestCloseLeavesNothing(t *testing.T) {
	s := runServer(t, t.TempDir(), 0, nil)
	first := ready(t, s.ClientURL(), nil)
	nc := first.cfg.Conn
	id := 0
	publish := func(p *Publisher) {
		t.Helper()
		id++
		if _, err := p.Publish(within(t, 5*time.Second), testEvent(fmt.Sprintf("evt_%d", id), "{}")); err != nil {
			t.Fatal(err)
		}
	}
	publish(first)
	goroutines, subs := runtime.NumGoroutine(), nc.NumSubscriptions()
	for range 10 {
		cfg := first.cfg
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		publish(p)
		p.Close()
		publish(p) // late, as from a connection that an old configuration still has
		p.Close()
	}
	checkFor(t, 10*time.Second, func() error {
		if g, n := runtime.NumGoroutine(), nc.NumSubscriptions(); g > goroutines+2 || n > subs {
			return fmt.Errorf("%d goroutines and %d subscriptions, %d and %d before", g, n, goroutines, subs)
		}
		return nil
	})

	// An event that is on its way is not interrupted.
	cfg := first.cfg
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var failed atomic.Int64
	for i := range 200 {
		all.Go(func() {
			if ack, err := p.Publish(within(t, 5*time.Second), testEvent(fmt.Sprintf("late_%d", i), "{}")); err != nil || ack.Duplicate {
				failed.Add(1)
			}
		})
	}
	p.Close()
	all.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d events failed because the publisher was closed", failed.Load())
	}
	publish(first)
}
