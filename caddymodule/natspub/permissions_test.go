package natspub

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// documented starts a server with the configuration in docs/permissions.md,
// without some of the subjects that it allows.
func documented(t *testing.T, without ...string) *server.Server {
	t.Helper()
	return documentedIn(t, "permissions.md", without...)
}

func documentedIn(t *testing.T, name string, without ...string) *server.Server {
	t.Helper()
	page, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```conf\n(.*?)^```$").FindSubmatch(page)
	if block == nil {
		t.Fatalf("docs/%s has no configuration", name)
	}
	conf := regexp.MustCompile(`\$[A-Z]+_PASSWORD`).ReplaceAllString(string(block[1]), "p")
	for _, w := range without {
		if !strings.Contains(conf, `"`+w+`"`) {
			t.Fatalf("docs/%s does not allow %s", name, w)
		}
		conf = strings.ReplaceAll(conf, `"`+w+`"`, `"nothing"`)
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return runServer(t, t.TempDir(), 0, func(o *server.Options) {
		if err := o.ProcessConfigFile(file); err != nil {
			t.Fatal(err)
		}
	})
}

func as(s *server.Server, user string) string {
	return strings.Replace(s.ClientURL(), "nats://", "nats://"+user+":p@", 1)
}

// work does everything that a gateway does.
func work(t *testing.T, p *Publisher) {
	t.Helper()
	unverified := testEvent("evt_2", "{}")
	unverified.Trust = gateway.Unverified
	for _, e := range []*gateway.Event{testEvent("evt_1", "{}"), unverified} {
		if ack, err := p.Publish(within(t, 5*time.Second), e); err != nil || ack.Duplicate {
			t.Errorf("%s: got %+v, %v", e.ID, ack, err)
		}
		again := *e
		again.Body, again.Digest[0] = []byte("[]"), e.Digest[0]+1
		if ack, err := p.Publish(within(t, 5*time.Second), &again); err != nil || !ack.Conflict {
			t.Errorf("%s with other bytes: got %+v, %v, want a conflict", e.ID, ack, err)
		}
	}
	for range 2 {
		if _, err := p.Quarantine(within(t, 5*time.Second), testEvent("evt_3", "{}"), gateway.Quarantine{Reason: "schema"}); err != nil {
			t.Errorf("quarantine: %v", err)
		}
	}
	if err := p.cfg.Conn.LastError(); err != nil {
		t.Errorf("the server has refused something: %v", err)
	}
}

// TestDocumentedPermissions: what docs/permissions.md gives a gateway is enough
// for all that it does.
func TestDocumentedPermissions(t *testing.T) {
	t.Parallel()
	t.Run("create on", func(t *testing.T) {
		t.Parallel()
		work(t, ready(t, as(documented(t), "gateway"), nil))
	})
	t.Run("create off", func(t *testing.T) {
		t.Parallel()
		s := documented(t)
		ready(t, as(s, "operator"), nil)
		work(t, ready(t, as(s, "gateway-create-off"), func(c *Config) {
			c.Stream.Create, c.Unverified.Create, c.Quarantine.Create = false, false, false
		}))
	})
	t.Run("large bodies", func(t *testing.T) {
		t.Parallel()
		s := documented(t)
		p := ready(t, as(s, "gateway"), func(c *Config) { claiming(c); c.Bodies.MaxBytes = 3 << 20 })
		for _, id := range []string{"evt_1", "evt_2"} { // the second one of the two is too many
			_, err := p.Publish(within(t, 5*time.Second), large(t, id, 2<<20))
			if full := errors.Is(err, gateway.ErrFull); full != (id == "evt_2") || err != nil && !full {
				t.Errorf("%s: got %v", id, err)
			}
		}
		if n := chunks(t, ready(t, as(s, "operator"), claiming)); n != 4 {
			t.Errorf("got %d chunks, want the 4 of the body that is stored", n)
		}
		ready(t, as(s, "gateway-create-off"), func(c *Config) {
			claiming(c)
			c.Stream.Create, c.Unverified.Create, c.Quarantine.Create, c.Bodies.Create = false, false, false, false
		})
		if err := p.cfg.Conn.LastError(); err != nil {
			t.Errorf("the server has refused something: %v", err)
		}
	})
	// Without direct reads the stream's leader is asked.
	t.Run("no direct reads", func(t *testing.T) {
		t.Parallel()
		s := documented(t, "$JS.API.DIRECT.GET.WEBHOOKS")
		p := ready(t, as(s, "gateway"), func(c *Config) { onlyStream(c); c.AttemptTimeout = 300 * time.Millisecond })
		again := testEvent("evt_1", "{}")
		again.Body, again.Digest[0] = []byte("[]"), again.Digest[0]+1
		for _, e := range []*gateway.Event{testEvent("evt_1", "{}"), again} {
			ack, err := p.Publish(within(t, 5*time.Second), e)
			if err != nil || ack.Conflict != (e == again) {
				t.Errorf("got %+v, %v", ack, err)
			}
		}
	})
}

// TestDocumentedPermissionsAreNeeded: none of them is there for nothing.
func TestDocumentedPermissionsAreNeeded(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"wh.v1.>", "wh-unverified.v1.>", "wh-quarantine.v1.>", "$JS.API.STREAM.INFO.WEBHOOKS", "$JS.API.STREAM.CREATE.WEBHOOKS"} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t, as(documented(t, subject), "gateway"), nil)
			found, err := p.Preflight(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Severity != Note && strings.Contains(f.String(), strings.TrimSuffix(subject, ".>")) {
					return
				}
			}
			t.Errorf("got %v", found)
		})
	}
}

