package natspub

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestForgetIsKnown: what a gateway knows it uses at once, also where the stream
// does not remember the first id any more.
func TestForgetIsKnown(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), forgetting)
	mustStore(t, p, delivery("evt_0", `{}`))
	mustForget(t, p, delivery("evt_0", `{}`)) // makes the bucket
	base := MsgID("acme", "billing", "evt_1")
	kv, err := p.js.KeyValue(t.Context(), "WEBHOOKS_FORGOTTEN")
	if err != nil {
		t.Fatal(err)
	}
	put(t, kv, base, `{"generation":3}`)
	put(t, kv, "not-ours", `?`)
	q := ready(t, s.ClientURL(), forgetting)
	seq := mustStore(t, q, delivery("evt_1", `{}`))
	if m, err := p.read(t.Context(), "WEBHOOKS", fmt.Appendf(nil, `{"seq":%d}`, seq)); err != nil || one(m.header, headerMsgID) != generationID(base, 3) {
		t.Errorf("got %v, %v", m, err)
	}
	mustRepeat(t, q, delivery("evt_1", `{}`), seq, false)

	// Half of its time is over: what is stored now would outlive it.
	entry, err := kv.Get(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	q.ids.mu.Lock()
	r := q.ids.known[base]
	r.stored = time.Now().Add(-q.ids.ttl/2 - time.Second)
	q.ids.known[base] = r
	q.ids.mu.Unlock()
	mustRepeat(t, q, delivery("evt_1", `{}`), seq, false)
	later, err := kv.Get(t.Context(), base)
	if err != nil || later.Revision() <= entry.Revision() || !strings.Contains(string(later.Value()), `"generation":3`) {
		t.Errorf("the record is not stored once more: %v, %v", later, err)
	}

	// An operator removes it: the first id counts again.
	if err := kv.Purge(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	if err := q.ids.look(t.Context()); err != nil || q.ids.has(base) {
		t.Errorf("it is still known: %v", err)
	}
	if seq := mustStore(t, q, delivery("evt_1", `{}`)); seq == 0 {
		t.Error("no sequence")
	}
	if err := p.js.DeleteKeyValue(t.Context(), "WEBHOOKS_FORGOTTEN"); err != nil {
		t.Fatal(err)
	}
	if err := q.ids.look(t.Context()); err != nil || q.ids.size() > 0 || q.ids.count.Load() > 0 {
		t.Errorf("%d are known without a bucket, %v", q.ids.size(), err)
	}
}

// TestForgetBucket: what the bucket is like, and what is said when it is not.
func TestForgetBucket(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) { forgetting(c); c.Forgotten.Create = false })
	mustStore(t, p, delivery("evt_1", `{}`))
	_, _, err := NewDedupe(p, nil).Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x")
	if !errors.Is(err, ErrCannotForget) || !strings.Contains(err.Error(), "nats kv add WEBHOOKS_FORGOTTEN --history 1 --ttl 3h0m0s --replicas 1 --max-bucket-size 4194304") {
		t.Errorf("got %v", err)
	}
	p = ready(t, s.ClientURL(), forgetting)
	mustForget(t, p, delivery("evt_1", `{}`))
	info := func() jetstream.StreamConfig {
		t.Helper()
		s, err := p.js.Stream(t.Context(), "KV_WEBHOOKS_FORGOTTEN")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	if c := info(); c.MaxAge != 2*time.Hour+forgottenSpare || c.MaxBytes != forgottenBytes || c.Discard != jetstream.DiscardNew || c.MaxMsgsPerSubject != 1 || c.Metadata[ownerKey] == "" {
		t.Errorf("got %+v", c)
	}

	// A longer window needs a longer memory.
	long := ready(t, s.ClientURL(), func(c *Config) { forgetting(c); c.Stream.Window = 5 * time.Hour })
	mustStore(t, long, delivery("evt_2", `{}`))
	mustForget(t, long, delivery("evt_2", `{}`))
	if c := info(); c.MaxAge != 10*time.Hour+forgottenSpare {
		t.Errorf("got %v", c.MaxAge)
	}
	mustStore(t, long, delivery("evt_2", `{}`))
	mustStore(t, p, delivery("evt_1", `{}`))

	// It is full: nothing is forgotten, and nothing changes for deliveries.
	st, err := p.js.Stream(t.Context(), "KV_WEBHOOKS_FORGOTTEN")
	if err != nil {
		t.Fatal(err)
	}
	c := info()
	c.MaxBytes = int64(st.CachedInfo().State.Bytes) + 10
	if _, err := p.js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	seq := mustStore(t, p, delivery("evt_3", `{}`))
	if _, _, err := NewDedupe(p, nil).Forget(within(t, 5*time.Second), "acme", "billing", "evt_3", "", "x"); err == nil || !strings.Contains(err.Error(), "the bucket is full") {
		t.Errorf("got %v, want that the bucket is full", err)
	}
	mustRepeat(t, p, delivery("evt_3", `{}`), seq, false)

	// The window is about to end.
	short := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), func(c *Config) { onlyStream(c); forgetting(c); c.Stream.Window = time.Minute })
	mustStore(t, short, delivery("evt_1", `{}`))
	if _, _, err := NewDedupe(short, nil).Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x"); !errors.Is(err, ErrSoonForgotten) {
		t.Errorf("got %v, want %v", err, ErrSoonForgotten)
	}
}

