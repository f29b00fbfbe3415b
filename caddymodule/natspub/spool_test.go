package natspub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// hub is a cluster of one server that can go away and come back.
type hub struct {
	t      *testing.T
	dir    string
	port   int
	change func(*server.Options)
	server *server.Server
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, dir: t.TempDir(), port: freePort(t)}
	h.start()
	return h
}

func (h *hub) start() { h.server = runServer(h.t, h.dir, h.port, h.change) }

func (h *hub) stop() {
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

// freePort returns a port that nobody listens on. It is below those that the
// system gives to connections and to listeners that ask for any, so that it stays
// free while a server is away.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// local is a publisher to a server that keeps a spool.
func local(t *testing.T, url string) *Publisher {
	t.Helper()
	return ready(t, url, func(c *Config) {
		c.Embedded, c.SyncAlways = true, true
		c.Stream, c.Unverified, c.Quarantine = c.Stream.Spooled(), c.Unverified.Spooled(), c.Quarantine.Spooled()
	})
}

func newSpool(t *testing.T, l, remote *Publisher, change func(*SpoolConfig)) *Spool {
	t.Helper()
	cfg := SpoolConfig{Local: l}
	if change != nil {
		change(&cfg)
	}
	s, err := NewSpool(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(ctx)
	})
	if remote != nil {
		s.SetRemote(remote)
	}
	return s
}

func of(source, id, body string) *gateway.Event {
	e := testEvent(id, body)
	e.Source, e.IngestID = source, "in-"+source+"-"+id
	return e
}

// mustKeep publishes, and wants the answer soon and to be spooled or not.
func mustKeep(t *testing.T, p gateway.Publisher, e *gateway.Event, spooled bool) gateway.Ack {
	t.Helper()
	begin := time.Now()
	ack, err := p.Publish(within(t, 8*time.Second), e)
	if err != nil {
		t.Fatalf("%s: %v", e.ID, err)
	}
	if ack.Spooled != spooled || ack.Stream == "" {
		t.Fatalf("%s: %+v", e.ID, ack)
	}
	if took := time.Since(begin); spooled && took > 5*time.Second {
		t.Errorf("%s: it took %v", e.ID, took)
	}
	return ack
}

