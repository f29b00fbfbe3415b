package natspub

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestRepublish is the recipe of consumers.md for subscribers without JetStream:
// what an operator lets a stream of ours republish, with the nats tool or without,
// stays when the gateway brings the stream up to date, and brings every event to
// them, also those that were stored in a batch.
func TestRepublish(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	want := jetstream.RePublish{Source: "wh.v1.>", Destination: "live.wh.v1.>"}
	cfg := stream.CachedInfo().Config
	cfg.RePublish = &want
	if _, err := p.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for _, gateway := range []struct {
		name   string
		change func(*Config)
	}{
		{"with the same settings", nil},
		{"that keeps events for longer", func(c *Config) { c.Stream.MaxAge *= 2 }},
		{"alone on its server", func(c *Config) { c.Stream.MaxAge *= 3; c.Embedded, c.SyncAlways = true, true }},
	} {
		t.Run(gateway.name, func(t *testing.T) {
			p := ready(t, s.ClientURL(), gateway.change)
			if _, err := p.Preflight(t.Context()); err != nil { // it goes on looking
				t.Fatal(err)
			}
			info, err := stream.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if have := info.Config.RePublish; have == nil || *have != want || info.Config.MaxAge != p.cfg.Stream.MaxAge {
				t.Errorf("got %+v and %v, want %+v and %v", have, info.Config.MaxAge, want, p.cfg.Stream.MaxAge)
			}
		})
	}
	sub, err := p.cfg.Conn.SubscribeSync("live.wh.v1.acme.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cfg.Conn.Flush(); err != nil {
		t.Fatal(err)
	}
	ack, err := p.Publish(within(t, 20*time.Second), testEvent("single", `{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	m := next(t, sub)
	if m.Subject != "live.wh.v1.acme.billing.invoice.paid" || string(m.Data) != `{"n":1}` || one(m.Header, "ce-id") != "single" ||
		one(m.Header, "Nats-Stream") != "WEBHOOKS" || one(m.Header, "Nats-Subject") != "wh.v1.acme.billing.invoice.paid" ||
		one(m.Header, "Nats-Sequence") != fmt.Sprint(ack.Sequence) {
		t.Errorf("got %s %v %s", m.Subject, m.Header, m.Data)
	}
	var list []*message
	for _, e := range events("batch", 30) {
		list = append(list, p.message(e))
	}
	if _, err := newCommitter(p, "WEBHOOKS").publish(list); err != nil {
		t.Fatal(err)
	}
	for _, message := range list {
		if m := next(t, sub); one(m.Header, headerMsgID) != message.id() {
			t.Fatalf("got %v, want %s", m.Header, message.id())
		}
	}
	// A duplicate is not stored, and not republished.
	if ack, err := p.Publish(within(t, 20*time.Second), testEvent("single", `{"n":1}`)); err != nil || !ack.Duplicate {
		t.Fatalf("%+v, %v", ack, err)
	}
	if _, err := p.Publish(within(t, 20*time.Second), testEvent("last", `{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	if m := next(t, sub); one(m.Header, "ce-id") != "last" {
		t.Errorf("got %v", m.Header)
	}
}

func next(t *testing.T, sub *nats.Subscription) *nats.Msg {
	t.Helper()
	m, err := sub.NextMsg(20 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
