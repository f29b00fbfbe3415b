package natspub

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// BenchmarkPublish is one event of 1 KiB, from Publish to its Ack, with as many
// others waiting at the same time as the name says.
func BenchmarkPublish(b *testing.B) {
	for _, mode := range []struct {
		name        string
		sync, group bool
	}{{"always", true, false}, {"group", true, true}, {"interval", false, false}} {
		sync := mode.sync
		for _, waiting := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, waiting), func(b *testing.B) {
				s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: b.TempDir(), NoLog: true, NoSigs: true, SyncAlways: sync})
				if err != nil {
					b.Fatal(err)
				}
				go s.Start()
				defer s.WaitForShutdown()
				defer s.Shutdown()
				if !s.ReadyForConnections(20 * time.Second) {
					b.Fatal("the server is not ready")
				}
				nc, err := Connect(ConnectConfig{InProcess: s})
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				cfg := testStreams
				cfg.Conn, cfg.Embedded, cfg.SyncAlways, cfg.NoGroupCommit = nc, true, sync, !mode.group
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
