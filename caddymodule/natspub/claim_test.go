package natspub

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func bigEvent(id string, body []byte) *gateway.Event {
	e := testEvent(id, string(body))
	e.Digest = sha256.Sum256(body)
	return e
}

func randomBody(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func withBodies(maxBytes int64) func(*Config) {
	return func(c *Config) {
		c.Bodies = BodiesConfig{Bucket: "WEBHOOKS_BODIES", MaxBytes: maxBytes, Create: true}
		c.LargestBody = 25 << 20
	}
}

func claimedBody(t *testing.T, p *Publisher, ack gateway.Ack) []byte {
	t.Helper()
	s, err := p.js.Stream(t.Context(), ack.Stream)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Data) != 0 || m.Header["ce-dataref"] == nil {
		t.Fatalf("the message has %d bytes and the reference %q", len(m.Data), m.Header["ce-dataref"])
	}
	body, err := FetchBody(t.Context(), p.js, m.Header, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestClaimCheck(t *testing.T) {
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), withBodies(0))
	info, err := p.js.Stream(t.Context(), "OBJ_WEBHOOKS_BODIES")
	if err != nil {
		t.Fatal(err)
	}
	if ttl := info.CachedInfo().Config.MaxAge; ttl != 48*time.Hour {
		t.Errorf("bodies are kept for %s, and events for 24h", ttl)
	}
	body := randomBody(25 << 20)
	ack, err := p.Publish(within(t, 30*time.Second), bigEvent("evt_1", body))
	if err != nil {
		t.Fatal(err)
	}
	if got := claimedBody(t, p, ack); !bytes.Equal(got, body) {
		t.Fatal("the body is another")
	}
	have := stored(t, p, "OBJ_WEBHOOKS_BODIES")
	if want := uint64(25<<20/chunkSize + 1); have != want {
		t.Errorf("%d messages of the body, want %d", have, want)
	}
	// The provider's retry, a conflict, and another event with the same body.
	again, err := p.Publish(within(t, 30*time.Second), bigEvent("evt_1", body))
	if err != nil || !again.Duplicate || again.Conflict || again.Sequence != ack.Sequence {
		t.Errorf("a duplicate: %+v, %v", again, err)
	}
	other, err := p.Publish(within(t, 30*time.Second), bigEvent("evt_2", body))
	if err != nil || other.Duplicate {
		t.Errorf("another event: %+v, %v", other, err)
	}
	if now := stored(t, p, "OBJ_WEBHOOKS_BODIES"); now != have {
		t.Errorf("the same body was stored again: %d messages, then %d", have, now)
	}
	conflict, err := p.Publish(within(t, 30*time.Second), bigEvent("evt_1", randomBody(2<<20)))
	if err != nil || !conflict.Conflict {
		t.Errorf("a conflict: %+v, %v", conflict, err)
	}
	aside, err := p.Quarantine(within(t, 30*time.Second), bigEvent("evt_1", body), gateway.Quarantine{Reason: "conflict"})
	if err != nil || !bytes.Equal(claimedBody(t, p, aside), body) {
		t.Errorf("quarantine: %+v, %v", aside, err)
	}
}

func TestClaimCheckSameBodyAtOnce(t *testing.T) {
	p := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), withBodies(0))
	body := randomBody(2 << 20)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := p.Publish(within(t, 20*time.Second), bigEvent("evt_"+strconv.Itoa(i), body)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if have := stored(t, p, "OBJ_WEBHOOKS_BODIES"); have != 17 {
		t.Errorf("%d messages of one body, want 17", have)
	}
	if n := stored(t, p, "WEBHOOKS"); n != 8 {
		t.Errorf("%d events, want 8", n)
	}
}

func TestClaimCheckFailures(t *testing.T) {
	for _, test := range []struct {
		name   string
		want   error
		max    int64
		change func(t *testing.T, p *Publisher, s *server.Server)
	}{
		{name: "full", want: gateway.ErrFull, max: 1 << 20},
		{name: "no bucket", want: gateway.ErrRefused, change: func(t *testing.T, p *Publisher, _ *server.Server) {
			t.Helper()
			if err := p.js.DeleteObjectStore(t.Context(), "WEBHOOKS_BODIES"); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "message size", want: gateway.ErrRefused, change: func(t *testing.T, p *Publisher, _ *server.Server) {
			t.Helper()
			s, err := p.js.Stream(t.Context(), "OBJ_WEBHOOKS_BODIES")
			if err != nil {
				t.Fatal(err)
			}
			cfg := s.CachedInfo().Config
			cfg.MaxMsgSize = 1 << 10
			if _, err := p.js.UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := runServer(t, t.TempDir(), 0, nil)
			p := ready(t, s.ClientURL(), withBodies(test.max))
			if test.change != nil {
				test.change(t, p, s)
			}
			_, err := p.Publish(within(t, 4*time.Second), bigEvent("evt_1", randomBody(3<<20)))
			if !errors.Is(err, test.want) || errors.Is(err, gateway.ErrTooLarge) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if n := stored(t, p, "WEBHOOKS"); n != 0 {
				t.Errorf("%d events are published", n)
			}
			if test.name == "full" {
				if n := stored(t, p, "OBJ_WEBHOOKS_BODIES"); n != 0 {
					t.Errorf("%d chunks are left", n)
				}
			}
		})
	}
}

func TestClaimCheckServerGone(t *testing.T) {
	dir := t.TempDir()
	s := runServer(t, dir, 0, nil)
	p := ready(t, s.ClientURL(), withBodies(0))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := p.Publish(ctx, bigEvent("evt_1", randomBody(25<<20)))
		done <- err
	}()
	bucket, err := p.js.Stream(t.Context(), "OBJ_WEBHOOKS_BODIES")
	if err != nil {
		t.Fatal(err)
	}
	checkFor(t, 5*time.Second, func() error {
		info, err := bucket.Info(t.Context(), jetstream.WithSubjectFilter("$O.WEBHOOKS_BODIES.M.>"))
		if err == nil && info.State.Msgs < 3 {
			err = errors.New("no chunk yet")
		}
		return err
	})
	s.Shutdown()
	s.WaitForShutdown()
	if err := <-done; err == nil {
		t.Fatal("an event was acknowledged whose body cannot be stored")
	}
	again := ready(t, runServer(t, dir, 0, nil).ClientURL(), withBodies(0))
	if n := stored(t, again, "WEBHOOKS"); n != 0 {
		t.Errorf("%d events without a body", n)
	}
}
