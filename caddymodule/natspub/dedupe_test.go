package natspub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// forgetting is a setting of publishers whose ids can be forgotten.
func forgetting(c *Config) {
	c.Forgotten = ForgottenConfig{Bucket: "WEBHOOKS_FORGOTTEN", Create: true, Replicas: c.Stream.Replicas}
}

// delivery is an event as one request brings it: another one each time.
func delivery(id, body string) *gateway.Event {
	e := testEvent(id, body)
	deliveries.Lock()
	defer deliveries.Unlock()
	deliveries.n++
	e.IngestID = fmt.Sprintf("request-%d", deliveries.n)
	return e
}

var deliveries struct {
	sync.Mutex
	n int
}

// mustStore publishes, and wants a new event, stored once more.
func mustStore(t *testing.T, p gateway.Publisher, e *gateway.Event) uint64 {
	t.Helper()
	ack, err := p.Publish(within(t, 10*time.Second), e)
	if err != nil || ack.Duplicate || ack.Stream == "" {
		t.Fatalf("%s: got %+v, %v, want a new event", e.ID, ack, err)
	}
	return ack.Sequence
}

// mustRepeat publishes, and wants a duplicate of a stored event, or a conflict
// with it.
func mustRepeat(t *testing.T, p gateway.Publisher, e *gateway.Event, of uint64, conflict bool) {
	t.Helper()
	ack, err := p.Publish(within(t, 10*time.Second), e)
	if err != nil || !ack.Duplicate || ack.Sequence != of || ack.Conflict != conflict {
		t.Errorf("%s: got %+v, %v, want a duplicate of %d (conflict: %v)", e.ID, ack, err, of, conflict)
	}
}

func mustForget(t *testing.T, p *Publisher, e *gateway.Event) DedupeState {
	t.Helper()
	st, again, err := NewDedupe(p, nil).Forget(within(t, 10*time.Second), e.Tenant, e.Source, e.ID, "alice", "lost")
	if err != nil || again {
		t.Fatalf("forgetting %s: again %v, %v", e.ID, again, err)
	}
	return st
}

func inspect(t *testing.T, p *Publisher, e *gateway.Event) DedupeState {
	t.Helper()
	st, err := NewDedupe(p, nil).Inspect(within(t, 10*time.Second), e.Tenant, e.Source, e.ID)
	if err != nil {
		t.Fatalf("inspecting %s: %v", e.ID, err)
	}
	return st
}

// brokersForDedupe are the kinds of servers on which ids are forgotten.
var brokersForDedupe = map[string]func(t *testing.T) func(change func(*Config)) *Publisher{
	"embedded, in batches": func(t *testing.T) func(func(*Config)) *Publisher {
		s := runServer(t, t.TempDir(), 0, nil)
		return func(change func(*Config)) *Publisher {
			return ready(t, s.ClientURL(), func(c *Config) { c.Embedded, c.SyncAlways = true, true; change(c) })
		}
	},
	"one server": func(t *testing.T) func(func(*Config)) *Publisher {
		s := runServer(t, t.TempDir(), 0, nil)
		return func(change func(*Config)) *Publisher { return ready(t, s.ClientURL(), change) }
	},
	"cluster": func(t *testing.T) func(func(*Config)) *Publisher {
		servers := runCluster(t)
		n := 0
		return func(change func(*Config)) *Publisher {
			n++
			return replicated(t, servers[n%3].ClientURL(), change)
		}
	},
}

// replicated is ready for a cluster, which creates no stream before its servers
// know each other.
func replicated(t *testing.T, url string, change func(*Config)) *Publisher {
	t.Helper()
	p := newPublisher(t, url, func(c *Config) { onlyStream(c); c.Stream.Replicas = 3; change(c) })
	checkFor(t, 20*time.Second, func() error {
		found, err := p.Preflight(within(t, 5*time.Second))
		for _, f := range found {
			if f.Severity != Note {
				return errors.New(f.String())
			}
		}
		return err
	})
	return p
}

