package caddymodule

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