// TestForgetOwnersBucket: a bucket that somebody else has made is used, and not
// changed.
func TestForgetOwnersBucket(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), forgetting)
	seq := mustStore(t, p, delivery("evt_1", `{}`))
	forget := func() error {
		_, _, err := NewDedupe(p, nil).Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x")
		return err
	}
	if _, err := p.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "WEBHOOKS_FORGOTTEN", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := forget(); !errors.Is(err, ErrCannotForget) || !strings.Contains(err.Error(), "`nats stream edit KV_WEBHOOKS_FORGOTTEN --max-age 3h0m0s`") {
		t.Errorf("got %v", err)
	}
	mustRepeat(t, p, delivery("evt_1", `{}`), seq, false)
	if _, err := p.js.UpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "WEBHOOKS_FORGOTTEN"}); err != nil { // for ever
		t.Fatal(err)
	}
	if err := forget(); err != nil {
		t.Fatal(err)
	}
	mustStore(t, p, delivery("evt_1", `{}`))
	if _, old, ok := p.ids.find(MsgID("acme", "billing", "evt_1")); !ok || old {
		t.Errorf("got old %v, known %v", old, ok)
	}
}

// TestForgetDocumentedPermissions: those in docs/permissions.md are enough, and
// without them it is said what is missing.
func TestForgetDocumentedPermissions(t *testing.T) {
	t.Parallel()
	t.Run("create on", func(t *testing.T) {
		t.Parallel()
		p := ready(t, as(documented(t), "gateway"), forgetting)
		mustStore(t, p, delivery("evt_1", `{}`))
		mustForget(t, p, delivery("evt_1", ""))
		p.cfg.Stream.Window = 2 * time.Hour // the bucket is brought up to date
		mustStore(t, p, delivery("evt_1", `{}`))
		mustForget(t, p, delivery("evt_1", ""))
		mustStore(t, p, delivery("evt_1", `{}`))
		if err := p.cfg.Conn.LastError(); err != nil {
			t.Errorf("the server has refused something: %v", err)
		}
	})
	t.Run("create off", func(t *testing.T) {
		t.Parallel()
		s := documented(t)
		o := ready(t, as(s, "operator"), forgetting)
		mustStore(t, o, delivery("evt_0", `{}`))
		mustForget(t, o, delivery("evt_0", "")) // makes the bucket
		p := ready(t, as(s, "gateway-create-off"), func(c *Config) {
			forgetting(c)
			c.Stream.Create, c.Unverified.Create, c.Quarantine.Create, c.Forgotten.Create = false, false, false, false
		})
		mustStore(t, p, delivery("evt_0", `{}`))
		mustForget(t, p, delivery("evt_0", ""))
		mustStore(t, p, delivery("evt_0", `{}`))
		if err := p.cfg.Conn.LastError(); err != nil {
			t.Errorf("the server has refused something: %v", err)
		}
	})
	for denied, want := range map[string]string{
		"$KV.WEBHOOKS_FORGOTTEN.>":                    "$KV.WEBHOOKS_FORGOTTEN.>",
		"$JS.API.STREAM.CREATE.KV_WEBHOOKS_FORGOTTEN": "nats kv add WEBHOOKS_FORGOTTEN",
		"$JS.API.STREAM.UPDATE.KV_WEBHOOKS_FORGOTTEN": "nats stream edit KV_WEBHOOKS_FORGOTTEN --max-age 5h0m0s",
		"$JS.API.STREAM.INFO.KV_WEBHOOKS_FORGOTTEN":   "$JS.API.STREAM.INFO.KV_WEBHOOKS_FORGOTTEN",
		"wh.v1.>": "may not publish on wh.v1._.inspect",
	} {
		t.Run(denied, func(t *testing.T) {
			t.Parallel()
			s := documented(t, denied)
			o := ready(t, as(s, "operator"), forgetting)
			seq := mustStore(t, o, delivery("evt_1", `{}`))
			p := newPublisher(t, as(s, "gateway"), forgetting)
			if strings.Contains(denied, "UPDATE") {
				mustStore(t, o, delivery("evt_0", `{}`))
				mustForget(t, o, delivery("evt_0", "")) // makes the bucket
				p.cfg.Stream.Window = 2 * time.Hour
			}
			begin := time.Now()
			_, _, err := NewDedupe(p, nil).Forget(within(t, 10*time.Second), "acme", "billing", "evt_1", "", "x")
			if err == nil || !strings.Contains(err.Error(), want) || time.Since(begin) > 3*time.Second {
				t.Errorf("got %v after %v, want %q", err, time.Since(begin), want)
			}
			mustRepeat(t, o, delivery("evt_1", `{}`), seq, false)
		})
	}
}

