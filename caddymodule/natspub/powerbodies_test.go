//go:build linux

package natspub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/integration/powercut"
)

// TestPowerLossBodies is TestPowerLoss with bodies in the object store: the body of
// every event that is there must be the event's.
func TestPowerLossBodies(t *testing.T) {
	rounds := powerRoundsOf(t)
	disk := powercut.New(t)
	got := cutOften(t, disk, "bodies always", rounds)
	t.Logf("%d rounds: %s", rounds, got)
	got.mustBeClean(t)
	if got := cutOften(t, disk, "bodies interval", 3); got.lost+got.broken == 0 {
		t.Errorf("without syncs none of %d events was lost: the power was not cut", got.acked)
	}
}

// playBodies is a gateway that gets large bodies, some of which are small enough
// for their message, and some have come before.
func playBodies(t *testing.T, args []string) {
	c := newPlayer(t, args, func(cfg *Config) {
		cfg.LargestBody = 4 << 20
		cfg.Bodies = BodiesConfig{Bucket: "WEBHOOKS_BODIES", Above: 32 << 10, TTL: 48 * time.Hour, Keep: 24 * time.Hour, Create: true}
	})
	if c.name == "read" {
		c.read(func(h nats.Header, data []byte) error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			body, err := Body(ctx, c.p.js, h, data)
			if err == nil && !bytes.Equal(body, bodyOf(one(h, "ce-id"))) {
				err = errors.New("it has the body of another event")
			}
			return err
		})
		return
	}
	for worker := range 8 {
		go c.work(c.p, strconv.Itoa(worker), func(id string) *gateway.Event {
			e := testEvent(id, "")
			e.Body = bodyOf(id)
			e.Digest = sha256.Sum256(e.Body)
			return e
		})
	}
	select {} // until it is killed
}

// bodyOf makes the body of an event from its id: most need some chunks, and every
// fourth one is that of others too.
func bodyOf(id string) []byte {
	if n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:]); n%4 == 2 {
		id = "one of " + strconv.Itoa(n%7)
	}
	source := rand.NewChaCha8(sha256.Sum256([]byte(id)))
	body := make([]byte, 10<<10+source.Uint64()%(1<<20))
	_, _ = source.Read(body)
	return body
}
