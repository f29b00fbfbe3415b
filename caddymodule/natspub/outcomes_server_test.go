package natspub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// provocation makes a real server answer with one row of the table.
type provocation struct {
	name   string
	code   jetstream.ErrorCode
	want   error // the gateway's word for it
	server func(*server.Options)
	stream func(*jetstream.StreamConfig)
	// then, if set, does something to the stream before the event comes.
	then func(t *testing.T, js jetstream.JetStream)
	// header and body are of the message that is refused.
	header nats.Header
	body   string
}

func header(pairs ...string) nats.Header {
	h := nats.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = []string{pairs[i+1]}
	}
	return h
}

var provocations = []provocation{
	{
		name: "full of bytes", code: 10077, want: gateway.ErrFull, body: strings.Repeat("x", 5000),
		stream: func(c *jetstream.StreamConfig) { c.MaxBytes = 4096 },
	},
	{
		name: "full of messages", code: 10077, want: gateway.ErrFull,
		stream: func(c *jetstream.StreamConfig) { c.MaxMsgs = 1 }, then: fill(1),
	},
	{
		name: "full of a subject", code: 10077, want: gateway.ErrRefused,
		stream: func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject, c.DiscardNewPerSubject = 1, true }, then: fill(1),
	},
	{
		name: "account is full", code: 10002, want: gateway.ErrFull,
		server: func(o *server.Options) {
			a := server.NewAccount("A")
			o.Accounts = []*server.Account{a}
			o.Users = []*server.User{{Username: "u", Password: "p", Account: a}}
			o.NoAuthUser = "u"
		}, then: fill(3), body: strings.Repeat("x", 5000),
	},
	{
		name: "server is full", code: 10023, want: gateway.ErrFull,
		server: func(o *server.Options) { o.JetStreamMaxStore = 4096 }, then: fill(3), body: strings.Repeat("x", 5000),
	},
	{
		name: "too large for the stream", code: 10054, want: gateway.ErrTooLarge, body: strings.Repeat("x", 5000),
		stream: func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 },
	},
	{name: "headers too large", code: 10097, want: gateway.ErrTooLarge, header: header("Wh-H-X", strings.Repeat("x", 70_000))},
	{name: "sealed", code: 10109, want: gateway.ErrRefused, then: func(t *testing.T, js jetstream.JetStream) {
		t.Helper()
		change(t, js, func(c *jetstream.StreamConfig) { c.Sealed = true })
	}},
	{name: "other stream", code: 10060, want: gateway.ErrRefused, header: header("Nats-Expected-Stream", "OTHER")},
	{name: "wrong last sequence", code: 10071, want: gateway.ErrRefused, header: header("Nats-Expected-Last-Sequence", "7")},
	{name: "wrong last id", code: 10070, want: gateway.ErrRefused, header: header("Nats-Expected-Last-Msg-Id", "x")},
	{name: "subject of a sequence without one", code: 10193, want: gateway.ErrRefused, header: header("Nats-Expected-Last-Subject-Sequence-Subject", "wh.v1.x")},
	{name: "rollup", code: 10111, want: gateway.ErrNotReady, header: header("Nats-Rollup", "all")},
	{name: "TTL", code: 10166, want: gateway.ErrRefused, header: header("Nats-TTL", "1m")},
	{name: "wrong TTL", code: 10165, want: gateway.ErrRefused, header: header("Nats-TTL", "soon"), stream: func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true }},
	{name: "count", code: 10168, want: gateway.ErrRefused, header: header("Nats-Incr", "1")},
	{name: "counter", code: 10169, want: gateway.ErrRefused, stream: counter},
	{name: "counter with payload", code: 10170, want: gateway.ErrRefused, stream: counter, header: header("Nats-Incr", "1"), body: "x"},
	{name: "wrong count", code: 10171, want: gateway.ErrRefused, stream: counter, header: header("Nats-Incr", "x"), body: "-"},
	{name: "schedule", code: 10188, want: gateway.ErrRefused, header: header("Nats-Schedule", "@at 2030-01-01T00:00:00Z", "Nats-Schedule-Target", "wh.v1.x")},
	{name: "batches are off", code: 10174, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1"), stream: func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }},
	{name: "batch without a sequence", code: 10175, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Commit", "1")},
	{name: "batch with a gap", code: 10176, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "2", "Nats-Batch-Commit", "1")},
	{name: "batch with a long id", code: 10179, want: gateway.ErrRefused, header: header("Nats-Batch-Id", strings.Repeat("b", 65), "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1")},
	{name: "batch that ends in another way", code: 10200, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "x")},
	{name: "batch that asks for an id", code: 10177, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1", "Nats-Expected-Last-Msg-Id", "x")},
	{
		name: "batch with a duplicate", code: 10201, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1", "Nats-Msg-Id", "id-0"),
		then: fill(1),
	},
	{name: "level of the API", code: 10185, want: gateway.ErrRefused, header: header("Nats-Batch-Id", "b", "Nats-Batch-Sequence", "1", "Nats-Batch-Commit", "1", "Nats-Required-Api-Level", "99")},
}

