package natspub

import (
	"fmt"
	"net/http"
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

// TestPartitionIsThatOfNATS: the partition of a key is the one that a server's
// subject mapping gives it, so that what the gateway and NATS divide fits
// together.
func TestPartitionIsThatOfNATS(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStream = false })
	account, err := s.LookupAccount("$G")
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{2, 3, 7, 16, 100, 1024}
	for _, n := range sizes {
		if err := account.AddMapping(fmt.Sprintf("keys.%d.*", n), fmt.Sprintf("mapped.%d.{{wildcard(1)}}.{{partition(%d,1)}}", n, n)); err != nil {
			t.Fatal(err)
		}
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync("mapped.>")
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"a", "cus_9aB", "octo-org=2Frepo", "ключ", strings.Repeat("k", 512)}
	for i := range 200 {
		keys = append(keys, fmt.Sprintf("key-%d", i*i))
	}
	for _, n := range sizes {
		used := map[int]bool{}
		for _, key := range keys {
			if err := nc.Publish(fmt.Sprintf("keys.%d.%s", n, key), nil); err != nil {
				t.Fatal(err)
			}
			m, err := sub.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			used[Partition(key, n)] = true
			if want := fmt.Sprintf("mapped.%d.%s.%d", n, key, Partition(key, n)); m.Subject != want {
				t.Errorf("NATS says %s, want %s", m.Subject, want)
			}
		}
		if n <= 16 && len(used) != n {
			t.Errorf("%d of %d partitions are used", len(used), n)
		}
	}
}

func TestPartitionSubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key, want, header string
		n                       int
	}{
		{"none", "cus_1", "wh.v1.acme.billing.invoice.paid", "", 0},
		{"by the key", "cus_1", fmt.Sprintf("wh.v1.acme.billing.%d.invoice.paid", Partition("cus_1", 16)), fmt.Sprintf("%d/16", Partition("cus_1", 16)), 16},
		{"by the id", "", fmt.Sprintf("wh.v1.acme.billing.%d.invoice.paid", Partition("evt_1", 4)), fmt.Sprintf("%d/4", Partition("evt_1", 4)), 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := testEvent("evt_1", "{}")
			e.OrderKey, e.Partitions = tt.key, tt.n
			if got := Subject(e); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := one(headers(e, "id", "S"), headerPartition); got != tt.header {
				t.Errorf("got %q, want %q", got, tt.header)
			}
		})
	}
}

// TestPartitionedConsumers is the recipe of the documentation: a consumer for each
// partition, one event at a time, side by side. Each key is handled in the order
// of the stream, and each event once.
func TestPartitionedConsumers(t *testing.T) {
	t.Parallel()
	const n, keys, each = 4, 20, 10
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false })
	p := ready(t, s.ClientURL(), nil)
	for i := range each {
		for k := range keys {
			e := testEvent(fmt.Sprintf("evt_%d_%d", k, i), "{}")
			e.OrderKey, e.Partitions = fmt.Sprintf("customer/%d", k), n
			e.Type = []string{"invoice.paid", "a", "customer.subscription.created.v2", ""}[i%4] // of any length
			if _, err := p.Publish(within(t, 20*time.Second), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	var mu sync.Mutex
	got := map[string][]string{} // by key
	by := map[string]int{}       // the partition of a key
	var readers sync.WaitGroup
	for i := range n {
		c, err := p.js.CreateConsumer(t.Context(), "WEBHOOKS", jetstream.ConsumerConfig{
			Durable: fmt.Sprintf("worker-%d", i), FilterSubject: fmt.Sprintf("wh.v1.acme.billing.%d.>", i),
			AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() {
			for left := int(c.CachedInfo().NumPending); left > 0; left-- {
				m, err := c.Next(jetstream.FetchMaxWait(20 * time.Second))
				if err != nil {
					t.Error(err)
					return
				}
				key := m.Headers().Get("ce-partitionkey")
				mu.Lock()
				if other, known := by[key]; known && other != i {
					t.Errorf("%s is in the partitions %d and %d", key, other, i)
				}
				by[key] = i
				got[key] = append(got[key], m.Headers().Get("ce-id"))
				mu.Unlock()
				if err := m.DoubleAck(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
	for k := range keys {
		var want []string
		for i := range each {
			want = append(want, fmt.Sprintf("evt_%d_%d", k, i))
		}
		if key := fmt.Sprintf("customer/%d", k); !slices.Equal(got[key], want) {
			t.Errorf("%s: got %v, want %v", key, got[key], want)
		}
	}
}

// TestReplayOfPartitions: the type is found behind the partition.
func TestReplayOfPartitions(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false })
	p := ready(t, s.ClientURL(), nil)
	for i := range 8 {
		e := replayEvent(i)
		e.Tenant, e.OrderKey, e.Partitions = "acme", strconv.Itoa(i), 3
		if _, err := p.Publish(within(t, 20*time.Second), e); err != nil {
			t.Fatal(err)
		}
	}
	r := newReplayer(t, p, nil)
	plan, err := r.Plan(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", Types: []string{"user/created"}})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Events != 2 { // 2 and 5
		t.Errorf("got %d events, want 2", plan.Events)
	}
}

// TestPartitionsInQuarantine: what is released goes into its partition, and the
// type of what a spool has put aside is found behind it.
func TestPartitionsInQuarantine(t *testing.T) {
	t.Parallel()
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), nil)
	e := testEvent("evt_1", `{"n":1}`)
	e.OrderKey, e.Partitions = "cus_1", 16
	e.Header = http.Header{}
	q := NewQuarantine(p)
	for i, m := range []*message{
		p.aside(e, gateway.Quarantine{Reason: "schema", Request: keptRequest()}),
		p.conflict(p.message(e), spoolKey{"WEBHOOKS", "acme", "billing"}),
	} {
		if _, err := p.store(within(t, 20*time.Second), m); err != nil {
			t.Fatal(err)
		}
		k, err := q.Get(within(t, 20*time.Second), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Subject(&k.Event), Subject(e); got != want {
			t.Errorf("%s: got %s, want %s", k.Reason, got, want)
		}
	}
}