// TestForgetWithoutPermission: a gateway that may not read the bucket answers as
// ever, soon, and says that.
func TestForgetWithoutPermission(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"$JS.API.STREAM.MSG.GET.KV_WEBHOOKS_FORGOTTEN", "$JS.API.STREAM.INFO.KV_WEBHOOKS_FORGOTTEN"} {
		t.Run(denied, func(t *testing.T) {
			t.Parallel()
			s := documented(t, denied)
			operator := ready(t, as(s, "operator"), forgetting)
			first := mustStore(t, operator, delivery("evt_1", `{}`))
			mustForget(t, operator, delivery("evt_1", `{}`))
			p := newPublisher(t, as(s, "gateway"), forgetting)
			begin := time.Now()
			if strings.Contains(denied, "MSG.GET") {
				mustRepeat(t, p, delivery("evt_1", `{}`), first, false)
				mustRepeat(t, p, delivery("evt_1", `{}`), first, false)
				if took := time.Since(begin); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
				if _, _, err := NewDedupe(p, nil).Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x"); !errors.Is(err, ErrCannotForget) || !strings.Contains(err.Error(), denied) {
					t.Errorf("got %v, want %v", err, ErrCannotForget)
				}
			} else {
				mustStore(t, p, delivery("evt_1", `{}`))
			}
			found, err := p.Preflight(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			mustFind(t, found, Warning, "KV_WEBHOOKS_FORGOTTEN", denied)
		})
	}
}