func counter(c *jetstream.StreamConfig) {
	c.AllowMsgCounter, c.AllowAtomicPublish, c.Discard = true, false, jetstream.DiscardOld
}

func fill(n int) func(*testing.T, jetstream.JetStream) {
	return func(t *testing.T, js jetstream.JetStream) {
		t.Helper()
		for i := range n {
			m := &nats.Msg{Subject: "wh.v1.acme.billing.invoice.paid", Header: header("Nats-Msg-Id", "id-"+strconv.Itoa(i)), Data: make([]byte, 2000)}
			if _, err := js.PublishMsg(t.Context(), m, jetstream.WithRetryAttempts(0)); err != nil && i == 0 {
				t.Fatal(err)
			}
		}
	}
}

func change(t *testing.T, js jetstream.JetStream, how func(*jetstream.StreamConfig)) {
	t.Helper()
	s, err := js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	how(&cfg)
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// TestServerAnswers: a real server is made to refuse a message, for each row
// that one server can be brought to; the code is that of the row, and the sender
// is told what the row says.
func TestServerAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range provocations {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, tt.server)
			if tt.code == 10002 {
				a, err := s.LookupAccount("A")
				if err != nil {
					t.Fatal(err)
				}
				if err := a.EnableJetStream(map[string]server.JetStreamAccountLimits{"": {MaxMemory: -1, MaxStore: 4096, MaxStreams: -1, MaxConsumers: -1}}, nil); err != nil {
					t.Fatal(err)
				}
			}
			p := newPublisher(t, s.ClientURL(), onlyStream)
			cfg := p.cfg.Stream.config(Root)
			if tt.stream != nil {
				tt.stream(&cfg)
			}
			if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			if tt.then != nil {
				tt.then(t, p.js)
			}
			body := tt.body
			if body == "" {
				body = "{}"
			}
			m := &nats.Msg{Subject: "wh.v1.acme.billing.invoice.paid", Header: tt.header, Data: []byte(body)}
			if strings.HasPrefix(tt.name, "wrong count") {
				m.Data = nil
			}
			_, err := p.js.PublishMsg(within(t, 5*time.Second), m, jetstream.WithRetryAttempts(0))
			api, ok := errors.AsType[*jetstream.APIError](err)
			if !ok || api.ErrorCode != tt.code {
				t.Fatalf("got %v, want %d", err, tt.code)
			}
			f := classify(err)
			if !errors.Is(f.as, tt.want) || gateway.StoreOutcome(f.as).Success() {
				t.Errorf("got %v, want %v", f.as, tt.want)
			}
			i := slices.IndexFunc(serverRows, func(r outcomeRow) bool {
				return r.code == tt.code && r.http == api.Code && errors.Is(classify(&jetstream.APIError{Code: r.http, ErrorCode: r.code, Description: r.says}).as, tt.want)
			})
			if i < 0 {
				t.Errorf("got %d %d %q, want a row with it", api.Code, api.ErrorCode, api.Description)
			}
			// An event of ours meets the same where nothing but the server and the stream
			// is at fault.
			if tt.header == nil {
				ack, err := p.Publish(within(t, 5*time.Second), testEvent("evt_x", body))
				if !errors.Is(err, tt.want) || ack.Stream != "" {
					t.Errorf("event: got %+v, %v, want %v", ack, err, tt.want)
				}
			}
		})
	}
}

