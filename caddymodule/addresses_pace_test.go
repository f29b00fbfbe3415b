package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
)

// TestAddressListRetries: a host that fails is asked again soon, and then less and less
// often, with some randomness; what is being waited for ends with the list.
func TestAddressListRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked []time.Time
		cfg := defaultAddressListConfig
		cfg.fetcher = keyfetch.Config{Dial: func(context.Context, string, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, time.Now())
			return nil, errors.New("down")
		}}
		l := newPublishedList(verifiers.AddressList{URL: "https://example.com/ips"}, "a", cfg)
		l.run(&listUse{log: slog.New(slog.DiscardHandler)})
		l.run(&listUse{log: slog.New(slog.DiscardHandler)}) // of another configuration
		time.Sleep(time.Hour)
		synctest.Wait()
		start := time.Now()
		if err := l.Destruct(); err != nil || time.Since(start) != 0 {
			t.Errorf("ending: got %v after %v", err, time.Since(start))
		}
		least := []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 320 * time.Second, 600 * time.Second, 600 * time.Second}
		if len(asked) < len(least)+1 || l.failed.Load() != uint64(len(asked)) {
			t.Fatalf("got %d attempts and %d failures, want at least %d", len(asked), l.failed.Load(), len(least)+1)
		}
		for i, want := range least {
			if d := asked[i+1].Sub(asked[i]); d < want || d > want+want/10 {
				t.Errorf("attempt %d: got it after %v, want %v to a tenth more", i+2, d, want)
			}
		}
	})
}

// TestListsOfOneSender: who is on any of them is permitted, and others only refused when
// all are known.
func TestListsOfOneSender(t *testing.T) {
	t.Parallel()
	list := func(prefixes ...string) *publishedList {
		l := &publishedList{}
		if len(prefixes) > 0 {
			k := &knownAddresses{}
			for _, p := range prefixes {
				k.prefixes = append(k.prefixes, netip.MustParsePrefix(p))
			}
			l.known.Store(k)
		}
		return l
	}
	live, sandbox, unknown := list("192.0.2.0/24", "2001:db8::/32"), list("198.51.100.1/32"), list()
	for _, tt := range []struct {
		lists         publishedLists
		addr          string
		listed, known bool
	}{
		{publishedLists{live, sandbox}, "192.0.2.1", true, true},
		{publishedLists{live, sandbox}, "198.51.100.1", true, true},
		{publishedLists{live, sandbox}, "198.51.100.2", false, true},
		{publishedLists{live, unknown}, "2001:db8::1", true, true},
		{publishedLists{unknown, live}, "192.0.2.1", true, true},
		{publishedLists{live, unknown}, "198.51.100.1", false, false},
		{publishedLists{unknown}, "192.0.2.1", false, false},
	} {
		if listed, known := tt.lists.Lists(netip.MustParseAddr(tt.addr)); listed != tt.listed || known != tt.known {
			t.Errorf("%s: got %v, %v, want %v, %v", tt.addr, listed, known, tt.listed, tt.known)
		}
	}
}

// TestAddressListMetrics: two descriptions of one list, as there are while a reload
// changes one, do not keep the metrics from being read.
func TestAddressListMetrics(t *testing.T) {
	known := func(n int, fetched time.Time) *knownAddresses {
		return &knownAddresses{prefixes: make([]netip.Prefix, n), fetched: fetched}
	}
	for i, k := range []*knownAddresses{nil, known(2, time.Unix(2000, 0)), known(1, time.Unix(1000, 0))} {
		from := verifiers.AddressList{URL: "https://example.com/metrics.json", Pointers: []string{"/a"}, MaxBytes: int64(1000 + i)}
		key := addressListKey(fmt.Sprint("metrics", i))
		_, _, err := addressLists.LoadOrNew(key, func() (caddy.Destructor, error) {
			l := newPublishedList(from, key, defaultAddressListConfig)
			l.known.Store(k)
			return l, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = addressLists.Delete(key) })
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(addressListMetrics{})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "caddy_webhooks_address_list_addresses" && strings.Contains(m.GetLabel()[0].GetValue(), "metrics.json") && m.GetGauge().GetValue() != 2 {
				t.Errorf("got %v, want those of the newest", m)
			}
		}
	}
}