func drained(t *testing.T, s *Spool) SpoolStatus {
	t.Helper()
	checkFor(t, 30*time.Second, func() error {
		if st := s.Status(); st.Events > 0 || st.Out {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	return s.Status()
}

// bySource returns the ids in the stream, in their order, by source.
func bySource(t *testing.T, p *Publisher, stream string) map[string][]string {
	t.Helper()
	js, err := p.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string][]string)
	for n := js.CachedInfo().State.Msgs; n > 0; n-- {
		m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		h := m.Headers()
		if id := h.Get("Nats-Msg-Id"); id == "" || h.Get("Nats-Stream") != "" || h.Get("Nats-Sequence") != "" || h.Get(headerSpoolID) != "" {
			t.Errorf("headers of a forwarded event: %v", h)
		}
		source := h["ce-whsource"][0]
		list[source] = append(list[source], h["ce-id"][0])
	}
	return list
}

func TestSpoolOnOutage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	var mu sync.Mutex
	var said []bool
	s := newSpool(t, l, remote, func(c *SpoolConfig) {
		c.Notify = func(st SpoolStatus) { mu.Lock(); said = append(said, st.Out); mu.Unlock() }
	})
	p := s.With(SpoolOnOutage)

	mustKeep(t, p, of("a", "before", "{}"), false)
	mustKeep(t, p, of("a", "clash", "{}"), false)
	if st := s.Status(); st.Out || st.Events != 0 {
		t.Fatalf("%+v", st)
	}
	h.stop()

	var want []string
	for i := range 40 {
		id := "a" + strconv.Itoa(i)
		mustKeep(t, p, of("a", id, fmt.Sprintf(`{"n":%d}`, i)), true)
		want = append(want, id)
	}
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() { mustKeep(t, p, of("b", strconv.Itoa(i), "{}"), true) })
	}
	wg.Wait()
	if ack := mustKeep(t, p, of("a", "a7", `{"n":7}`), true); !ack.Duplicate || ack.Conflict {
		t.Errorf("a copy: %+v", ack)
	}
	if ack := mustKeep(t, p, of("a", "a7", `{"n":8}`), true); !ack.Conflict {
		t.Errorf("another event with the id: %+v", ack)
	}
	again := of("a", "before", "{}")
	again.IngestID = "in-again"
	mustKeep(t, p, again, true)
	clash := of("a", "clash", `{"other":1}`)
	clash.IngestID = "in-clash"
	mustKeep(t, p, clash, true)
	if _, err := p.Quarantine(within(t, 5*time.Second), of("a", "bad", "{"), gateway.Quarantine{Reason: "schema"}); err != nil {
		t.Fatal(err)
	}
	st := s.Status()
	if st.Events != 343 || !st.Out || st.Cause == "" || st.Oldest.IsZero() || st.Bytes < 343*200 {
		t.Fatalf("%+v", st)
	}
	if _, err := s.With(SpoolOff).Publish(within(t, time.Second), of("c", "1", "{}")); err == nil {
		t.Error("spool off: it was accepted")
	}

	h.start()
	st = drained(t, s)
	if st.Forwarded != 341 || st.Duplicates != 1 || st.Conflicts != 1 || st.Bytes != 0 || !st.Oldest.IsZero() {
		t.Errorf("%+v", st)
	}
	mustKeep(t, p, of("a", "after", "{}"), false)
	got := bySource(t, remote, "WEBHOOKS")
	if list := got["a"]; !slices.Equal(list, slices.Concat([]string{"before", "clash"}, want, []string{"after"})) {
		t.Errorf("of a: %v", list)
	}
	if list := got["b"]; len(list) != 300 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != 300 {
		t.Errorf("of b: %d", len(list))
	}
	aside := bySource(t, remote, "WEBHOOKS_QUARANTINE")["a"]
	slices.Sort(aside)
	if !slices.Equal(aside, []string{"bad", "clash"}) {
		t.Errorf("in quarantine: %v", aside)
	}
	for _, name := range []string{"WEBHOOKS", "WEBHOOKS_QUARANTINE"} {
		checkFor(t, 10*time.Second, func() error {
			if n := stored(t, l, name); n > 0 {
				return fmt.Errorf("%s: %d events are still in the spool", name, n)
			}
			return nil
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(said, []bool{true, false}) {
		t.Errorf("said: %v", said)
	}
}

// TestSpoolKeepsOrder publishes one event after the other while the cluster comes
// and goes.
func TestSpoolKeepsOrder(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, nil)
	p := s.With(SpoolOnOutage)
	stop, done := make(chan struct{}), make(chan struct{})
	want := make(map[string][]string)
	var mu sync.Mutex
	var senders sync.WaitGroup
	spooled := 0
	for _, source := range []string{"a", "b", "c"} {
		senders.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := strconv.Itoa(i)
				ack, err := p.Publish(within(t, 10*time.Second), of(source, id, "{}"))
				if err != nil || ack.Duplicate {
					t.Errorf("%s %s: %+v %v", source, id, ack, err)
					return
				}
				mu.Lock()
				want[source] = append(want[source], id)
				if ack.Spooled {
					spooled++
				}
				mu.Unlock()
			}
		})
	}
	go func() {
		defer close(done)
		for range 2 {
			time.Sleep(200 * time.Millisecond)
			h.stop()
			time.Sleep(200 * time.Millisecond)
			h.start()
		}
	}()
	<-done
	close(stop)
	senders.Wait()
	st := drained(t, s)
	if spooled == 0 || st.Kept == 0 {
		t.Fatal("nothing went through the spool")
	}
	got := bySource(t, remote, "WEBHOOKS")
	for source, list := range want {
		if !slices.Equal(got[source], list) {
			t.Errorf("of %s: %d events, %d acknowledged; or another order", source, len(got[source]), len(list))
		}
	}
	t.Logf("%d events spooled, %+v", spooled, st)
}

