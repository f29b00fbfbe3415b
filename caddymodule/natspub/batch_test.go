package natspub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func batchRoute(t testing.TB, p gateway.Publisher, change func(*gateway.Config)) *gateway.Route {
	t.Helper()
	cfg := gateway.Config{
		Tenant: "acme", Source: "mail", Publisher: p,
		Provider: verifiers.Provider{
			Name: "mail", ID: verifiers.Header("X-Id"),
			Batch: &verifiers.Batch{ID: verifiers.JSON("/id"), Type: verifiers.JSON("/type")},
		},
		Verifier: verifiers.VerifierFunc(func(context.Context, *verifiers.Request) (verifiers.Result, error) {
			return verifiers.Result{Scheme: "test", Covers: &verifiers.Coverage{Body: true}}, nil
		}),
	}
	if change != nil {
		change(&cfg)
	}
	rt, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func post(t testing.TB, rt *gateway.Route, id, body string) gateway.Result {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Id", id)
	req.Header.Set("Content-Type", "application/json")
	return rt.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL})
}

// list is a batch of n events, the first of which are there twice.
func list(n int) string {
	items := []string{`{"id":"e0","type":"t.0"}`}
	for i := range n {
		items = append(items, fmt.Sprintf(`{"id":"e%d","type":"t.%d"}`, i, i%3))
	}
	return "[" + strings.Join(items, " , ") + "]"
}

