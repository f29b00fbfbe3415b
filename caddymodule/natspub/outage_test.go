package natspub

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestConnectionLostWhileEventsWait: senders do not wait for a broker that has
// gone until their own patience ends.
func TestConnectionLostWhileEventsWait(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), func(c *Config) { c.AttemptTimeout = time.Minute })
	proxy.swallow(true)
	const waiting = 20
	failures := make(chan error, waiting)
	for i := range waiting {
		go func() {
			_, err := p.Publish(within(t, 30*time.Second), testEvent(fmt.Sprintf("evt_%d", i), "{}"))
			failures <- err
		}()
	}
	checkFor(t, 5*time.Second, func() error {
		if got := p.Pending(); got != waiting {
			return fmt.Errorf("%d wait", got)
		}
		return nil
	})
	start := time.Now()
	proxy.close()
	for range waiting {
		if err := <-failures; !errors.Is(err, gateway.ErrNotReady) {
			t.Errorf("got %v, want ErrNotReady", err)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the answers took %v", took)
	}
}

// TestRestartsUnderLoad: a sender that repeats an event until it is accepted
// has it stored once, however often the server goes away meanwhile.
func TestRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	port := s.Addr().(*net.TCPAddr).Port
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 60*time.Second)
	const senders = 8
	stop := make(chan struct{})
	accepted := make([]int, senders)
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				for delivery := 0; ; delivery++ {
					e := testEvent(fmt.Sprintf("evt_%d_%d", sender, n), "{}")
					e.IngestID = fmt.Sprintf("01JD%d-%d-%d", sender, n, delivery)
					ack, err := p.Publish(ctx, e)
					if err == nil && !ack.Conflict {
						accepted[sender]++
						break
					}
					if ctx.Err() != nil || ack.Conflict {
						t.Errorf("got %+v, %v", ack, err)
						return
					}
					time.Sleep(5 * time.Millisecond) // as Retry-After asks
				}
			}
		})
	}
	for range 3 {
		before, err := p.js.Stream(ctx, "WEBHOOKS")
		if err != nil {
			t.Fatal(err)
		}
		checkFor(t, 20*time.Second, func() error {
			if got := stored(t, p, "WEBHOOKS"); got < before.CachedInfo().State.Msgs+100 {
				return fmt.Errorf("%d stored", got)
			}
			return nil
		})
		s.Shutdown()
		s.WaitForShutdown()
		s = runServer(t, dir, port, nil)
		checkFor(t, 20*time.Second, p.Ready)
	}
	close(stop)
	wg.Wait()
	want := uint64(0)
	for _, n := range accepted {
		want += uint64(n)
	}
	if got := stored(t, p, "WEBHOOKS"); got != want || want < 300 {
		t.Errorf("got %d stored, want the %d accepted, at least 300", got, want)
	}
}
