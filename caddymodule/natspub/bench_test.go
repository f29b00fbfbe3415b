package natspub

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

// BenchmarkPublish is one event of 1 KiB, from Publish to its Ack, with as many
// others waiting at the same time as the name says: each synced alone, with group
// commit, with group commit staged in memory as the gateway does it, and synced
// now and then.
func BenchmarkPublish(b *testing.B) {
	for _, mode := range []struct {
		name         string
		interval     time.Duration
		group, stage bool
	}{{"always", 0, false, false}, {"group", 0, true, false}, {"staged", 0, true, true}, {"interval", 2 * time.Minute, false, false}} {
		for _, waiting := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, waiting), func(b *testing.B) {
				s, err := natsembed.Start(natsembed.Config{StoreDir: b.TempDir(), SyncInterval: mode.interval})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = s.Shutdown(b.Context()) }()
				if err := s.WaitReady(b.Context()); err != nil {
					b.Fatal(err)
				}
				nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(s.Credentials()))
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				cfg := testStreams
				cfg.Conn, cfg.Embedded, cfg.SyncAlways, cfg.NoGroupCommit = nc, true, mode.interval == 0, !mode.group
				if mode.stage {
					cfg.Stage = s.Stage
				}
				p, err := New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				if _, err := p.Preflight(b.Context()); err != nil {
					b.Fatal(err)
				}
				body := strings.Repeat("x", 1024)
				var n atomic.Int64
				b.SetParallelism(max(waiting/runtime.GOMAXPROCS(0), 1))
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := p.Publish(b.Context(), testEvent(fmt.Sprint(n.Add(1)), body)); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