// TestForgetUnreadable: while the bucket has no leader nobody knows whether a
// duplicate is one. Its sender is asked to try again, and new events are stored.
func TestForgetUnreadable(t *testing.T) {
	t.Parallel()
	servers := runCluster(t)
	single := func(c *Config) { forgetting(c); c.Forgotten.Replicas = 1 }
	p := replicated(t, servers[0].ClientURL(), single)
	mustStore(t, p, delivery("evt_1", `{}`))
	mustForget(t, p, delivery("evt_1", `{}`))
	mustStore(t, p, delivery("evt_1", `{}`))
	stream, err := p.js.Stream(t.Context(), "KV_WEBHOOKS_FORGOTTEN")
	if err != nil {
		t.Fatal(err)
	}
	holder := stream.CachedInfo().Cluster.Leader
	var away *server.Server
	url := ""
	for _, s := range servers {
		if s.Name() == holder {
			away = s
		} else {
			url = s.ClientURL()
		}
	}
	q := replicated(t, url, single)
	q.ids.forget(time.Time{}, 0) // as one that has not looked for a while
	away.Shutdown()
	away.WaitForShutdown()
	checkFor(t, 20*time.Second, func() error { // until the two have a leader
		ack, err := q.Publish(within(t, 5*time.Second), delivery("evt_"+strconv.Itoa(int(time.Now().UnixNano())), `{}`))
		if err == nil && ack.Duplicate {
			t.Fatalf("got %+v", ack)
		}
		return err
	})
	for range 3 {
		ack, err := q.Publish(within(t, 8*time.Second), delivery("evt_1", `{}`))
		if err == nil || ack.Stream != "" {
			t.Fatalf("got %+v, %v, want an error", ack, err)
		}
		if o := gateway.StoreOutcome(err); !o.Retryable() {
			t.Errorf("got %v for %v", o, err)
		}
	}
	mustStore(t, q, delivery("evt_new", `{}`))

	// In the spool it waits, and what comes after it does not.
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), q, nil)
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		if ack, err := s.With(SpoolAlways).Publish(within(t, 5*time.Second), delivery(id, `{}`)); err != nil || !ack.Spooled {
			t.Fatalf("%s: got %+v, %v", id, ack, err)
		}
	}
	checkFor(t, 20*time.Second, func() error {
		if st := s.Status(); st.Stuck != 1 || st.Events != 1 || st.Forwarded != 2 || st.Duplicates != 0 {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
}

// TestForgetSpool: events that go through the spool are told apart as others are.
func TestForgetSpool(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), forgetting)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, nil)
	always := s.With(SpoolAlways)

	keep := func(body string) {
		t.Helper()
		if ack, err := always.Publish(within(t, 5*time.Second), delivery("evt_1", body)); err != nil || !ack.Spooled {
			t.Fatalf("got %+v, %v", ack, err)
		}
		drained(t, s)
	}
	count := func(events, duplicates int) {
		t.Helper()
		if n := stored(t, remote, "WEBHOOKS"); n != uint64(events) {
			t.Fatalf("%d events are stored, want %d", n, events)
		}
		if st := s.Status(); st.Forwarded != uint64(events) || st.Duplicates != uint64(duplicates) {
			t.Fatalf("got %+v, want %d forwarded and %d duplicates", st, events, duplicates)
		}
	}
	keep(`{}`)
	count(1, 0)
	keep(`{}`)
	count(1, 1)
	mustForget(t, remote, delivery("evt_1", ""))
	keep(`{}`)
	count(2, 1)
	keep(`{}`)
	count(2, 2)
	// As a gateway that has not looked for a while.
	mustForget(t, remote, delivery("evt_1", ""))
	remote.ids.forget(time.Time{}, 0)
	keep(`{"changed":1}`)
	count(3, 2)

	// While the cluster is away the sender tries twice; that is one event, and one
	// more of an id that was forgotten before.
	mustForget(t, remote, delivery("evt_1", ""))
	remote.ids.forget(time.Time{}, 0)
	h.stop()
	checkFor(t, 10*time.Second, func() error {
		if !s.Status().Out {
			return errors.New("not out")
		}
		return nil
	})
	mustKeep(t, s, delivery("evt_1", `{"changed":1}`), true)
	if st, err := NewDedupe(l, s).p.remembers(t.Context(), rooted{Root, StreamConfig{Name: "WEBHOOKS"}}, MsgID("acme", "billing", "evt_1")); err != nil || st == 0 {
		t.Errorf("the spool does not know it: %d, %v", st, err)
	}
	if waits, err := s.waits(t.Context(), MsgID("acme", "billing", "evt_2")); err != nil || waits {
		t.Errorf("evt_2: got %v, %v", waits, err)
	}
	ack, err := s.Publish(within(t, 5*time.Second), delivery("evt_1", `{"changed":1}`))
	if err != nil || ack.Stream == "" {
		t.Fatalf("got %+v, %v", ack, err)
	}
	h.start()
	drained(t, s)
	if n := stored(t, remote, "WEBHOOKS"); n != 4 {
		t.Errorf("%d events are stored, want 4", n)
	}
	if st := inspect(t, remote, delivery("evt_1", "")); !st.Known || st.Generation != 3 || len(st.Stored) != 4 {
		t.Errorf("got %+v", st)
	}
}

// TestForgetStoredAndWaiting: an event that is stored, as an attempt did whose answer
// got lost, and is in the spool too, would be stored twice if it were forgotten now.
func TestForgetStoredAndWaiting(t *testing.T) {
	t.Parallel()
	remote := ready(t, newHub(t).server.ClientURL(), forgetting)
	turn := make(chan struct{}, 1)
	turn <- struct{}{} // another one forwards, and does not
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), remote, func(c *SpoolConfig) { c.Turn = turn })
	e := delivery("evt_1", `{}`)
	for _, p := range []gateway.Publisher{remote, s.With(SpoolAlways)} { // one request
		if ack, err := p.Publish(within(t, 5*time.Second), e); err != nil || ack.Duplicate {
			t.Fatalf("got %+v, %v", ack, err)
		}
	}
	d := NewDedupe(remote, s)
	if st, again, err := d.Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x"); !errors.Is(err, ErrStillSpooled) || again || !st.Known || !st.Spooled {
		t.Errorf("got %+v, %v, %v", st, again, err)
	}
	<-turn
	drained(t, s)
	if n := stored(t, remote, "WEBHOOKS"); n != 1 {
		t.Errorf("one delivery is stored %d times", n)
	}
	mustForget(t, remote, e)
}

