package natspub

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// ofTenant is an event of a tenant, whose id others may have as well.
func ofTenant(tenant, source, id, body string) *gateway.Event {
	e := of(source, id, body)
	e.Tenant, e.IngestID = tenant, "in-"+tenant+"-"+source+"-"+id
	return e
}

// TestSpoolOfTenants has one tenant fill the spool, from many sources and with
// large and small events, and looks what others get.
func TestSpoolOfTenants(t *testing.T) {
	t.Parallel()
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	const room = 2_000_000
	s := newSpool(t, l, nil, func(c *SpoolConfig) { c.MaxBytes = room })
	p := s.With(SpoolOnOutage)
	// fill returns how many bytes a tenant gets into the spool.
	fill := func(tenant string, sources, size int) (bytes int64) {
		t.Helper()
		for source := range sources {
			for i := 0; ; i++ {
				e := ofTenant(tenant, fmt.Sprintf("s%d", source), strconv.Itoa(i), strings.Repeat("x", size))
				_, err := p.Publish(within(t, 10*time.Second), e)
				if errors.Is(err, gateway.ErrFull) {
					break
				}
				if err != nil {
					t.Fatal(tenant, source, i, err)
				}
				bytes += l.message(e).size()
			}
		}
		return bytes
	}
	flood := fill("flooder", 12, 20_000)
	if flood += fill("flooder", 12, 1000); flood < room/2 || flood > room*8/9 {
		t.Errorf("one tenant got %d of %d bytes, want up to eight ninths", flood, room)
	}
	// The next get of the rest what the first got of all, whatever their sources.
	if got := fill("second", 1, 1000); got < room/9/2 {
		t.Errorf("the second tenant got %d bytes", got)
	}
	if got := fill("third", 3, 100); got < room/81/2 {
		t.Errorf("the third tenant got %d bytes", got)
	}
	// Quarantine is of the same room: it is no way around.
	e := ofTenant("flooder", "other", "q", strings.Repeat("x", 20_000))
	if _, err := p.Quarantine(within(t, 10*time.Second), e, gateway.Quarantine{Reason: "schema"}); !errors.Is(err, gateway.ErrFull) {
		t.Errorf("quarantine for the flooder: %v", err)
	}
	if st := s.Status(); st.Bytes > room {
		t.Errorf("%+v", st)
	}
	// What is counted is what there is, and what it gives back it gives to all.
	before := s.Status()
	if err := s.recount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := s.Status(); after.Events != before.Events {
		t.Errorf("recounted: %+v, before: %+v", after, before)
	}
	s.SetRemote(ready(t, newHub(t).server.ClientURL(), nil))
	st := drained(t, s)
	s.mu.Lock()
	shares, tenants := len(s.shares), len(s.tenants)
	s.mu.Unlock()
	if st.Bytes != 0 || shares != 0 || tenants != 0 {
		t.Errorf("after all was forwarded: %+v, %d shares, %d tenants", st, shares, tenants)
	}
}

// TestSpoolTenantsShareIDs has the same ids of the same source under several
// tenants, kept and directly, in turn: each tenant's are its own, once and in its
// order.
func TestSpoolTenantsShareIDs(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	remote := ready(t, h.server.ClientURL(), nil)
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, remote, nil)
	p := s.With(SpoolOnOutage)
	tenants := []string{"acme", "ACME", "acme_", "globex"}
	const events = 60
	send := func(from, to int, spooled bool) {
		t.Helper()
		var senders sync.WaitGroup
		for _, tenant := range tenants {
			senders.Go(func() {
				for i := from; i < to; i++ {
					e := ofTenant(tenant, "shop", strconv.Itoa(i), fmt.Sprintf(`{"of":%q}`, tenant))
					ack, err := p.Publish(within(t, 10*time.Second), e)
					if err != nil || ack.Duplicate || ack.Conflict || ack.Spooled != spooled {
						t.Errorf("%s %d: %+v %v", tenant, i, ack, err)
						return
					}
					// The sender's retry is a duplicate, and of its own event.
					again := ofTenant(tenant, "shop", strconv.Itoa(i), fmt.Sprintf(`{"of":%q}`, tenant))
					again.IngestID += "-again"
					if ack, err := p.Publish(within(t, 10*time.Second), again); err != nil || !ack.Duplicate || ack.Conflict {
						t.Errorf("%s %d again: %+v %v", tenant, i, ack, err)
						return
					}
				}
			})
		}
		senders.Wait()
	}
	send(0, events/3, false)
	h.stop()
	checkFor(t, 10*time.Second, func() error {
		if remote.Ready() == nil {
			return errors.New("still connected")
		}
		return nil
	})
	send(events/3, events, true)
	h.start()
	st := drained(t, s)
	if st.Conflicts > 0 || st.Duplicates > 0 || st.Forwarded != uint64(len(tenants)*events*2/3) {
		t.Errorf("%+v", st)
	}
	if n := stored(t, remote, "WEBHOOKS_QUARANTINE"); n != 0 {
		t.Errorf("%d events in quarantine", n)
	}
	var want []string
	for i := range events {
		want = append(want, strconv.Itoa(i))
	}
	got := byTenant(t, remote)
	for _, tenant := range tenants {
		if !slices.Equal(got[tenant+"/shop"], want) {
			t.Errorf("of %s: %v", tenant, got[tenant+"/shop"])
		}
	}
}

// byTenant returns the ids in the stream, in their order, by tenant and source.
func byTenant(t *testing.T, p *Publisher) map[string][]string {
	t.Helper()
	js, err := p.js.Stream(t.Context(), "WEBHOOKS")
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
		if want := "wh.v1." + h["ce-whtenant"][0] + "."; !strings.HasPrefix(m.Subject(), want) {
			t.Errorf("%s has the subject %s", h["ce-whtenant"][0], m.Subject())
		}
		name := h["ce-whtenant"][0] + "/" + h["ce-whsource"][0]
		list[name] = append(list[name], h["ce-id"][0])
	}
	return list
}
