package drift_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// order is a payload of about 3 kB and 150 values.
func order(tb testing.TB) []byte {
	tb.Helper()
	s := &shop{rand.New(rand.NewPCG(1, 1))}
	p := s.payload("order.created", begin)
	list := make([]any, 0, 12)
	for range 12 {
		list = append(list, map[string]any{"sku": s.key("sku_"), "quantity": s.number(9), "type": "item", "title": s.text(4), "discount": nil})
	}
	p["data"].(map[string]any)["object"].(map[string]any)["lines"] = list
	data, err := json.Marshal(p)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func learned(tb testing.TB, payload any) *drift.Tracker {
	tb.Helper()
	tracker := drift.New(drift.Config{Events: 20, Age: -1})
	for i := range 100 {
		tracker.Observe("order.created", "x", begin.Add(time.Duration(i)*time.Second), payload)
	}
	return tracker
}

func TestNoAllocations(t *testing.T) {
	payload := decode(t, string(order(t)))
	tracker := learned(t, payload)
	if n := testing.AllocsPerRun(100, func() { tracker.Observe("order.created", "x", begin, payload) }); n != 0 {
		t.Errorf("%v allocations for a payload with nothing new", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	data := order(b)
	payload := decode(b, string(data))
	b.Run("known", func(b *testing.B) {
		tracker := learned(b, payload)
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			tracker.Observe("order.created", "x", begin, payload)
		}
	})
	b.Run("known/parallel", func(b *testing.B) {
		tracker := learned(b, payload)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				tracker.Observe("order.created", "x", begin, payload)
			}
		})
	})
	b.Run("reported", func(b *testing.B) {
		tracker := learned(b, payload)
		other := clone(payload).(map[string]any)
		other["new"] = 1
		b.ReportAllocs()
		for b.Loop() {
			tracker.Observe("order.created", "x", begin, other)
		}
	})
	b.Run("learning", func(b *testing.B) {
		tracker := drift.New(drift.Config{Events: 1 << 40})
		b.ReportAllocs()
		for b.Loop() {
			tracker.Observe("order.created", "x", begin, payload)
		}
	})
	b.Run("learning/parallel", func(b *testing.B) {
		tracker := drift.New(drift.Config{Events: 1 << 40})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				tracker.Observe("order.created", "x", begin, payload)
			}
		})
	})
	b.Run("decoding the JSON", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(strings.NewReader(string(data)))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestParallel sends from many sides at once: what is new is found, by one of them,
// although what only counts may be left out.
func TestParallel(t *testing.T) {
	t.Parallel()
	payload := decode(t, string(order(t)))
	tracker := drift.New(drift.Config{Events: 50, Age: -1})
	const senders, rounds = 8, 400
	for range 10 {
		tracker.Observe("order.created", "x", begin, payload)
	}
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for range rounds {
				tracker.Observe("order.created", "x", begin, payload)
			}
		})
	}
	wg.Wait()
	var found atomic.Int64
	for i := range senders {
		wg.Go(func() {
			for j := range 100 {
				other := clone(payload).(map[string]any)
				other[fmt.Sprintf("new_%c", 'a'+j%7)] = j
				found.Add(int64(len(tracker.Observe("order.created", fmt.Sprint(i), begin, other))))
				if j%50 == 0 {
					tracker.Report()
					if _, err := tracker.Snapshot(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	rep := tracker.Report()
	if found.Load() != 7 || len(rep.Findings) != 7 {
		t.Errorf("%d were found, and %v", found.Load(), rep.Findings)
	}
	for _, f := range rep.Findings {
		want := uint64(senders * 14)
		if f.Path < "/new_c" {
			want = senders * 15
		}
		if f.Count != want {
			t.Errorf("%s was counted %d times, want %d", describe(f), f.Count, want)
		}
	}
}