// TestForget: an id that was forgotten is stored once more, once, by whichever
// gateway, as often as it is forgotten; and everything else is as ever.
func TestForget(t *testing.T) {
	t.Parallel()
	for name, start := range brokersForDedupe {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			a, b := connect(forgetting), connect(forgetting)
			e := func() *gateway.Event { return delivery("evt_1", `{"n":1}`) }

			if st := inspect(t, a, e()); st.Known || len(st.Stored) > 0 || st.Generation > 0 {
				t.Errorf("before it came: got %+v", st)
			}
			if _, _, err := NewDedupe(a, nil).Forget(within(t, 10*time.Second), "acme", "billing", "evt_1", "", "x"); !errors.Is(err, ErrNotRemembered) {
				t.Errorf("before it came: got %v, want %v", err, ErrNotRemembered)
			}
			first := mustStore(t, a, e()) // to have asked for it has left nothing behind
			mustRepeat(t, b, e(), first, false)
			mustRepeat(t, b, delivery("evt_1", `{"n":2}`), first, true)
			st := inspect(t, b, e())
			if !st.Known || len(st.Stored) != 1 {
				t.Fatalf("got %+v", st)
			}
			if m := st.Stored[0]; m.Sequence != first || m.Stream != "WEBHOOKS" || m.SHA256 == "" || m.Size != 7 || m.Type != "com.stripe.invoice.paid" ||
				m.Subject != Subject(e()) || m.Trust != "verified" || m.KeyID != "2026-11" || !strings.HasPrefix(m.RequestID, "request-") ||
				time.Since(m.Time) > time.Minute || m.Until.Sub(m.Time) != time.Hour || m.Removed {
				t.Errorf("got %+v", m)
			}

			mustForget(t, a, e())
			st = inspect(t, b, e())
			if st.Known || st.Generation != 1 || st.By != "alice" || st.Reason != "lost" || len(st.Stored) != 1 || st.MessageID == MsgID("acme", "billing", "evt_1") {
				t.Errorf("forgotten: got %+v", st)
			}
			if _, again, err := NewDedupe(b, nil).Forget(within(t, 10*time.Second), "acme", "billing", "evt_1", "", "x"); err != nil || !again {
				t.Errorf("forgotten twice: got %v, %v", again, err)
			}
			second := mustStore(t, b, e()) // which does not know of it yet
			for _, p := range []*Publisher{a, b, connect(forgetting)} {
				mustRepeat(t, p, e(), second, false)
				mustRepeat(t, p, delivery("evt_1", `{"n":2}`), second, true)
			}

			mustForget(t, b, e())
			third := mustStore(t, a, delivery("evt_1", `{"n":2}`)) // its bytes count from now on
			mustRepeat(t, b, delivery("evt_1", `{"n":2}`), third, false)
			mustRepeat(t, b, e(), third, true)
			other := mustStore(t, a, delivery("evt_2", `{}`))
			mustRepeat(t, b, delivery("evt_2", `{}`), other, false)

			st = inspect(t, connect(forgetting), e())
			var seqs []uint64
			for _, m := range st.Stored {
				seqs = append(seqs, m.Sequence)
			}
			if !st.Known || st.Generation != 2 || !slices.Equal(seqs, []uint64{third, second, first}) {
				t.Errorf("got %+v", st)
			}
			if n := stored(t, a, "WEBHOOKS"); n != 4 {
				t.Errorf("%d events are stored, want 4", n)
			}
			for seq, want := range map[uint64]string{first: "", second: "1", third: "2", other: ""} {
				m, err := a.read(t.Context(), "WEBHOOKS", fmt.Appendf(nil, `{"seq":%d}`, seq))
				if err != nil || one(m.header, headerGeneration) != want || one(m.header, "ce-id") != map[bool]string{true: "evt_2", false: "evt_1"}[seq == other] {
					t.Errorf("%d: got %v, %v", seq, m, err)
				}
			}
		})
	}
}

