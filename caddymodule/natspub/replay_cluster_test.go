package natspub

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestReplayFromAServerThatLags: the server that reads for a replay may be one that
// has just come back and does not have all events yet. None is left out for that.
func TestReplayFromAServerThatLags(t *testing.T) {
	t.Parallel()
	servers, start := runClusterAgain(t)
	replicated := func(c *Config) { onlyStream(c); c.Stream.Replicas = 3 }
	p := newPublisher(t, servers[0].ClientURL(), replicated)
	checkFor(t, 20*time.Second, func() error {
		found, err := p.Preflight(within(t, 5*time.Second))
		for _, f := range found {
			if f.Severity != Note {
				return errors.New(f.String())
			}
		}
		return err
	})
	var follower int
	checkFor(t, 10*time.Second, func() error {
		for i, s := range servers[1:] {
			if !s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, "WEBHOOKS") {
				follower = i + 1
				return nil
			}
		}
		return errors.New("no leader")
	})
	count := uint64(0)
	body := strings.Repeat("x", 4000)
	fill := func(n int) {
		var futures []jetstream.PubAckFuture
		for range n {
			count++
			e := replayEvent(int(count))
			m := p.message(e)
			f, err := p.js.PublishMsgAsync(&nats.Msg{Subject: m.subject, Header: m.header, Data: []byte(body)})
			if err != nil {
				t.Fatal(err)
			}
			futures = append(futures, f)
		}
		for _, f := range futures {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				t.Fatal(err)
			case <-time.After(20 * time.Second):
				t.Fatal("no answer")
			}
		}
	}
	fill(100)
	for range 2 {
		servers[follower].Shutdown()
		servers[follower].WaitForShutdown()
		fill(2000)
		start(follower)
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				plan, err := newReplayer(t, p, nil).Plan(within(t, 30*time.Second), ReplaySpec{Stream: "WEBHOOKS"})
				if err != nil || plan.Events != count {
					t.Errorf("got %d events, %v, want %d", plan.Events, err, count)
				}
			})
		}
		wg.Wait()
	}
}