// TestSpoolSurvivesRestart opens a spool that has events from before.
func TestSpoolSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server1 := runServer(t, dir, 0, nil)
	first := newSpool(t, local(t, server1.ClientURL()), nil, nil)
	for i := range 600 {
		mustKeep(t, first.With(SpoolOnOutage), of("a", strconv.Itoa(i), "{}"), true)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	first.Close(ctx)
	server1.Shutdown()
	server1.WaitForShutdown()

	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, dir, 0, nil).ClientURL())
	s := newSpool(t, l, nil, nil)
	p := s.With(SpoolOnOutage)
	if st := s.Status(); st.Events != 600 || st.Oldest.IsZero() || st.Bytes == 0 {
		t.Fatalf("%+v", st)
	}
	s.SetRemote(remote)
	mustKeep(t, p, of("b", "direct", "{}"), false)
	ack, err := p.Publish(within(t, 5*time.Second), of("a", "600", "{}"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("spooled behind the others: %v", ack.Spooled)
	if ack, err := p.Publish(within(t, 5*time.Second), of("a", "0", "{}")); err != nil || ack.Duplicate == ack.Spooled && !ack.Spooled {
		t.Errorf("a copy: %+v %v", ack, err)
	}
	drained(t, s)
	list := bySource(t, remote, "WEBHOOKS")["a"]
	if len(list) != 601 || list[600] != "600" || list[0] != "0" {
		t.Errorf("%d events", len(list))
	}
}

// TestSpoolForwardsAgain loses what the spool knows about what was forwarded.
func TestSpoolForwardsAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	// Some of them are in the cluster already.
	for i := range 100 {
		if i%7 < 3 || i > 40 && i < 80 {
			if _, err := remote.Publish(t.Context(), of("a", strconv.Itoa(i), "{}")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Publish(t.Context(), of("a", strconv.Itoa(i), "{}")); err != nil {
			t.Fatal(err)
		}
	}
	s := newSpool(t, l, remote, nil)
	st := drained(t, s)
	if st.Forwarded != 100 || st.Duplicates != 0 || st.Conflicts != 0 {
		t.Errorf("%+v", st)
	}
	if n := stored(t, remote, "WEBHOOKS"); n != 100 {
		t.Errorf("%d events", n)
	}
}

func TestSpoolAlways(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, nil)
	for i := range 50 {
		mustKeep(t, s.With(SpoolAlways), of("a", strconv.Itoa(i), "{}"), true)
	}
	mustKeep(t, s.With(SpoolOnOutage), of("b", "0", "{}"), false)
	if drained(t, s); stored(t, remote, "WEBHOOKS") != 51 {
		t.Errorf("%d events", stored(t, remote, "WEBHOOKS"))
	}
	checkFor(t, 10*time.Second, func() error { // what is forwarded is removed a little later
		if n := stored(t, l, "WEBHOOKS"); n > 0 {
			return fmt.Errorf("%d events are still in the spool", n)
		}
		return nil
	})
	// Its original is not in the spool any more: the cluster compares.
	if ack := mustKeep(t, s.With(SpoolAlways), of("a", "3", "{}"), true); ack.Duplicate {
		t.Errorf("%+v", ack)
	}
	other := of("a", "3", `{"other":1}`)
	other.IngestID = "in-other"
	mustKeep(t, s.With(SpoolAlways), other, true)
	if st := drained(t, s); st.Conflicts != 1 || stored(t, remote, "WEBHOOKS") != 51 || stored(t, remote, "WEBHOOKS_QUARANTINE") != 1 {
		t.Errorf("%+v", st)
	}
}

// TestSpoolWhereNobodyAnswers has a cluster that takes messages and says nothing.
func TestSpoolWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	mute := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStream = false })
	remote := newPublisher(t, mute.ClientURL(), nil)
	if _, err := remote.cfg.Conn.Subscribe("wh.v1.>", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := remote.cfg.Conn.Flush(); err != nil {
		t.Fatal(err)
	}
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), remote, nil)
	p := s.With(SpoolOnOutage)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if ack, err := p.Publish(ctx, of("a", strconv.Itoa(i), "{}")); err != nil || !ack.Spooled {
				t.Errorf("%+v %v", ack, err)
			}
		})
	}
	wg.Wait()
	begin := time.Now()
	mustKeep(t, p, of("b", "1", "{}"), true)
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("after the first outage it still waits: %v", took)
	}
}

func TestSpoolBounds(t *testing.T) {
	t.Parallel()
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	now := time.Now()
	s := newSpool(t, l, nil, func(c *SpoolConfig) {
		c.MaxBytes, c.MaxAge = 200_000, time.Hour
		c.Now = func() time.Time { return now }
	})
	p := s.With(SpoolOnOutage)
	fill := func(source string) int {
		for i := 0; ; i++ {
			_, err := p.Publish(within(t, 5*time.Second), of(source, strconv.Itoa(i), strings.Repeat("x", 500)))
			if errors.Is(err, gateway.ErrFull) {
				return i
			}
			if err != nil || i > 1000 {
				t.Fatal(i, err)
			}
		}
	}
	a, b, c := fill("a"), fill("b"), fill("c")
	if st := s.Status(); st.Bytes > st.MaxBytes || st.Events != int64(a+b+c) {
		t.Errorf("%+v", st)
	}
	if a < 80 || b < 8 || c < 1 {
		t.Errorf("one source keeps the others out: %d, %d, %d", a, b, c)
	}
	now = now.Add(2 * time.Hour)
	if _, err := p.Publish(within(t, 5*time.Second), of("d", "1", "{}")); !errors.Is(err, gateway.ErrFull) {
		t.Errorf("the oldest is too old: %v", err)
	}
	if n := stored(t, l, "WEBHOOKS"); n != uint64(a+b+c) {
		t.Errorf("%d events are left", n)
	}
}

