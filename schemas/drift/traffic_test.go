package drift_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// shop makes events as a shop might send them: with ids as keys, fields that are
// mostly absent or null, texts, times, and values that are rare.
type shop struct{ r *rand.Rand }

func (s *shop) number(n int) json.Number { return json.Number(strconv.Itoa(s.r.IntN(n))) }

func (s *shop) text(n int) string {
	t := ""
	for range 1 + s.r.IntN(n) {
		t += words(s.r.IntN(1<<20)) + " "
	}
	return t
}

func (s *shop) key(prefix string) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	b := []byte(prefix)
	for range 14 {
		b = append(b, letters[s.r.IntN(len(letters))])
	}
	return string(b)
}

func (s *shop) often(percent float64) bool { return s.r.Float64()*100 < percent }

func (s *shop) one(list ...string) string { return list[s.r.IntN(len(list))] }

func (s *shop) when(at time.Time) string {
	return at.Add(-time.Duration(s.r.IntN(1e9))).Format(time.RFC3339Nano)
}

func (s *shop) eventType() string {
	switch n := s.r.IntN(1000); {
	case n < 5:
		return "refund.created"
	case n < 20:
		return "order.cancelled"
	case n < 300:
		return "order.paid"
	case n < 600:
		return "cart.updated"
	}
	return "order.created"
}

func (s *shop) payload(typ string, at time.Time) map[string]any {
	order := map[string]any{
		"id": s.key("ord_"), "created_at": s.when(at), "note": nil, "total": s.number(1e6), "currency": s.one("EUR", "USD"),
		"status": s.one("open", "paid", "shipped"), "gateway": s.one("card", "invoice"), "customer": s.customer(),
		"metadata": map[string]any{words(s.r.IntN(1 << 20)): s.text(2)},
		"stock":    map[string]any{s.number(1 << 30).String(): s.number(9), s.key("wh_"): s.number(9)},
		"seen":     map[string]any{at.Format(time.DateOnly): map[string]any{"views": s.number(9)}},
		"carts":    map[string]any{fmt.Sprintf("%08x-%04x-4000-8000-%012x", s.r.Uint32(), s.r.IntN(1<<16), s.r.Uint32()): nil},
		"by_email": map[string]any{words(s.r.IntN(1<<20)) + "@example.com": true},
		"by_user":  map[string]any{words(s.r.IntN(1 << 20)): s.number(5)},
		"lines":    s.lines(),
	}
	for i := range 20 { // that come with one in a hundred
		if s.often(1) {
			order[fmt.Sprintf("rare_%c", 'a'+i)] = map[string]any{"reason": s.one("gift", "sample"), "at": s.when(at), "text": s.text(6)}
		}
	}
	if s.often(2) {
		order["note"] = s.text(12)
	}
	if s.often(1) {
		order["status"] = "disputed"
	}
	return map[string]any{"id": s.key("evt_"), "type": typ, "sent_at": s.when(at), "livemode": true, "data": map[string]any{"object": order}}
}

func (s *shop) customer() any {
	if s.often(3) {
		return nil
	}
	c := map[string]any{
		"name": s.one("Octavia", "Hugo", "Ines"), "login": s.one("octavia", "hugo") + words(s.r.IntN(3)), "email": s.text(1), "tags": []any{},
		"address": map[string]any{"state": s.one("CA", "NY", "TX", "WA", words(s.r.IntN(20))), "postal_code": s.number(99999)},
	}
	if s.often(20) {
		c["tags"] = []any{s.text(1), s.text(1)}
	}
	return c
}

func (s *shop) lines() []any {
	var list []any
	for range s.r.IntN(5) {
		line := map[string]any{"sku": s.key("sku_"), "quantity": s.number(9), "type": s.one("item", "item", "item", "shipping"), "title": s.text(4), "discount": nil}
		if s.often(5) {
			line["discount"] = map[string]any{"code": s.key(""), "percent": s.number(50)}
		}
		list = append(list, line)
	}
	return list
}

// TestStableTraffic sends 100 000 events over two months in which nothing changes,
// with restarts in between, and then what is new.
func TestStableTraffic(t *testing.T) {
	t.Parallel()
	seeds, _ := strconv.Atoi(os.Getenv("DRIFT_SEEDS")) // more than one to see how often it is wrong
	for seed := range uint64(max(seeds, 1)) {
		s, tracker, at := &shop{rand.New(rand.NewPCG(seed, 1))}, drift.New(drift.Config{}), begin
		for i := range stableEvents {
			at = at.Add(60 * 24 * time.Hour / stableEvents)
			typ := s.eventType()
			for _, f := range tracker.Observe(typ, fmt.Sprint(i), at, s.payload(typ, at)) {
				t.Errorf("seed %d, event %d: %s", seed, i, describe(f))
			}
			if (i+1)%(stableEvents/4) == 0 {
				data, err := tracker.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				tracker = drift.New(drift.Config{})
				if err := tracker.Restore(data); err != nil {
					t.Fatal(err)
				}
				t.Logf("%d events: a snapshot of %d bytes", i+1, len(data))
			}
		}
		rep := tracker.Report()
		t.Logf("seed %d: %d of %d types learned, %d places, %d bytes", seed, rep.LearnedTypes, rep.EventTypes, rep.Places, rep.Bytes)
		var got []string
		changed := s.payload("order.created", at)
		order := changed["data"].(map[string]any)["object"].(map[string]any)
		order["rare_a"] = map[string]any{"reason": "gift", "at": s.when(at), "text": "x", "by": "y"}
		order["lines"] = []any{map[string]any{"sku": "x", "quantity": "9", "type": "fee", "title": "y", "discount": nil}}
		order["status"] = "on_hold"
		order["seen"] = map[string]any{"2031-01-01": map[string]any{"views": json.Number("1"), "clicks": json.Number("1")}}
		delete(order, "currency")
		for _, f := range tracker.Observe("order.created", "x", at, changed) {
			got = append(got, describe(f))
		}
		l := &lab{t: t}
		l.want(got, "missing order.created/data/object/currency", "type order.created/data/object/lines/-/quantity number → string",
			"value order.created/data/object/lines/-/type fee", "field order.created/data/object/rare_a/by",
			"field order.created/data/object/seen/*/clicks", "value order.created/data/object/status on_hold")
	}
}
