package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// grouping is a publisher that may store in batches.
func grouping(t *testing.T, change func(*Config)) *Publisher {
	t.Helper()
	s := runServer(t, t.TempDir(), 0, nil)
	return ready(t, s.ClientURL(), func(cfg *Config) {
		cfg.Embedded, cfg.SyncAlways = true, true
		if change != nil {
			change(cfg)
		}
	})
}

// together publishes events at the same time.
func together(t *testing.T, p *Publisher, events []*gateway.Event) ([]gateway.Ack, []error) {
	t.Helper()
	acks, errs := make([]gateway.Ack, len(events)), make([]error, len(events))
	var wg sync.WaitGroup
	for i, e := range events {
		wg.Go(func() { acks[i], errs[i] = p.Publish(t.Context(), e) })
	}
	wg.Wait()
	return acks, errs
}

// batches counts the messages of a stream that came in a batch.
func batches(t *testing.T, p *Publisher, name string) int {
	t.Helper()
	s, err := p.js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get("Nats-Batch-Id") != "" {
			n++
		}
	}
	return n
}

func events(prefix string, n int) []*gateway.Event {
	list := make([]*gateway.Event, n)
	for i := range list {
		list[i] = testEvent(fmt.Sprintf("%s-%d", prefix, i), fmt.Sprintf(`{"n":%d}`, i))
	}
	return list
}

// TestGroupCommit: many events at once are stored in batches, each once, and each
// caller is told the sequence of its own.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	p := grouping(t, nil)
	list := events("e", 600)
	acks, errs := together(t, p, list)
	s, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 600 {
		t.Errorf("%d events are stored, want 600", n)
	}
	for i, e := range list {
		if errs[i] != nil || acks[i].Duplicate {
			t.Fatalf("%s: got %+v, %v", e.ID, acks[i], errs[i])
		}
		m, err := s.GetMsg(t.Context(), acks[i].Sequence)
		if err != nil || string(m.Data) != string(e.Body) || m.Header.Get("ce-id") != e.ID {
			t.Fatalf("%s at %d: got %q, %v", e.ID, acks[i].Sequence, m.Data, err)
		}
	}
	if n := batches(t, p, "WEBHOOKS"); n < 300 {
		t.Errorf("%d of 600 events came in batches", n)
	}
	if n := p.Pending(); n != 0 {
		t.Errorf("%d events are pending", n)
	}
	again, errs := together(t, p, events("e", 600))
	for i := range again {
		if errs[i] != nil || !again[i].Duplicate || again[i].Conflict || again[i].Sequence != acks[i].Sequence {
			t.Fatalf("again: got %+v, %v, want a duplicate at %d", again[i], errs[i], acks[i].Sequence)
		}
	}
}

// TestGroupCommitOff: with the switch, and where nothing would be gained, there
// are no batches.
func TestGroupCommitOff(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"off":      func(cfg *Config) { cfg.NoGroupCommit = true },
		"external": func(cfg *Config) { cfg.Embedded = false },
		"interval": func(cfg *Config) { cfg.SyncAlways = false },
	} {
		p := grouping(t, change)
		_, errs := together(t, p, events("e", 200))
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := batches(t, p, "WEBHOOKS"); n > 0 {
			t.Errorf("%s: %d events came in batches", name, n)
		}
	}
}

// TestGroupCommitDuplicates: copies of events among others, some stored before,
// are duplicates, and nothing else suffers.
func TestGroupCommitDuplicates(t *testing.T) {
	t.Parallel()
	p := grouping(t, nil)
	q := grouping2(t, p) // another gateway, whose ids the first does not remember
	if _, errs := together(t, q, events("old", 50)); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	var list []*gateway.Event
	for i := range 50 {
		list = append(list, events("new", 50)[i], events("new", 50)[i], events("old", 50)[i])
	}
	acks, errs := together(t, p, list)
	fresh, known := map[string]int{}, 0
	for i, e := range list {
		switch {
		case errs[i] != nil:
			t.Fatalf("%s: %v", e.ID, errs[i])
		case acks[i].Conflict:
			t.Errorf("%s: a conflict", e.ID)
		case acks[i].Duplicate:
			known++
		default:
			fresh[e.ID]++
		}
	}
	if len(fresh) != 50 || known != 100 {
		t.Errorf("%d events are new, and %d duplicates, want 50 and 100", len(fresh), known)
	}
	for id, n := range fresh {
		if n != 1 || !strings.HasPrefix(id, "new-") {
			t.Errorf("%s is new %d times", id, n)
		}
	}
	if n := stored(t, p, "WEBHOOKS"); n != 100 {
		t.Errorf("%d events are stored, want 100", n)
	}
}

