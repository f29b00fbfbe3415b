package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestReplayKills kills servers of a cluster, one after the other and two at once,
// while a replay goes on. Every event is replayed, once. KILL_REPLAY_ROUNDS is how
// often.
func TestReplayKills(t *testing.T) {
	t.Parallel()
	rounds := 3
	if text := os.Getenv("KILL_REPLAY_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("KILL_REPLAY_ROUNDS: %q is not a number of rounds", text)
		}
	}
	events := 500 * rounds
	c := startCluster(t, 3, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	waitFor(t, patience, "the stream is made", func() error {
		_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{Name: "WEBHOOKS", Subjects: []string{"wh.v1.>"}, Replicas: 3})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil
		}
		return err
	})
	waitFor(t, patience, "the stream is whole", func() error { return c.whole("WEBHOOKS") })
	for i := range events {
		m := &nats.Msg{Subject: "wh.v1.acme.billing.invoice", Header: nats.Header{"Nats-Msg-Id": {strconv.Itoa(i)}, "ce-id": {strconv.Itoa(i)}}, Data: []byte("{}")}
		if _, err := c.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(10)); err != nil {
			t.Fatal(err)
		}
	}
	replay := &process{name: caddyBin(), args: []string{"webhooks", "replay", "--yes", "--nats", strings.Join(c.urls, ","), "--rate", "150", "--attempts", "30"}}
	replay.start(t)
	ended := false
	t.Cleanup(func() {
		if !ended {
			replay.kill()
		}
		if t.Failed() {
			t.Logf("the replay says:\n%s", replay.log.String())
		}
	})
	for round := range rounds {
		time.Sleep(time.Second + rand.N(500*time.Millisecond))
		i := rand.N(3)
		if round%3 == 2 {
			c.restart(t, i, (i+1)%3)
		} else {
			c.restart(t, i)
		}
		waitFor(t, 60*time.Second, "the stream is whole again", func() error { return c.whole("WEBHOOKS") })
	}
	select {
	case err := <-replay.done:
		ended = true
		if err != nil {
			t.Fatalf("the replay has ended with %v", err)
		}
	case <-time.After(3 * time.Minute):
		t.Fatal("the replay does not end")
	}
	waitFor(t, 60*time.Second, "what was replayed is whole", func() error { return c.whole("WEBHOOKS_REPLAY") })
	seen := make(map[string]int)
	c.each(t, "WEBHOOKS_REPLAY", func(h nats.Header, _ uint64) { seen[h["ce-whreplayseq"][0]]++ })
	for i := range events {
		if n := seen[strconv.Itoa(i+1)]; n != 1 {
			t.Errorf("event %d: got it %d times", i+1, n)
		}
	}
	if text := replay.log.String(); !strings.Contains(text, fmt.Sprintf("done  at %d of %d  %d sent", events, events, events)) {
		t.Errorf("got %s", text)
	}
}