// TestForgetAtOnce: of many deliveries at the same time, at several gateways, one
// is stored.
func TestForgetAtOnce(t *testing.T) {
	t.Parallel()
	for name, start := range brokersForDedupe {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			pubs := []*Publisher{connect(forgetting), connect(forgetting), connect(forgetting)}
			mustStore(t, pubs[0], delivery("evt_1", `{}`))
			for generation := range 3 {
				mustForget(t, pubs[generation], delivery("evt_1", `{}`))
				var mu sync.Mutex
				fresh := make(map[uint64]int)
				var work sync.WaitGroup
				for i := range 60 {
					work.Go(func() {
						ack, err := pubs[i%3].Publish(within(t, 20*time.Second), delivery("evt_1", `{}`))
						mu.Lock()
						defer mu.Unlock()
						if err != nil || ack.Conflict {
							t.Errorf("got %+v, %v", ack, err)
						}
						if _, ok := fresh[ack.Sequence]; !ok || !ack.Duplicate {
							fresh[ack.Sequence] += map[bool]int{true: 0, false: 1}[ack.Duplicate]
						}
					})
				}
				work.Wait()
				for seq, n := range fresh {
					if len(fresh) != 1 || n != 1 {
						t.Errorf("generation %d: %d was new %d times, of %v", generation+1, seq, n, fresh)
					}
				}
			}
			if n := stored(t, pubs[0], "WEBHOOKS"); n != 4 {
				t.Errorf("%d events are stored, want 4", n)
			}
		})
	}
}

// TestForgetModel: whatever is delivered, forgotten and restarted, in whichever
// order and at which gateway, what is new and what is a duplicate is as it should
// be.
func TestForgetModel(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	h := newHub(t)
	connect := func() *Publisher { return ready(t, h.server.ClientURL(), forgetting) }
	pubs := []*Publisher{connect(), connect(), connect()}
	type state struct {
		last       uint64 // the event that was stored last; 0 if there is none
		forgotten  bool
		generation int
	}
	model := make([]state, 4)
	total := uint64(0)
	for step := range 400 {
		n := r.IntN(len(model))
		m, p, id := &model[n], pubs[r.IntN(3)], fmt.Sprintf("evt_%d", n)
		switch op := r.IntN(100); {
		case op < 55:
			ack, err := p.Publish(within(t, 10*time.Second), delivery(id, `{}`))
			if fresh := m.last == 0 || m.forgotten; err != nil || ack.Duplicate == fresh || !fresh && ack.Sequence != m.last {
				t.Fatalf("step %d: %s: got %+v, %v, want %+v", step, id, ack, err, m)
			} else if fresh {
				m.last, m.forgotten = ack.Sequence, false
				total++
			}
		case op < 80:
			_, again, err := NewDedupe(p, nil).Forget(within(t, 10*time.Second), "acme", "billing", id, "", "x")
			if errors.Is(err, ErrNotRemembered) != (m.last == 0) || again != m.forgotten || err != nil && m.last > 0 {
				t.Fatalf("step %d: forgetting %s: got %v, %v, want %+v", step, id, again, err, m)
			}
			if err == nil && !again {
				m.forgotten = true
				m.generation++
			}
		case op < 90:
			if st := inspect(t, p, delivery(id, "")); st.Known != (m.last > 0 && !m.forgotten) || st.Generation != m.generation {
				t.Fatalf("step %d: got %+v, want %+v", step, st, m)
			}
		case op < 95:
			if err := p.ids.look(t.Context()); err != nil {
				t.Fatal(err)
			}
		case op < 98:
			pubs[r.IntN(3)] = connect()
		default:
			h.stop()
			h.start()
			for _, p := range pubs {
				checkFor(t, 10*time.Second, p.Ready)
			}
		}
	}
	if n := stored(t, pubs[0], "WEBHOOKS"); n != total {
		t.Errorf("%d events are stored, want %d", n, total)
	}
}