// TestDocumentedService: a service reads its own consumer, and that is all.
func TestDocumentedService(t *testing.T) {
	t.Parallel()
	s := documented(t)
	operator := ready(t, as(s, "operator"), nil)
	stream, err := operator.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"billing-worker", "other"} {
		cfg := jetstream.ConsumerConfig{Durable: name, FilterSubject: "wh.v1.acme.billing.>", AckPolicy: jetstream.AckExplicitPolicy}
		if _, err := stream.CreateConsumer(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := operator.Publish(within(t, 5*time.Second), testEvent("evt_1", "{}")); err != nil {
		t.Fatal(err)
	}

	refused := make(chan error, 16)
	nc, err := nats.Connect(as(s, "billing-worker"), nats.CustomInboxPrefix("_INBOX_billing-worker"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := js.Consumer(within(t, 5*time.Second), "WEBHOOKS", "billing-worker")
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := m.Headers().Get("ce-id"); got != "evt_1" {
		t.Errorf("got %q", got)
	}
	if err := nc.LastError(); err != nil {
		t.Errorf("the server has refused something: %v", err)
	}

	for _, subject := range []string{
		"wh.v1.acme.billing.invoice.paid", "wh-unverified.v1.x", "wh-quarantine.v1.x",
		"$JS.API.STREAM.DELETE.WEBHOOKS", "$JS.API.STREAM.PURGE.WEBHOOKS", "$JS.API.STREAM.MSG.DELETE.WEBHOOKS",
		"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.UPDATE.WEBHOOKS",
		"$JS.API.CONSUMER.CREATE.WEBHOOKS.mine", "$JS.API.CONSUMER.DELETE.WEBHOOKS.billing-worker",
		"$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.other", "$JS.ACK.WEBHOOKS.other.1.1.1.1.1",
		"$JS.API.DIRECT.GET.WEBHOOKS_QUARANTINE",
	} {
		if err := nc.PublishRequest(subject, "_INBOX_billing-worker.x", nil); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, refused, subject)
	}
	for _, subject := range []string{"wh.v1.>", "_INBOX.>", ">"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, refused, subject)
	}
}

func mustRefuse(t *testing.T, refused <-chan error, subject string) {
	t.Helper()
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s: got %v", subject, err)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s: the server has refused nothing", subject)
	}
}
