package natspub

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func claiming(c *Config) {
	c.LargestBody = 25 << 20
	c.Bodies = BodiesConfig{Bucket: "WEBHOOKS_BODIES", TTL: 48 * time.Hour, Keep: 24 * time.Hour, Create: true}
}

func large(t testing.TB, id string, size int) *gateway.Event {
	t.Helper()
	body := make([]byte, size)
	_, _ = rand.Read(body)
	e := testEvent(id, "")
	e.Body, e.Digest = body, sha256.Sum256(body)
	return e
}

// mustHave reads the message and the body that belongs to it, as a consumer does.
func mustHave(t *testing.T, p *Publisher, ack gateway.Ack, e *gateway.Event) *jetstream.RawStreamMsg {
	t.Helper()
	s, err := p.js.Stream(t.Context(), ack.Stream)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Body(t.Context(), p.js, m.Header, m.Data)
	if err != nil || !bytes.Equal(body, e.Body) {
		t.Errorf("%s: %d bytes of %d, %v", e.ID, len(body), len(e.Body), err)
	}
	return m
}

func chunks(t *testing.T, p *Publisher) (n uint64) {
	t.Helper()
	s, err := p.js.Stream(t.Context(), p.bodies.stream())
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("$O.*.C.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, count := range info.State.Subjects {
		n += count
	}
	return n
}

func TestClaim(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), claiming)
	limit := int(p.bodies.limit())
	for _, tt := range []struct {
		name    string
		size    int
		claimed bool
	}{{"small", 100, false}, {"just", limit, false}, {"above", limit + 1, true}, {"huge", 25 << 20, true}} {
		e := large(t, tt.name, tt.size)
		ack, err := p.Publish(within(t, 20*time.Second), e)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		m := mustHave(t, p, ack, e)
		ref := one(m.Header, headerDataRef)
		if tt.claimed != (ref != "") || tt.claimed != (len(m.Data) == 0) || one(m.Header, "ce-whsize") != fmt.Sprint(tt.size) {
			t.Errorf("%s: %d bytes, %v", tt.name, len(m.Data), m.Header)
		}
		if want := fmt.Sprintf("nats-obj://WEBHOOKS_BODIES/%x", e.Digest); tt.claimed && ref != want {
			t.Errorf("%s: %s", tt.name, ref)
		}
		before := chunks(t, p)
		// The same again, and another event with the same bytes.
		copied := *e
		copied.IngestID = "in-copy"
		if ack, err := p.Publish(within(t, 20*time.Second), &copied); err != nil || !ack.Duplicate || ack.Conflict {
			t.Errorf("%s, again: %+v, %v", tt.name, ack, err)
		}
		copied.ID = tt.name + "-other"
		ack, err = p.Publish(within(t, 20*time.Second), &copied)
		if err != nil || ack.Duplicate {
			t.Errorf("%s, as another event: %+v, %v", tt.name, ack, err)
		}
		mustHave(t, p, ack, &copied)
		if after := chunks(t, p); after != before {
			t.Errorf("%s: the body was stored again", tt.name)
		}
		other := large(t, tt.name, tt.size)
		other.IngestID = "in-other"
		if ack, err := p.Publish(within(t, 20*time.Second), other); err != nil || !ack.Conflict {
			t.Errorf("%s, with other bytes: %+v, %v", tt.name, ack, err)
		}
		ack, err = p.Quarantine(within(t, 20*time.Second), other, gateway.Quarantine{Reason: "conflict"})
		if err != nil {
			t.Fatal(err)
		}
		mustHave(t, p, ack, other)
	}
}

// TestClaimTogether stores one body from many requests at one time.
func TestClaimTogether(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), claiming)
	e := large(t, "a", 2<<20)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			same := *e
			same.ID, same.IngestID = fmt.Sprint(i), fmt.Sprint("in-", i)
			ack, err := p.Publish(within(t, 20*time.Second), &same)
			if err != nil {
				t.Error(err)
				return
			}
			mustHave(t, p, ack, &same)
		})
	}
	wg.Wait()
	if n := chunks(t, p); n != 4 {
		t.Errorf("%d chunks, want 4", n)
	}
}

