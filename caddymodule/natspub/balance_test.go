package natspub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestLevel compares with what it has to be, for sizes at random: all that fits,
// as much as possible, and nobody cut who has no more than the others.
func TestLevel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		sizes := make([]int64, 1+random.IntN(8))
		var all int64
		for i := range sizes {
			sizes[i] = random.Int64N(1000)
			all += sizes[i]
		}
		room := random.Int64N(4000)
		most := level(slices.Clone(sizes), room)
		var got int64
		for _, size := range sizes {
			got += min(size, most)
		}
		if got > room || all <= room && got != all || all > room && got < room-int64(len(sizes)) {
			t.Fatalf("sizes %v, room %d: level %d, which comes to %d", sizes, room, most, got)
		}
	}
	if got := level([]int64{5}, -3); got != 0 {
		t.Errorf("without room: %d", got)
	}
}

// TestQuarantineBalance floods the quarantine for one tenant, from one of its
// sources, and looks what is left to everybody.
func TestQuarantineBalance(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false })
	const most = 4 << 20
	p := ready(t, s.ClientURL(), func(c *Config) { c.Quarantine.MaxBytes = most })
	ctx := within(t, time.Minute)
	q := NewQuarantine(p)
	next := 0
	put := func(tenant, source, reason string, events, size int) {
		t.Helper()
		for range events {
			next++
			e := ofTenant(tenant, source, fmt.Sprint(next), strings.Repeat("x", size))
			if _, err := p.Quarantine(ctx, e, gateway.Quarantine{Reason: reason, Request: keptRequest()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	status := func() QuarantineStatus {
		t.Helper()
		st, err := q.Status(ctx, true)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	count := func(tenant, source string) (n int) {
		t.Helper()
		for from := uint64(1); ; {
			k, err := q.Next(ctx, from, KeptFilter{Tenant: tenant, Source: source})
			if errors.Is(err, ErrNoEntry) {
				return n
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			from = k.Sequence + 1
		}
	}
	// Few and large, many and small, of two kinds, and samples.
	put("globex", "shop", "schema", 6, 50_000)
	put("initech", "shop", "schema", 100, 100)
	put("acme", "calm", "conflict", 20, 1000)
	put("acme", "calm", SignatureReason, 20, 1000)
	if list, err := q.Balance(ctx); err != nil || len(list) > 0 {
		t.Fatalf("there is room: %v %v", list, err)
	}
	for round := range 6 {
		for status().Bytes < most/100*balanceAt {
			put("acme", "flood", "schema", 25, 1000)
			put("acme", "flood", "no_id", 25, 300)
		}
		list, err := q.Balance(ctx)
		if err != nil || len(list) != 1 || list[0].Tenant != "acme" || list[0].Source != "flood" || list[0].Events == 0 {
			t.Fatalf("%d: %+v %v", round, list, err)
		}
		if st := status(); st.Bytes > most/100*(balanceTo+3) || st.Bytes < most/100*(balanceTo-8) {
			t.Errorf("%d: %d of %d bytes are left", round, st.Bytes, most)
		}
		if list, err := q.Balance(ctx); err != nil || len(list) > 0 {
			t.Errorf("%d: again: %+v %v", round, list, err)
		}
	}
	for _, want := range []struct {
		tenant, source string
		events         int
	}{{"globex", "shop", 6}, {"initech", "shop", 100}, {"acme", "calm", 40}} {
		if got := count(want.tenant, want.source); got != want.events {
			t.Errorf("%s/%s has %d events, want all %d", want.tenant, want.source, got, want.events)
		}
	}
	// The oldest of each kind went.
	newest, err := p.js.Stream(ctx, p.cfg.Quarantine.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"schema", "no_id"} {
		if m, err := newest.GetLastMsgForSubject(ctx, QuarantineRoot+".acme.flood."+kind); err != nil || m.Sequence < newest.CachedInfo().State.LastSeq-60 {
			t.Errorf("%s: the last is %+v, %v", kind, m, err)
		}
	}
}

// TestQuarantineBalanceAlone: where there is only one source nobody is to be
// protected from it, and the server makes room when it has to.
func TestQuarantineBalanceAlone(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false })
	const most = 1 << 20
	p := ready(t, s.ClientURL(), func(c *Config) { c.Quarantine.MaxBytes = most })
	ctx := within(t, 20*time.Second)
	q := NewQuarantine(p)
	for i := 0; ; i++ {
		if _, err := p.Quarantine(ctx, of("a", fmt.Sprint(i), strings.Repeat("x", 5000)), gateway.Quarantine{Reason: "schema"}); err != nil {
			t.Fatal(err)
		}
		if st, err := q.Status(ctx, false); err != nil || st.Bytes >= most/100*balanceAt {
			break
		}
	}
	if list, err := q.Balance(ctx); err != nil || len(list) > 0 {
		t.Errorf("%+v %v", list, err)
	}
}