// TestForgetWaiting: an event that is in the spool and not in the stream cannot be
// forgotten yet.
func TestForgetWaiting(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), forgetting)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	turn := make(chan struct{}, 1)
	turn <- struct{}{} // another one forwards, and does not
	s := newSpool(t, l, remote, func(c *SpoolConfig) { c.Turn = turn })
	if ack, err := s.With(SpoolAlways).Publish(within(t, 5*time.Second), delivery("evt_1", `{}`)); err != nil || !ack.Spooled {
		t.Fatalf("got %+v, %v", ack, err)
	}
	d := NewDedupe(remote, s)
	if st, err := d.Inspect(within(t, 5*time.Second), "acme", "billing", "evt_1"); err != nil || !st.Spooled || st.Known {
		t.Errorf("got %+v, %v", st, err)
	}
	if _, _, err := d.Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x"); !errors.Is(err, ErrStillSpooled) {
		t.Errorf("got %v", err)
	}
	if ack, err := s.With(SpoolAlways).Publish(within(t, 5*time.Second), delivery("evt_1", `{}`)); err != nil || !ack.Duplicate {
		t.Errorf("it waits, and comes again: got %+v, %v", ack, err)
	}
	// As if it had been forwarded and not yet removed: whether it was forgotten since
	// only the cluster knows.
	s.lane("WEBHOOKS").done.Store(1)
	if ack, err := s.With(SpoolAlways).Publish(within(t, 5*time.Second), delivery("evt_1", `{}`)); err != nil || ack.Duplicate || !ack.Spooled {
		t.Errorf("it was forwarded, and comes again: got %+v, %v", ack, err)
	}
	s.lane("WEBHOOKS").done.Store(0)
	<-turn
	drained(t, s)
	if st, err := d.Inspect(within(t, 5*time.Second), "acme", "billing", "evt_1"); err != nil || st.Spooled || !st.Known {
		t.Errorf("got %+v, %v", st, err)
	}
	if _, again, err := d.Forget(within(t, 5*time.Second), "acme", "billing", "evt_1", "", "x"); err != nil || again {
		t.Errorf("got %v, %v", again, err)
	}
}

// TestForgetSpoolKnows: the spool forwards in batches, and an event among them
// whose id is known to be forgotten under its own.
func TestForgetSpoolKnows(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	remote := ready(t, url, forgetting)
	mustStore(t, remote, delivery("evt_0", `{}`))
	mustForget(t, remote, delivery("evt_0", "")) // makes the bucket
	kv, err := remote.js.KeyValue(t.Context(), "WEBHOOKS_FORGOTTEN")
	if err != nil {
		t.Fatal(err)
	}
	base := MsgID("acme", "billing", "evt_5")
	put(t, kv, base, `{"generation":1}`) // its first event is remembered no more
	if err := remote.ids.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), remote, func(c *SpoolConfig) { c.Turn = turn })
	for i := 1; i < 10; i++ {
		if _, err := s.With(SpoolAlways).Publish(within(t, 5*time.Second), delivery(fmt.Sprintf("evt_%d", i), `{}`)); err != nil {
			t.Fatal(err)
		}
	}
	<-turn
	drained(t, s)
	got := ids(t, remote)
	if len(got) != 10 || got["evt_5"] != 1 {
		t.Errorf("got %v, want ten events", got)
	}
	if n := batches(t, remote, "WEBHOOKS"); n != 8 {
		t.Errorf("%d events were forwarded in batches, want 8", n)
	}
	st := inspect(t, remote, delivery("evt_5", ""))
	if !st.Known || st.Generation != 1 || len(st.Stored) != 1 || st.Stored[0].Generation != 1 {
		t.Errorf("got %+v", st)
	}
}

// TestGenerationIDs: no two events have one id, and what is stored keeps its
// meaning over versions.
func TestGenerationIDs(t *testing.T) {
	t.Parallel()
	base := MsgID("default", "github", "72d3162e")
	seen := map[string]bool{}
	for _, b := range []string{base, MsgID("default", "github", "72d3162f")} {
		for g := range 20 {
			id := generationID(b, g)
			if seen[id] || len(id) != 22 {
				t.Errorf("%q is there twice, or has %d bytes", id, len(id))
			}
			seen[id] = true
		}
	}
	if generationID(base, 0) != base {
		t.Errorf("generation 0 is not the id itself")
	}
	if got, want := generationID(base, 1), "4iS6Fvp4hJ_Oa6yUK_s2YA"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for version, want := range map[string]bool{"2.12.0": true, "2.15.2": true, "3.0.0": true, "2.11.9": false, "1.99.0": false, "": false} {
		if atLeast(version, dedupeServer) != want {
			t.Errorf("%q: got %v", version, !want)
		}
	}
}