// grouping2 is another publisher on the same server.
func grouping2(t *testing.T, p *Publisher) *Publisher {
	t.Helper()
	return ready(t, p.cfg.Conn.ConnectedUrl(), func(cfg *Config) { cfg.Embedded, cfg.SyncAlways = true, true })
}

// TestGroupCommitTooLarge: an event that the server does not take is refused, and
// those that came with it are stored.
func TestGroupCommitTooLarge(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.MaxPayload = 64 << 10 })
	p := ready(t, s.ClientURL(), func(cfg *Config) { cfg.Embedded, cfg.SyncAlways = true, true })
	list := events("e", 200)
	for i := range list {
		if i%50 == 7 {
			list[i] = testEvent(fmt.Sprintf("large-%d", i), strings.Repeat("x", 65<<10))
		}
	}
	_, errs := together(t, p, list)
	for i, err := range errs {
		if large := i%50 == 7; large != errors.Is(err, gateway.ErrTooLarge) || !large && err != nil {
			t.Errorf("%s: got %v", list[i].ID, err)
		}
	}
	if n := stored(t, p, "WEBHOOKS"); n != 196 {
		t.Errorf("%d events are stored, want 196", n)
	}
}

// TestGroupCommitRefused: where the stream takes no batches, events go one by one.
func TestGroupCommitRefused(t *testing.T) {
	t.Parallel()
	p := grouping(t, nil)
	s, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.AllowAtomicPublish = false
	if _, err := p.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, errs := together(t, p, events("e", 300)); errors.Join(errs...) != nil {
		t.Fatal(errors.Join(errs...))
	}
	if n := stored(t, p, "WEBHOOKS"); n != 300 {
		t.Errorf("%d events are stored, want 300", n)
	}
	if !p.lanes["WEBHOOKS"].off {
		t.Error("batches are still tried")
	}
}

// TestGroupCommitLeaving: whoever gives up before its turn is told that the event
// was not sent, and the others are not held up.
func TestGroupCommitLeaving(t *testing.T) {
	t.Parallel()
	p := grouping(t, nil)
	var gone, there atomic.Int64
	var wg sync.WaitGroup
	for i, e := range events("e", 400) {
		wg.Go(func() {
			ctx := t.Context()
			if i%2 == 0 {
				c, cancel := context.WithTimeout(ctx, time.Duration(i%8)*time.Millisecond)
				defer cancel()
				ctx = c
			}
			switch _, err := p.Publish(ctx, e); {
			case err == nil:
				there.Add(1)
			case i%2 == 1:
				t.Errorf("%s: %v", e.ID, err)
			case !errors.Is(err, gateway.ErrOverloaded) && !errors.Is(err, gateway.ErrTimeout):
				t.Errorf("%s: %v, want overload or timeout", e.ID, err)
			default:
				gone.Add(1)
			}
		})
	}
	wg.Wait()
	if gone.Load() == 0 || there.Load() < 200 {
		t.Errorf("%d gave up, and %d were stored", gone.Load(), there.Load())
	}
	checkFor(t, 5*time.Second, func() error {
		c := p.lanes["WEBHOOKS"]
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.queue) > 0 || c.singles != 0 || c.batch || p.Pending() != 0 {
			return fmt.Errorf("%d wait, %d are on their way, batch %t, %d pending", len(c.queue), c.singles, c.batch, p.Pending())
		}
		return nil
	})
	if n := stored(t, p, "WEBHOOKS"); n < uint64(there.Load()) {
		t.Errorf("%d events are stored, and %d acknowledged", n, there.Load())
	}
}