func TestBatchIsStored(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	rt := batchRoute(t, p, nil)
	const n = 500
	res := post(t, rt, "b1", list(n))
	if res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != n || res.Batch.Outcomes[gateway.Duplicate] != 1 {
		t.Fatalf("got %v, %v, %v", res.Outcome, res.Err, res.Batch.Outcomes)
	}
	if got := stored(t, p, "WEBHOOKS"); got != n {
		t.Fatalf("got %d stored, want %d", got, n)
	}
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for seq := range uint64(n) {
		m, err := stream.GetMsg(t.Context(), seq+1)
		if err != nil {
			t.Fatal(err)
		}
		id, index := one(m.Header, "ce-id"), one(m.Header, "ce-whbatchindex")
		i := strings.TrimPrefix(id, "e")
		if want := max(int(seq)+1, 1); seq > 0 && index != fmt.Sprint(want) || seq == 0 && index != "0" || seen[id] {
			t.Errorf("%s with the index %s is the message %d: the order is not that of the batch", id, index, seq+1)
		}
		seen[id] = true
		typ := fmt.Sprintf("t.%d", atoi(t, i)%3)
		if want := fmt.Sprintf(`{"id":"%s","type":"%s"}`, id, typ); string(m.Data) != want || m.Subject != "wh.v1.acme.mail."+typ {
			t.Errorf("got %q on %s, want %q", m.Data, m.Subject, want)
		}
		if one(m.Header, "ce-whbatch") != "b1" || one(m.Header, "ce-whbatchsize") != fmt.Sprint(n+1) || one(m.Header, "ce-whingestid") != res.RequestID {
			t.Errorf("got %v", m.Header)
		}
	}

	again := batchRoute(t, newPublisher(t, s.ClientURL(), nil), nil) // another gateway
	if res := post(t, again, "b1", list(n)); res.Outcome != gateway.Duplicate || res.Batch.Outcomes[gateway.Duplicate] != n+1 || len(res.Batch.Originals) != n+1 {
		t.Errorf("retry: got %v, %v", res.Outcome, res.Batch.Outcomes)
	}
	if res := post(t, again, "b2", list(n+5)); res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != 5 {
		t.Errorf("more: got %v, %v", res.Outcome, res.Batch.Outcomes)
	}
	off := batchRoute(t, p, func(c *gateway.Config) { c.NoDedupe = true })
	if res := post(t, off, "b1", list(3)); res.Outcome != gateway.Accepted || res.Batch.Outcomes[gateway.Accepted] != 4 {
		t.Errorf("without deduplication: got %v, %v", res.Outcome, res.Batch.Outcomes)
	}
	if got := stored(t, p, "WEBHOOKS"); got != n+5+4 {
		t.Errorf("got %d stored, want %d", got, n+5+4)
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return n
}

// TestBatchSurvivesLostAcks: the broker stores and its answers get lost, over
// and over. In the end everything is stored once.
func TestBatchSurvivesLostAcks(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	proxy := newProxy(t, s.Addr().String())
	p := ready(t, "nats://"+proxy.addr(), func(c *Config) { c.AttemptTimeout = 300 * time.Millisecond })
	direct := newPublisher(t, s.ClientURL(), nil)
	rt := batchRoute(t, p, func(c *gateway.Config) { c.PublishTimeout = time.Second })
	const n = 200
	proxy.swallow(true)
	if res := post(t, rt, "b1", list(n)); res.Outcome != gateway.BrokerTimeout || res.Status != 503 {
		t.Errorf("got %v, %v, want a timeout", res.Outcome, res.Err)
	}
	if got := stored(t, direct, "WEBHOOKS"); got == 0 || got == n {
		t.Errorf("got %d stored, want some of %d", got, n)
	}
	proxy.swallow(false)
	proxy.cut()
	checkFor(t, 20*time.Second, func() error {
		if res := post(t, rt, "b1", list(n)); !res.Outcome.Success() {
			return fmt.Errorf("%v: %w", res.Outcome, res.Err)
		}
		return nil
	})
	if got := stored(t, direct, "WEBHOOKS"); got != n {
		t.Errorf("got %d stored, want %d", got, n)
	}
}

// TestRetriesThatVary: the original is compared without what varies.
func TestRetriesThatVary(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	rt := batchRoute(t, p, func(c *gateway.Config) { c.Provider.Varies = []string{"/attempt"} })
	for i, tt := range []struct {
		body    string
		outcome gateway.Outcome
	}{
		{`[{"id":"a","attempt":0}]`, gateway.Accepted},
		{`[{"id":"a","attempt":1}]`, gateway.Duplicate},
		{`[{"id":"a","attempt":1,"x":1}]`, gateway.Quarantined},
	} {
		if res := post(t, rt, "b", tt.body); res.Outcome != tt.outcome {
			t.Errorf("%d: got %v, %v, want %v", i, res.Outcome, res.Err, tt.outcome)
		}
	}
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil || len(one(m.Header, headerSame)) != 64 || one(m.Header, headerSame) == one(m.Header, headerDigest) {
		t.Errorf("got %v, %v", m, err)
	}
}

// TestUnknownOutcomeInABatch: two events of one batch have one id and different
// bytes, and the first one's outcome is not known. The second must not be taken
// for the first.
func TestUnknownOutcomeInABatch(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 20*time.Second)
	first := testEvent("evt_1", `{"a":1}`)
	first.Part = &gateway.Part{Batch: "b", Index: 0, Size: 2}
	ack, err := p.Publish(ctx, first)
	if err != nil || ack.Duplicate {
		t.Fatalf("got %+v, %v", ack, err)
	}
	for _, tt := range []struct {
		name  string
		index int
		body  string
		want  gateway.Ack
	}{
		{"itself", 0, `{"a":1}`, gateway.Ack{Attempts: 2}},
		{"the other, with its bytes", 1, `{"a":1}`, gateway.Ack{Attempts: 2, Duplicate: true}},
		{"the other", 1, `{"a":2}`, gateway.Ack{Attempts: 2, Duplicate: true, Conflict: true}},
	} {
		e := testEvent("evt_1", tt.body)
		e.Part = &gateway.Part{Batch: "b", Index: tt.index, Size: 2}
		m := message{event: e, header: headers(e, "id", "WEBHOOKS"), attempts: 2, unknown: true}
		tt.want.Stream, tt.want.Sequence = "WEBHOOKS", ack.Sequence
		got, _, err := p.prove(ctx, &m, &jetstream.PubAck{Stream: "WEBHOOKS", Sequence: ack.Sequence, Duplicate: true})
		if err != nil || got.Stored.IsZero() != !got.Duplicate {
			t.Errorf("%s: got %+v, %v", tt.name, got, err)
		}
		if got.Stored = (time.Time{}); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// BenchmarkBatch is one batch of 100 events, through the gateway, into an
// embedded server that syncs.
func BenchmarkBatch(b *testing.B) {
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: b.TempDir(), NoLog: true, NoSigs: true, SyncAlways: true})
	if err != nil {
		b.Fatal(err)
	}
	go s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(20 * time.Second) {
		b.Fatal("the server is not ready")
	}
	nc, err := Connect(ConnectConfig{InProcess: s})
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	cfg := testStreams
	cfg.Conn = nc
	p, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Preflight(b.Context()); err != nil {
		b.Fatal(err)
	}
	rt := batchRoute(b, p, func(c *gateway.Config) { c.NoDedupe = true })
	body := list(99)
	for b.Loop() {
		if res := post(b, rt, "b", body); res.Outcome != gateway.Accepted {
			b.Fatal(res.Outcome, res.Err)
		}
	}
	b.ReportMetric(float64(b.N*100)/b.Elapsed().Seconds(), "events/s")
}