// TestServerQueueFull: more than the server keeps for a stream at one time.
func TestServerQueueFull(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.StreamMaxBufferedMsgs = 1 })
	p := ready(t, s.ClientURL(), onlyStream)
	var overloaded atomic.Int64
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			_, err := p.Publish(within(t, 20*time.Second), testEvent(fmt.Sprint("evt_", i), "{}"))
			switch {
			case errors.Is(err, gateway.ErrOverloaded):
				overloaded.Add(1)
				if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != 10167 {
					t.Errorf("got %v, want 10167", err)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if overloaded.Load() == 0 {
		t.Error("got all stored, want some refused")
	}
	if got := stored(t, p, "WEBHOOKS"); got != uint64(400-overloaded.Load()) {
		t.Errorf("got %d stored, want the others, %d", got, 400-overloaded.Load())
	}
}

// TestServerBatches: too many batches at one time, and one that is too large.
func TestServerBatches(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) {
		o.JetStreamLimits.MaxBatchTimeout = time.Minute // however busy the machine is
	})
	p := ready(t, s.ClientURL(), onlyStream)
	nc := p.cfg.Conn
	begin := func(id string, seq int, commit bool) error {
		h := header("Nats-Batch-Id", id, "Nats-Batch-Sequence", strconv.Itoa(seq))
		if commit {
			h["Nats-Batch-Commit"] = []string{"1"}
		}
		m := &nats.Msg{Subject: "wh.v1.acme.billing.invoice.paid", Header: h, Data: []byte("{}")}
		if seq > 1 && !commit {
			return nc.PublishMsg(m)
		}
		answer, err := nc.RequestMsg(m, 5*time.Second)
		if err != nil || len(answer.Data) == 0 {
			return err
		}
		var ack struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Error == nil {
			return err
		}
		return ack.Error
	}
	codes := make(map[jetstream.ErrorCode]bool)
	for i := range 60 { // the server takes 50 of a stream
		if api, ok := errors.AsType[*jetstream.APIError](begin(fmt.Sprint("open-", i), 1, false)); ok {
			codes[api.ErrorCode] = true
		}
	}
	var err error
	for seq := 1; seq <= 1001 && err == nil; seq++ {
		err = begin("open-0", seq+1, seq == 1001)
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		codes[api.ErrorCode] = true
	}
	for _, code := range []jetstream.ErrorCode{10210, 10199} {
		if !codes[code] {
			t.Errorf("got %v, want %d among them", codes, code)
		}
	}
}

// TestServerDisabled: a server, and an account, without JetStream.
func TestServerDisabled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		code   jetstream.ErrorCode
		server func(*server.Options)
	}{
		{"server", 0, func(o *server.Options) { o.JetStream = false }},
		{"account", 10039, func(o *server.Options) {
			a := server.NewAccount("A")
			o.Accounts = []*server.Account{a}
			o.Users = []*server.User{{Username: "u", Password: "p", Account: a}}
			o.NoAuthUser = "u"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, tt.server)
			p := newPublisher(t, s.ClientURL(), onlyStream)
			ack, err := p.Publish(within(t, 5*time.Second), testEvent("evt_1", "{}"))
			if !errors.Is(err, gateway.ErrNotReady) || ack.Stream != "" {
				t.Errorf("got %+v, %v, want ErrNotReady", ack, err)
			}
			_, err = p.js.AccountInfo(within(t, 5*time.Second))
			api, ok := errors.AsType[*jetstream.APIError](err)
			if tt.code != 0 && (!ok || api.ErrorCode != tt.code) {
				t.Errorf("got %v, want %d", err, tt.code)
			}
			if f := classify(err); !errors.Is(f.as, gateway.ErrRefused) {
				t.Errorf("got %v, want ErrRefused", f.as)
			}
		})
	}
}