// TestGroupCommitServerDies: what was acknowledged is there after the server was
// stopped in the middle and started again, and what was not can be sent again
// without doubling.
func TestGroupCommitServerDies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	p := ready(t, s.ClientURL(), func(cfg *Config) {
		cfg.Embedded, cfg.SyncAlways = true, true
		cfg.AttemptTimeout = 500 * time.Millisecond
	})
	list := events("e", 2000)
	var acked sync.Map
	var wg sync.WaitGroup
	for _, e := range list {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			if _, err := p.Publish(ctx, e); err == nil {
				acked.Store(e.ID, true)
			}
		})
	}
	time.Sleep(30 * time.Millisecond)
	s.Shutdown()
	s.WaitForShutdown()
	wg.Wait()
	again := runServer(t, dir, 0, nil)
	q := ready(t, again.ClientURL(), func(cfg *Config) { cfg.Embedded, cfg.SyncAlways = true, true })
	there := ids(t, q)
	acked.Range(func(id, _ any) bool {
		if there[id.(string)] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", id, there[id.(string)])
		}
		return true
	})
	if _, errs := together(t, q, list); errors.Join(errs...) != nil {
		t.Fatal(errors.Join(errs...))
	}
	for id, n := range ids(t, q) {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if n := stored(t, q, "WEBHOOKS"); n != 2000 {
		t.Errorf("%d events are stored, want 2000", n)
	}
}

// ids counts the stored events by id.
func ids(t *testing.T, p *Publisher) map[string]int {
	t.Helper()
	c, err := p.js.OrderedConsumer(t.Context(), "WEBHOOKS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]int)
	total := stored(t, p, "WEBHOOKS")
	for n := uint64(0); n < total; {
		list, err := c.Fetch(int(total-n), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for m := range list.Messages() {
			found[m.Headers().Get("ce-id")]++
			n++
		}
	}
	return found
}

// TestRecent forgets the oldest.
func TestRecent(t *testing.T) {
	t.Parallel()
	r := recent{known: make(map[string]bool)}
	for i := range remembered + 10 {
		r.add(fmt.Sprint(i))
		r.add(fmt.Sprint(i))
	}
	if len(r.known) != remembered || r.known["9"] || !r.known["10"] || !r.known[fmt.Sprint(remembered+9)] {
		t.Errorf("%d ids are known", len(r.known))
	}
}

// TestBreakEven follows what was measured, between bounds, and measures again what
// was not measured for a while.
func TestBreakEven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		staged      bool
		single, fix time.Duration
		want        int
		again       int // how many suffice when batches were not tried for a while
	}{
		{false, 0, 0, breakEven, leastBreakEven},
		{false, time.Millisecond, 0, breakEven, leastBreakEven},
		{false, 400 * time.Microsecond, 6 * time.Millisecond, 15, leastBreakEven},
		{false, 10 * time.Millisecond, 10 * time.Millisecond, leastBreakEven, leastBreakEven},
		{false, time.Microsecond, 10 * time.Millisecond, mostBreakEven, leastBreakEven},
		{true, 0, 0, breakEvenStaged, leastStaged},
		{true, time.Millisecond, time.Millisecond, leastStaged, leastStaged},
		{true, 100 * time.Microsecond, 2 * time.Millisecond, 20, leastStaged},
	} {
		c := &committer{staged: tt.staged, single: tt.single, fix: tt.fix, last: time.Now()}
		if got := c.breakEven(); got != tt.want || !c.pays(got) || c.pays(got-1) {
			t.Errorf("%+v: got %d, want %d", tt, got, tt.want)
		}
		c.last = time.Now().Add(-measureAgain)
		if !c.pays(tt.again) || c.pays(tt.again-1) {
			t.Errorf("%+v: after %v a batch of %d is not tried", tt, measureAgain, tt.again)
		}
	}
}
