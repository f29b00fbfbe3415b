package natspub

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// runCluster starts three servers that know each other.
func runCluster(t *testing.T) []*server.Server {
	t.Helper()
	servers, _ := runClusterAgain(t)
	return servers
}

// runClusterAgain also returns what starts one of them once more, on its store.
func runClusterAgain(t *testing.T) (servers []*server.Server, start func(i int)) {
	t.Helper()
	var routes []*url.URL
	var ports []int
	var dirs []string
	for range 3 {
		port := freePort(t)
		ports, dirs = append(ports, port), append(dirs, t.TempDir())
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	}
	servers = make([]*server.Server, 3)
	start = func(i int) {
		servers[i] = runServer(t, dirs[i], 0, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.Cluster = server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
			o.SyncAlways = false // what is tested is agreement
		})
	}
	for i := range servers {
		start(i)
	}
	checkFor(t, 20*time.Second, func() error {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return nil
			}
		}
		return errors.New("no leader")
	})
	return servers, start
}

// TestCluster: copies of an event that are being stored at the same time, and
// a change of the stream's leader, neither lose nor double one, and none is
// acknowledged before it is agreed on.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := runCluster(t)
	replicated := func(c *Config) {
		onlyStream(c)
		c.Stream.Replicas = 3
		c.AttemptTimeout = 500 * time.Millisecond
	}
	pubs := make([]*Publisher, 3)
	for i, s := range servers {
		pubs[i] = newPublisher(t, s.ClientURL(), replicated)
	}
	checkFor(t, 20*time.Second, func() error {
		found, err := pubs[0].Preflight(within(t, 5*time.Second))
		for _, f := range found {
			if f.Severity != Note {
				return errors.New(f.String())
			}
		}
		return err
	})

	const events, copies = 200, 6
	var fresh, duplicates, again, stepped atomic.Int64
	var wg sync.WaitGroup
	ctx := within(t, 60*time.Second)
	limit := make(chan struct{}, 48)
	for i := range events {
		for c := range copies {
			limit <- struct{}{}
			wg.Go(func() {
				defer func() { <-limit }()
				e := testEvent(fmt.Sprintf("evt_%d", i), "{}")
				e.IngestID = fmt.Sprintf("01JD%d-%d", i, c)
				for {
					ack, err := pubs[c%3].Publish(ctx, e)
					if ack.Attempts > 1 {
						again.Add(1)
					}
					switch {
					case err == nil && ack.Duplicate:
						duplicates.Add(1)
						return
					case err == nil:
						fresh.Add(1)
						return
					case ctx.Err() != nil || errors.Is(err, gateway.ErrFull) || errors.Is(err, gateway.ErrTooLarge) || ack.Stream != "":
						t.Errorf("got %+v, %v", ack, err)
						return
					}
					// The sender tries again, as it would after a 503.
				}
			})
		}
		if i == events/3 || i == events*2/3 {
			_, err := pubs[0].cfg.Conn.Request("$JS.API.STREAM.LEADER.STEPDOWN.WEBHOOKS", nil, 5*time.Second)
			if err != nil && !errors.Is(err, nats.ErrNoResponders) {
				t.Error(err)
			} else if err == nil {
				stepped.Add(1)
			}
		}
	}
	wg.Wait()
	if stepped.Load() == 0 {
		t.Error("no change of leader")
	}
	// What was stored by a call that ended with an error is a duplicate for the
	// next one.
	if n, d := fresh.Load(), duplicates.Load(); n > events || n+d != events*copies {
		t.Errorf("got %d new and %d duplicates, want at most %d, and %d together", n, d, events, events*copies)
	}
	if again.Load() == 0 {
		t.Error("no copy had to wait for another one to be agreed on")
	}
	checkFor(t, 10*time.Second, func() error {
		if got := stored(t, pubs[0], "WEBHOOKS"); got != events {
			return fmt.Errorf("got %d stored, want %d", got, events)
		}
		return nil
	})
}