// TestServerInFlight: in a cluster, copies of one id that come while the first is
// being agreed on are told so, and none of them is acknowledged before.
func TestServerInFlight(t *testing.T) {
	t.Parallel()
	servers := runCluster(t)
	p := newPublisher(t, servers[0].ClientURL(), func(c *Config) { onlyStream(c); c.Stream.Replicas = 3 })
	checkFor(t, 20*time.Second, func() error {
		if _, err := p.Preflight(within(t, 5*time.Second)); err != nil {
			return err
		}
		// That the stream is there every server has to learn.
		_, err := p.Publish(within(t, 5*time.Second), testEvent("first", "{}"))
		return err
	})
	seen := make(map[jetstream.ErrorCode]int)
	var futures []jetstream.PubAckFuture
	for i := range 200 {
		for range 3 {
			f, err := p.js.PublishMsgAsync(&nats.Msg{Subject: "wh.v1.acme.billing.invoice.paid", Header: header("Nats-Msg-Id", fmt.Sprint("id-", i)), Data: []byte("{}")}, jetstream.WithRetryAttempts(0))
			if err != nil {
				t.Fatal(err)
			}
			futures = append(futures, f)
			f, err = p.js.PublishMsgAsync(&nats.Msg{Subject: fmt.Sprint("wh.v1.acme.order.", i), Header: header("Nats-Expected-Last-Subject-Sequence", "0"), Data: []byte("{}")}, jetstream.WithRetryAttempts(0))
			if err != nil {
				t.Fatal(err)
			}
			futures = append(futures, f)
		}
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			api, ok := errors.AsType[*jetstream.APIError](err)
			if !ok {
				t.Fatal(err)
			}
			seen[api.ErrorCode]++
			if api.ErrorCode == 10158 || api.ErrorCode == 10164 {
				if c := classify(err); !errors.Is(c.as, gateway.ErrInFlight) || c.tries != forever || c.unknown {
					t.Errorf("%v: got %+v", err, c)
				}
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no answer")
		}
	}
	if seen[10158] == 0 || seen[10164] == 0 {
		t.Errorf("got %v, want 10158 and 10164 among them", seen)
	}
}

// TestServerWithoutLeader: with two of three servers away nothing is
// acknowledged, whatever is said instead, and the sender may come back.
func TestServerWithoutLeader(t *testing.T) {
	t.Parallel()
	servers := runCluster(t)
	p := newPublisher(t, servers[0].ClientURL(), func(c *Config) {
		onlyStream(c)
		c.Stream.Replicas, c.AttemptTimeout = 3, 300*time.Millisecond
	})
	checkFor(t, 20*time.Second, func() error {
		_, err := p.Preflight(within(t, 5*time.Second))
		return err
	})
	for _, s := range servers[1:] {
		s.Shutdown()
	}
	outcomes := make(map[gateway.Outcome]bool)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		ack, err := p.Publish(ctx, testEvent(fmt.Sprint("evt_", time.Now().UnixNano()), "{}"))
		cancel()
		if err == nil {
			t.Fatalf("got %+v without a majority", ack)
		}
		o := gateway.StoreOutcome(err)
		if outcomes[o] = true; o.Status() != 503 || !o.Retryable() || o.RetryAfter() > 5 {
			t.Errorf("got %v %s, want a 503 with a short Retry-After", err, o)
		}
	}
	t.Log("said: ", outcomes)
}