// TestForgetTogether: of several operators at the same time one has it forgotten.
func TestForgetTogether(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	pubs := []*Publisher{ready(t, s.ClientURL(), forgetting), ready(t, s.ClientURL(), forgetting)}
	mustStore(t, pubs[0], delivery("evt_1", `{}`))
	for generation := 1; generation <= 3; generation++ {
		var work sync.WaitGroup
		var first atomic.Int64
		for i := range 8 {
			work.Go(func() {
				_, again, err := NewDedupe(pubs[i%2], nil).Forget(within(t, 10*time.Second), "acme", "billing", "evt_1", "", "x")
				if err != nil {
					t.Error(err)
				}
				if !again {
					first.Add(1)
				}
			})
		}
		work.Wait()
		if st := inspect(t, pubs[0], delivery("evt_1", "")); first.Load() != 1 || st.Generation != generation {
			t.Errorf("%d have it forgotten, and its generation is %d, want 1 and %d", first.Load(), st.Generation, generation)
		}
		mustStore(t, pubs[1], delivery("evt_1", `{}`))
	}
}

// TestForgetOutlivesRestarts of server and gateway.
func TestForgetOutlivesRestarts(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	connect := func() *Publisher { return ready(t, h.server.ClientURL(), forgetting) }
	p := connect()
	first := mustStore(t, p, delivery("evt_1", `{}`))
	mustForget(t, p, delivery("evt_1", `{}`))
	h.stop()
	h.start()
	second := mustStore(t, connect(), delivery("evt_1", `{}`))
	h.stop()
	h.start()
	p = connect()
	mustRepeat(t, p, delivery("evt_1", `{}`), second, false)
	if st := inspect(t, p, delivery("evt_1", `{}`)); !st.Known || len(st.Stored) != 2 || st.Stored[1].Sequence != first {
		t.Errorf("got %+v", st)
	}
}

// TestAskingLeavesNothing: whether the stream's owner permits rollups or not, and
// however often an id is asked for.
func TestAskingLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, start := range brokersForDedupe {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)(forgetting)
			for _, rollup := range []bool{false, true} {
				change(t, p.js, func(c *jetstream.StreamConfig) { c.AllowRollup = rollup })
				id := fmt.Sprintf("evt_%v", rollup)
				before := stored(t, p, "WEBHOOKS")
				for range 20 {
					if st := inspect(t, p, delivery(id, "")); st.Known {
						t.Fatalf("got %+v", st)
					}
				}
				seq := mustStore(t, p, delivery(id, `{}`))
				for range 20 {
					if st := inspect(t, p, delivery(id, "")); !st.Known || st.Stored[0].Sequence != seq {
						t.Fatalf("got %+v", st)
					}
				}
				mustRepeat(t, p, delivery(id, `{}`), seq, false)
				if after := stored(t, p, "WEBHOOKS"); after != before+1 {
					t.Errorf("%d messages are stored, want %d", after, before+1)
				}
			}
		})
	}
}

// TestForgetAndOwnRetries: an attempt of ours whose answer got lost is no
// duplicate, also of an id that was forgotten, and is stored once.
func TestForgetAndOwnRetries(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), forgetting)
	mustStore(t, p, delivery("evt_1", `{}`))
	mustForget(t, p, delivery("evt_1", `{}`))
	for _, known := range []bool{false, true} {
		proxy := newProxy(t, s.Addr().String())
		q := newPublisher(t, "nats://"+proxy.addr(), func(c *Config) { forgetting(c); c.AttemptTimeout = 300 * time.Millisecond })
		if known {
			mustForget(t, p, delivery("evt_1", `{}`))
			if err := q.ids.look(t.Context()); err != nil || !q.ids.has(MsgID("acme", "billing", "evt_1")) {
				t.Fatalf("the generation is not known: %v", err)
			}
		}
		before := stored(t, p, "WEBHOOKS")
		// The next answer is lost, and what comes after it is not.
		proxy.swallow(true)
		done := make(chan error, 1)
		go func() {
			ack, err := q.Publish(within(t, 10*time.Second), delivery("evt_1", `{}`))
			if err == nil && (ack.Duplicate || ack.Attempts < 2) {
				err = fmt.Errorf("got %+v", ack)
			}
			done <- err
		}()
		checkFor(t, 5*time.Second, func() error {
			if proxy.swallowed.Load() == 0 || known && stored(t, p, "WEBHOOKS") == before {
				return errors.New("not yet")
			}
			return nil
		})
		proxy.swallow(false)
		proxy.cut()
		if err := <-done; err != nil {
			t.Errorf("known %v: %v", known, err)
		}
		if after := stored(t, p, "WEBHOOKS"); after != before+1 {
			t.Errorf("known %v: %d events more, want 1", known, after-before)
		}
	}
}