func TestClaimFails(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	p := ready(t, h.server.ClientURL(), func(c *Config) {
		claiming(c)
		c.Bodies.MaxBytes = 3 << 20
		c.AttemptTimeout = 500 * time.Millisecond
	})
	if _, err := p.Publish(within(t, 10*time.Second), large(t, "fits", 2<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(within(t, 10*time.Second), large(t, "full", 2<<20)); !errors.Is(err, gateway.ErrFull) {
		t.Errorf("a full bucket: %v", err)
	}
	if n := stored(t, p, "WEBHOOKS"); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := chunks(t, p); n != 4 {
		t.Errorf("%d chunks, want the 4 of the body that is stored", n)
	}
	// The same body fits no better now, though a part of it was stored.
	if err := p.js.DeleteObjectStore(t.Context(), "WEBHOOKS_BODIES"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Publish(within(t, 3*time.Second), large(t, "no bucket", 2<<20)); !errors.Is(err, gateway.ErrRefused) {
		t.Errorf("no bucket: %v", err)
	}
	h.stop()
	if _, err := p.Publish(within(t, time.Second), large(t, "away", 2<<20)); !errors.Is(err, gateway.ErrNotReady) && !errors.Is(err, gateway.ErrTimeout) {
		t.Errorf("no server: %v", err)
	}
	if n := p.Pending(); n != 0 {
		t.Errorf("%d events are still pending", n)
	}
}

// TestClaimAgain stores a body again that does not live long enough.
func TestClaimAgain(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), func(c *Config) {
		claiming(c)
		c.Bodies.Keep = c.Bodies.TTL - 300*time.Millisecond
	})
	e := large(t, "1", 2<<20)
	if _, err := p.Publish(within(t, 10*time.Second), e); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	e.ID = "2"
	ack, err := p.Publish(within(t, 10*time.Second), e)
	if err != nil {
		t.Fatal(err)
	}
	mustHave(t, p, ack, e)
	if n := chunks(t, p); n != 8 {
		t.Errorf("%d chunks, want both copies: somebody may be reading the first", n)
	}
}

// TestClaimCut: a put that did not come to its end has stored no body.
func TestClaimCut(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), func(c *Config) { claiming(c); c.AttemptTimeout = time.Second })
	e := large(t, "1", 4<<20)
	proxy.swallow(true) // nothing of the server's answers arrives
	if _, err := p.Publish(within(t, time.Second), e); !errors.Is(err, gateway.ErrTimeout) && !errors.Is(err, gateway.ErrNotReady) {
		t.Errorf("%v", err)
	}
	proxy.swallow(false)
	var ack gateway.Ack
	checkFor(t, 20*time.Second, func() (err error) {
		ack, err = p.Publish(within(t, 5*time.Second), e)
		return err
	})
	mustHave(t, p, ack, e)
}

func TestBodyMistakes(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), claiming)
	e := large(t, "1", 2<<20)
	ack, err := p.Publish(within(t, 10*time.Second), e)
	if err != nil {
		t.Fatal(err)
	}
	h := mustHave(t, p, ack, e).Header
	for _, tt := range []struct{ name, ref, sum string }{
		{"another scheme", "https://example.com/body", ""},
		{"no name", "nats-obj://WEBHOOKS_BODIES", ""},
		{"another bucket", "nats-obj://OTHERS/" + strings.Repeat("0", 64), ""},
		{"another body", "nats-obj://WEBHOOKS_BODIES/" + strings.Repeat("0", 64), ""},
		{"another hash", "", strings.Repeat("0", 64)},
	} {
		header := map[string][]string{headerDataRef: h[headerDataRef], headerDigest: h[headerDigest]}
		if tt.ref != "" {
			header[headerDataRef] = []string{tt.ref}
		}
		if tt.sum != "" {
			header[headerDigest] = []string{tt.sum}
		}
		if _, err := Body(t.Context(), p.js, header, nil); !errors.Is(err, ErrBody) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if body, err := Body(t.Context(), p.js, nil, []byte("x")); err != nil || string(body) != "x" {
		t.Errorf("without a reference: %q, %v", body, err)
	}
}

func TestClaimPreflight(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	p := newPublisher(t, url, func(c *Config) { claiming(c); c.Bodies.Create = false })
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Warning, "no bucket", "nats object add WEBHOOKS_BODIES --storage file --replicas 1 --ttl 48h0m0s")
	ready(t, url, claiming) // makes it
	p = newPublisher(t, url, func(c *Config) { claiming(c); c.Bodies.Keep = 72 * time.Hour })
	if found, err = p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Warning, "bodies end after 48h0m0s", "--max-age")
	denied := runServer(t, t.TempDir(), 0, deny("$JS.API.STREAM.CREATE.OBJ_WEBHOOKS_BODIES"))
	p = newPublisher(t, denied.ClientURL(), claiming)
	if found, err = p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Warning, "may not create it", "nats object add")
}

// TestSpoolClaims forwards a large body into the cluster's object store, in its
// order.
func TestSpoolClaims(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), claiming)
	l := local(t, runServer(t, t.TempDir(), 0, func(o *server.Options) { o.MaxPayload = 32 << 20; o.MaxPending = 128 << 20 }).ClientURL())
	s := newSpool(t, l, nil, nil)
	var list []*gateway.Event
	for i := range 30 {
		e := of("a", fmt.Sprint(i), "{}")
		if i%10 == 3 {
			e = large(t, fmt.Sprint(i), 3<<20)
			e.Source = "a"
		}
		e.IngestID = fmt.Sprint("in-", i)
		mustKeep(t, s.With(SpoolOnOutage), e, true)
		list = append(list, e)
	}
	s.SetRemote(remote)
	drained(t, s)
	for i, e := range list {
		mustHave(t, remote, gateway.Ack{Stream: "WEBHOOKS", Sequence: uint64(i + 1)}, e)
	}
	direct := large(t, "direct", 3<<20)
	direct.Source = "a"
	mustHave(t, remote, mustKeep(t, s.With(SpoolOnOutage), direct, false), direct)
}

// TestClaimMemory says what a claim of the largest body needs besides the body.
func TestClaimMemory(t *testing.T) {
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), claiming)
	e := large(t, "1", 25<<20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				peak <- most
				return
			default:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
				time.Sleep(time.Millisecond)
			}
		}
	}()
	if _, err := p.Publish(within(t, 20*time.Second), e); err != nil {
		t.Fatal(err)
	}
	close(stop)
	most := <-peak
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("heap %d MiB before, at most %d MiB; %d MiB allocated, by the server too", before.HeapInuse>>20, most>>20, allocated>>20)
	// The server, which is in this process, reads every chunk into a buffer and
	// copies it into its store's: that makes two.
	if allocated > 3*25<<20 {
		t.Errorf("%d MiB were allocated: there is a copy of the body more", allocated>>20)
	}
}
