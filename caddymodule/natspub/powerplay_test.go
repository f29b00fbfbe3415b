//go:build linux

package natspub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

// player is a child with a server in it.
type player struct {
	t      *testing.T
	name   string // begins the ids; "read" for the one that reads
	before string // the name of the one before; "" without
	p      *Publisher
	server *natsembed.Server
	out    sync.Mutex
}

// retries is with how many events of the one before a worker begins.
const retries = 12

func newPlayer(t *testing.T, args []string, change func(*Config)) *player {
	t.Helper()
	mode, name, before := args[0], args[1], strings.Join(args[2:], "")
	server, conn := embedded(t, "store", mode)
	cfg := testStreams
	cfg.Conn, cfg.Embedded, cfg.SyncAlways, cfg.Ready = conn, true, mode == "always", server.Ready
	cfg.Stage = server.Stage
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &player{t: t, name: name, before: before, p: p, server: server}
}

// embedded starts a server on the child's disk.
func embedded(t *testing.T, name, mode string) (*natsembed.Server, *nats.Conn) {
	t.Helper()
	cfg := natsembed.Config{StoreDir: filepath.Join(os.Getenv(powerDir), name), MaxStore: 400 << 20}
	if mode == "interval" {
		cfg.SyncInterval = time.Hour
	}
	server, err := natsembed.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	user, password := server.Credentials()
	conn, err := Connect(ConnectConfig{InProcess: server, User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return server, conn
}

// say says that a stream has acknowledged an event. Nobody is told anything after
// a power failure, whereas here the process goes on for a moment, in which the
// kernel may call what it has given up synced: so it says when.
func (c *player) say(ack gateway.Ack, id string) {
	now := time.Now().UnixNano()
	c.out.Lock()
	defer c.out.Unlock()
	fmt.Println("acked", ack.Stream, id, now)
}

// asidePrefix begins the ids of what goes into quarantine, with this reason.
const asidePrefix, asideReason = "aside-", "schema"

// work publishes one event after the other until the process ends: some into
// quarantine, and some again, as senders do.
func (c *player) work(to gateway.Publisher, worker string, event func(id string) *gateway.Event) {
	name := c.before
	for n := 0; ; n++ {
		if name != c.name && (name == "" || n == retries) {
			name, n = c.name, 0
		}
		id := fmt.Sprintf("%s-%s-%d", name, worker, n)
		switch n % 4 {
		case 1:
			id = asidePrefix + id
		case 3:
			id = fmt.Sprintf("%s-%s-%d", name, worker, n-1)
		}
		e := event(id)
		e.IngestID += c.name + "-" + strconv.Itoa(n)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var ack gateway.Ack
		var err error
		if strings.HasPrefix(id, asidePrefix) {
			ack, err = to.Quarantine(ctx, e, gateway.Quarantine{Reason: asideReason})
		} else {
			ack, err = to.Publish(ctx, e)
		}
		cancel()
		if err == nil {
			c.say(ack, id)
			continue
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// playEvents is a gateway that publishes, puts aside, releases and samples.
func playEvents(t *testing.T, args []string) {
	c := newPlayer(t, args, nil)
	if c.name == "read" {
		c.read(nil)
		return
	}
	for worker := range 64 {
		body, large := strings.Repeat("x", 200+worker*16), strings.Repeat("x", 100<<10)
		go c.work(c.p, strconv.Itoa(worker), func(id string) *gateway.Event {
			if worker%8 == 7 && strings.HasSuffix(id, "4") {
				return testEvent(id, large) // the store begins new files
			}
			return testEvent(id, body)
		})
	}
	samples := NewSamples(SamplesConfig{Publisher: c.p, PerSource: 5, Pause: time.Millisecond})
	go func() {
		for n := 0; ; n++ {
			id := fmt.Sprintf("sample-%s-%d", c.name, n)
			samples.Sample(testEvent(id, id), gateway.Quarantine{Reason: SignatureReason})
			time.Sleep(5 * time.Millisecond)
		}
	}()
	go c.release()
	select {} // until it is killed
}

// release publishes what is in quarantine, and then removes it.
func (c *player) release() {
	q := NewQuarantine(c.p)
	for from := uint64(1); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		k, err := q.Next(ctx, from, KeptFilter{Reason: asideReason})
		if err == nil {
			from = k.Sequence + 3 // others stay
			e := k.Event
			var ack gateway.Ack
			if ack, err = c.p.Publish(ctx, &e); err == nil {
				c.say(ack, e.ID)
				err = q.Remove(ctx, k.Sequence)
			}
		}
		cancel()
		if err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// read prints what is in the streams.
func (c *player) read(wrong func(header nats.Header, data []byte) error) {
	c.t.Helper()
	fmt.Println(strings.Join(inventory(c.t, c.p, wrong), "\n"))
	c.p.Close()
	if err := c.server.Shutdown(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// inventory says what is in the streams, and what is wrong with it.
func inventory(t *testing.T, p *Publisher, wrong func(header nats.Header, data []byte) error) (lines []string) {
	t.Helper()
	for _, name := range []string{p.cfg.Stream.Name, p.cfg.Quarantine.Name} {
		s, err := p.js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		each, err := s.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{HeadersOnly: wrong == nil})
		if err != nil {
			t.Fatal(err)
		}
		messages, err := each.Messages(jetstream.PullMaxMessages(2000))
		if err != nil {
			t.Fatal(err)
		}
		defer messages.Stop()
		for n := s.CachedInfo().State.Msgs; n > 0; n-- {
			m, err := messages.Next(jetstream.NextMaxWait(20 * time.Second))
			if err != nil {
				t.Fatalf("%s: %d more: %v", name, n, err)
			}
			h := m.Headers()
			if one(h, headerReason) == SignatureReason {
				continue
			}
			how := "single"
			if h["Nats-Batch-Id"] != nil {
				how = "batch"
			}
			line := fmt.Sprint("there ", name, " ", one(h, "ce-id"), " ", how)
			if reason := one(h, headerReason); reason != "" && reason != asideReason {
				line += " in quarantine: " + reason
			} else if wrong != nil {
				if err := wrong(h, m.Data()); err != nil {
					line += " " + err.Error()
				}
			}
			lines = append(lines, line)
		}
	}
	return lines
}