// TestForgetInABatch: of a request with many events the one whose id was
// forgotten is stored, and the others are duplicates.
func TestForgetInABatch(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) { forgetting(c); c.Embedded, c.SyncAlways = true, true })
	rt := batchRoute(t, p, nil)
	const n = 200 // and one that is there twice
	if res := post(t, rt, "b1", list(n)); res.Outcome != gateway.Accepted {
		t.Fatalf("got %v, %v", res.Outcome, res.Err)
	}
	if _, _, err := NewDedupe(p, nil).Forget(within(t, 5*time.Second), "acme", "mail", "e150", "", "x"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []gateway.Outcome{gateway.Accepted, gateway.Duplicate} {
		res := post(t, rt, "b1", list(n))
		if res.Outcome != want || res.Batch.Outcomes[gateway.Accepted] != 1-i || res.Batch.Outcomes[gateway.Duplicate] != n+i || len(res.Batch.Originals) != n+i {
			t.Errorf("got %v, %v, %v", res.Outcome, res.Err, res.Batch.Outcomes)
		}
	}
	if got := ids(t, p); len(got) != n || got["e150"] != 2 {
		t.Errorf("got %d ids, and e150 %d times", len(got), got["e150"])
	}
}

// TestForgetKinds: large bodies, unverified events, elements of batches, and ids
// of events that are not in the stream any more.
func TestForgetKinds(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) { claiming(c); forgetting(c) })
	body := strings.Repeat("x", 2<<20)
	unverified := func() *gateway.Event {
		e := delivery("evt_2", `{}`)
		e.Trust = gateway.Unverified
		return e
	}
	for _, e := range []func() *gateway.Event{
		func() *gateway.Event { return delivery("evt_1", body) },
		unverified,
		func() *gateway.Event {
			e := delivery("b.3", `{}`)
			e.Part = &gateway.Part{Batch: "b", Index: 3, Size: 4}
			return e
		},
	} {
		first := mustStore(t, p, e())
		mustRepeat(t, p, e(), first, false)
		mustForget(t, p, e())
		ack, err := p.Start(within(t, 10*time.Second), e())()
		if err != nil || ack.Duplicate || ack.Sequence == first {
			t.Fatalf("%s: got %+v, %v", e().ID, ack, err)
		}
		if e().Trust == gateway.Verified {
			mustHave(t, p, ack, e())
		}
		mustRepeat(t, p, e(), ack.Sequence, false)
		if st := inspect(t, p, e()); len(st.Stored) != 2 || st.Stored[0].Sequence != ack.Sequence || st.Stored[0].Size != len(e().Body) {
			t.Errorf("%s: got %+v", e().ID, st)
		}
	}

	seq := mustStore(t, p, delivery("evt_3", `{}`))
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	if st := inspect(t, p, delivery("evt_3", "")); !st.Known || !st.Stored[0].Removed || st.Stored[0].Sequence != seq {
		t.Errorf("got %+v", st)
	}
	mustRepeat(t, p, delivery("evt_3", `{}`), seq, false)
	mustForget(t, p, delivery("evt_3", ""))
	again := mustStore(t, p, delivery("evt_3", `{}`))
	mustRepeat(t, p, delivery("evt_3", `{}`), again, false)

	// Without a bucket nothing can be forgotten, and everything else goes on.
	q := ready(t, s.ClientURL(), nil)
	if st := inspect(t, q, delivery("evt_2", "")); !st.Known {
		t.Errorf("got %+v", st)
	}
	if _, _, err := NewDedupe(q, nil).Forget(t.Context(), "acme", "billing", "evt_2", "", ""); !errors.Is(err, ErrCannotForget) {
		t.Errorf("got %v", err)
	}
}