// TestSpoolStuck has an event that the cluster does not take, which must keep
// nobody else.
func TestSpoolStuck(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.stop()
	h.change = func(o *server.Options) { o.MaxPayload = 64 << 10 }
	h.start()
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, nil, nil)
	p := s.With(SpoolOnOutage)
	for i := range 30 {
		size := 10
		if i == 11 {
			size = 100 << 10
		}
		mustKeep(t, p, of("a", strconv.Itoa(i), strings.Repeat("x", size)), true)
	}
	s.SetRemote(remote)
	checkFor(t, 10*time.Second, func() error {
		if n := stored(t, remote, "WEBHOOKS"); n != 29 {
			return fmt.Errorf("%d events", n)
		}
		return nil
	})
	checkFor(t, 10*time.Second, func() error {
		if st, n := s.Status(), stored(t, l, "WEBHOOKS"); st.Stuck != 1 || st.Events != 1 || n != 1 {
			return fmt.Errorf("%d events in the stream, %+v", n, st)
		}
		return nil
	})
	if _, err := p.Publish(within(t, 5*time.Second), of("b", "1", strings.Repeat("x", 100<<10))); !errors.Is(err, gateway.ErrTooLarge) {
		t.Errorf("the next one that is too large: %v", err)
	}
}

// TestSpoolTurns has two spools on one server, as during a reload.
func TestSpoolTurns(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	turn := make(chan struct{}, 1)
	one := newSpool(t, local(t, url), nil, func(c *SpoolConfig) { c.Turn = turn })
	mustKeep(t, one.With(SpoolOnOutage), of("a", "1", "{}"), true)
	checkFor(t, 5*time.Second, func() error {
		if len(turn) == 0 {
			return errors.New("nobody forwards")
		}
		return nil
	})
	two := newSpool(t, local(t, url), remote, func(c *SpoolConfig) { c.Turn = turn })
	mustKeep(t, one.With(SpoolOnOutage), of("a", "2", "{}"), true)
	mustKeep(t, two.With(SpoolAlways), of("a", "3", "{}"), true)
	if n := stored(t, remote, "WEBHOOKS"); n != 0 {
		t.Errorf("%d events were forwarded out of turn", n)
	}
	one.Close(within(t, time.Second))
	drained(t, two)
	if list := bySource(t, remote, "WEBHOOKS")["a"]; !slices.Equal(list, []string{"1", "2", "3"}) {
		t.Errorf("%v", list)
	}
}

// TestSpoolClose forwards what it can before the end.
func TestSpoolClose(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), remote, nil)
	for i := range 200 {
		mustKeep(t, s.With(SpoolAlways), of("a", strconv.Itoa(i), "{}"), true)
	}
	s.Close(within(t, 10*time.Second))
	if n := stored(t, remote, "WEBHOOKS"); n != 200 {
		t.Errorf("%d events", n)
	}
}

// TestSpoolDrainRate says how fast a spool is forwarded, to a server that syncs
// each event before it acknowledges. SPOOL_EVENTS is how many there are.
func TestSpoolDrainRate(t *testing.T) {
	n := 2000
	if text := os.Getenv("SPOOL_EVENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("SPOOL_EVENTS: %v", err)
		}
	}
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	remote := ready(t, newHub(t).server.ClientURL(), nil)
	s := newSpool(t, l, nil, nil)
	body := strings.Repeat("x", 1024)
	begin := time.Now()
	var senders sync.WaitGroup
	for w := range 64 {
		senders.Go(func() {
			for i := w; i < n; i += 64 {
				if _, err := s.With(SpoolAlways).Publish(t.Context(), of("s"+strconv.Itoa(w%4), strconv.Itoa(i), body)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	filled := time.Since(begin)
	begin = time.Now()
	s.SetRemote(remote)
	drained(t, s)
	took := time.Since(begin)
	if have := stored(t, remote, "WEBHOOKS"); have != uint64(n) {
		t.Errorf("%d events of %d", have, n)
	}
	t.Logf("%d events of 1 KiB, 4 sources: kept at %.0f/s by 64 senders, forwarded at %.0f/s", n, float64(n)/filled.Seconds(), float64(n)/took.Seconds())
}
