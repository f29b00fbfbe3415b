package peers_test

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	jsbinding "github.com/cloudevents/sdk-go/protocol/nats_jetstream/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// TestCloudEvents reads what is published with the NATS JetStream binding of the
// CloudEvents Go SDK: each is a valid event with these attributes and the exact
// payload.
func TestCloudEvents(t *testing.T) {
	received := time.Date(2026, 11, 23, 10, 15, 3, 114e6, time.UTC)
	newEvent := func(id, body string, change func(*gateway.Event)) *gateway.Event {
		e := &gateway.Event{
			Tenant: "acme", Source: "billing", Provider: "stripe", TypePrefix: "com.stripe",
			ID: id, IngestID: "01JD" + id, Received: received, Type: "invoice.paid",
			Body: []byte(body), Digest: sha256.Sum256([]byte(body)),
			Trust: gateway.Verified, Schema: gateway.SchemaNone, Dedupe: true,
		}
		change(e)
		return e
	}
	events := []*gateway.Event{
		newEvent("evt_all", `{"a": 1.0}`, func(e *gateway.Event) {
			e.CESource, e.Time, e.OrderKey = "https://hooks.example.com/acme/billing", received.Add(-time.Second), "cus_9"
			e.ContentType, e.Schema, e.SchemaURI = "application/json; charset=utf-8", gateway.SchemaValid, "stripe/invoice.paid.json"
			e.SchemaSHA256 = strings.Repeat("5f", 32)
			e.Scheme, e.KeyID, e.Unsigned = "hmac-sha256", "2026 é", []string{"id", "type"}
			e.Same, e.Part = [32]byte{1}, &gateway.Part{Batch: "b", Index: 3, Size: 7}
		}),
		newEvent("evt_least", "", func(e *gateway.Event) { e.Type, e.TypePrefix, e.Dedupe = "", "", false }),
		newEvent("evt \"é\" 100%", "\x00\xff\r\n", func(e *gateway.Event) { e.Type, e.ContentType = "refs/heads/ü x", "text/plain" }),
	}

	js := publish(t, events)
	stream, err := js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range events {
		raw, err := stream.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		m := jsbinding.NewMessage(&nats.Msg{Subject: raw.Subject, Header: raw.Header, Data: raw.Data})
		if m.ReadEncoding() != binding.EncodingBinary {
			t.Errorf("%s: got %s mode", want.ID, m.ReadEncoding())
		}
		got, err := binding.ToEvent(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", want.ID, err)
			continue
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: not valid: %v", want.ID, err)
		}
		typ, source := "stripe.unknown", "/acme/billing"
		if want.Type != "" {
			typ = "com.stripe." + want.Type
		}
		if want.CESource != "" {
			source = want.CESource
		}
		// The SDK leaves the binding's percent-encoding to its user.
		for _, a := range []struct{ name, got, want string }{
			{"specversion", got.SpecVersion(), "1.0"},
			{"id", decode(t, got.ID()), want.ID},
			{"type", decode(t, got.Type()), typ},
			{"source", got.Source(), source},
			{"subject", got.Subject(), want.OrderKey},
			{"datacontenttype", decode(t, got.DataContentType()), want.ContentType},
			{"dataschema", got.DataSchema(), schema(want)},
			{"time", fmt.Sprint(got.Time().UTC()), fmt.Sprint(want.Time)},
			{"whschemahash", extension(got, "whschemahash"), want.SchemaSHA256},
			{"whtrust", fmt.Sprint(got.Extensions()["whtrust"]), "verified"},
			{"recordedtime", fmt.Sprint(got.Extensions()["recordedtime"]), "2026-11-23T10:15:03.114Z"},
			{"payload", string(got.Data()), string(want.Body)},
		} {
			if a.got != a.want {
				t.Errorf("%s: %s: got %q, want %q", want.ID, a.name, a.got, a.want)
			}
		}
	}
}

func schema(e *gateway.Event) string {
	if e.SchemaURI == "" {
		return ""
	}
	return "schema:" + e.SchemaURI
}

// extension returns the text of an extension, "" if there is none.
func extension(e *event.Event, name string) string {
	if v, ok := e.Extensions()[name]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

func decode(t *testing.T, s string) string {
	t.Helper()
	text, err := url.PathUnescape(s)
	if err != nil {
		t.Errorf("%q: %v", s, err)
	}
	return text
}

// publish stores events in the stream of a server in this process.
func publish(t *testing.T, events []*gateway.Event) jetstream.JetStream {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server is not ready")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	p, err := natspub.New(natspub.Config{Conn: nc, Stream: natspub.StreamConfig{Name: "WEBHOOKS", Window: time.Hour, Create: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if _, err := p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if ack, err := p.Publish(t.Context(), e); err != nil || ack.Duplicate {
			t.Fatalf("%s: got %+v, %v", e.ID, ack, err)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
