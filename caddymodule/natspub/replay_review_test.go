package natspub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestReplayEndsWithoutNATS: what reads ends with its context, or when its
// connection is closed, also while no server answers.
func TestReplayEndsWithoutNATS(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"context", "connection"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s, p := history(t, 300)
			r := newReplayer(t, p, nil)
			stream, err := r.source(within(t, 5*time.Second), "WEBHOOKS")
			if err != nil {
				t.Fatal(err)
			}
			src := r.open(stream, &ReplayState{Spec: ReplaySpec{Stream: "WEBHOOKS"}, Last: 300}, false)
			if list, err := src.next(within(t, 5*time.Second), 10); err != nil || len(list) != 10 {
				t.Fatalf("got %d events, %v", len(list), err)
			}
			s.Shutdown()
			s.WaitForShutdown()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				for {
					if _, err := src.next(ctx, 10); err != nil {
						ended <- err
						return
					}
				}
			}()
			select {
			case err := <-ended:
				t.Fatalf("it does not wait for the server: %v", err)
			case <-time.After(time.Second):
			}
			if how == "context" {
				cancel()
			} else {
				p.cfg.Conn.Close()
			}
			select {
			case err := <-ended:
				if how == "context" && !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it goes on")
			}
		})
	}
}

// TestReplayGivesBackTheConnection: jobs leave nothing on a connection that the
// gateway goes on using.
func TestReplayGivesBackTheConnection(t *testing.T) {
	t.Parallel()
	_, p := history(t, 5)
	run := func() {
		if st, err := newReplayer(t, p, nil).start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS"}); err != nil || st.Sent != 5 {
			t.Fatalf("got %+v, %v", st, err)
		}
		if _, err := newReplayer(t, p, nil).Jobs(within(t, 5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	run()
	before := p.cfg.Conn.NumSubscriptions()
	for range 5 {
		run()
	}
	checkFor(t, 5*time.Second, func() error {
		if now := p.cfg.Conn.NumSubscriptions(); now > before {
			return fmt.Errorf("got %d subscriptions, before five more jobs there were %d", now, before)
		}
		return nil
	})
}

// TestReplayTrust: what was never verified does not get among what was, and is not
// signed.
func TestReplayTrust(t *testing.T) {
	t.Parallel()
	_, p := history(t, 1)
	e := testEvent("evt_1", "{}")
	e.Trust = gateway.Unverified
	if _, err := p.Publish(within(t, 5*time.Second), e); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Quarantine(within(t, 5*time.Second), testEvent("evt_2", "{}"), gateway.Quarantine{Reason: "signature"}); err != nil {
		t.Fatal(err)
	}
	// A mirror has no subjects of its own that would say whose events it has.
	for _, name := range []string{"WEBHOOKS", "WEBHOOKS_UNVERIFIED"} {
		cfg := jetstream.StreamConfig{Name: "MIRROR_" + name, Mirror: &jetstream.StreamSource{Name: name}}
		if _, err := p.js.CreateStream(within(t, 5*time.Second), cfg); err != nil {
			t.Fatal(err)
		}
		checkFor(t, 10*time.Second, func() error {
			if n := stored(t, p, cfg.Name); n != 1 {
				return fmt.Errorf("%s has %d", cfg.Name, n)
			}
			return nil
		})
	}
	target := newEndpoint(t, func(int, *http.Request) int { return 200 })
	r := newReplayer(t, p, func(c *ReplayConfig) {
		c.Sign = func(json.RawMessage) (ReplaySign, error) {
			return func(*http.Request, string, []byte, time.Time) error { return nil }, nil
		}
	})
	for _, test := range []struct {
		spec ReplaySpec
		says string // of an error, or of the subject
	}{
		{ReplaySpec{Stream: "WEBHOOKS"}, "wh-replay.v1."},
		{ReplaySpec{Stream: "WEBHOOKS", To: "wh-replay.v1.mine"}, "wh-replay.v1.mine."},
		{ReplaySpec{Stream: "WEBHOOKS_UNVERIFIED"}, "wh-replay-unverified.v1."},
		{ReplaySpec{Stream: "WEBHOOKS_QUARANTINE"}, "wh-replay-unverified.v1."},
		{ReplaySpec{Stream: "MIRROR_WEBHOOKS_UNVERIFIED"}, "wh-replay-unverified.v1."},
		{ReplaySpec{Stream: "MIRROR_WEBHOOKS", To: "wh-replay.v1.mirror"}, "wh-replay.v1.mirror."},
		{ReplaySpec{Stream: "WEBHOOKS_UNVERIFIED", To: "wh-replay.v1.mine"}, "was not verified"},
		{ReplaySpec{Stream: "WEBHOOKS_QUARANTINE", To: "wh-replay.v1"}, "was not verified"},
		{ReplaySpec{Stream: "MIRROR_WEBHOOKS_UNVERIFIED", To: "wh-replay.v1.mine"}, "was not verified"},
		{ReplaySpec{Stream: "WEBHOOKS", To: target.URL, Resign: true}, "http"},
		{ReplaySpec{Stream: "WEBHOOKS_UNVERIFIED", To: target.URL}, "http"},
		{ReplaySpec{Stream: "WEBHOOKS_UNVERIFIED", To: target.URL, Resign: true}, "was not verified"},
		{ReplaySpec{Stream: "WEBHOOKS_QUARANTINE", To: target.URL, Resign: true}, "was not verified"},
	} {
		st, err := r.start(within(t, 20*time.Second), test.spec)
		if err != nil {
			if !strings.Contains(err.Error(), test.says) || st.Sent != 0 {
				t.Errorf("%s to %s: got %+v, %v, want %q", test.spec.Stream, test.spec.To, st, err, test.says)
			}
			continue
		}
		if !strings.HasPrefix(st.Spec.To, strings.TrimSuffix(test.says, ".")) || st.Sent != 1 {
			t.Errorf("%s to %s: got %+v, want %q", test.spec.Stream, test.spec.To, st, test.says)
		}
	}
	for _, m := range contents(t, p, ReplayStream) {
		if strings.HasPrefix(m.Subject, ReplayRoot+".") && one(m.Header, "ce-id") != "evt%200" {
			t.Errorf("got %s on %s", one(m.Header, "ce-id"), m.Subject)
		}
	}
}

// TestReplaySpecEdges: what makes no sense is refused, and what is said twice is
// said once.
func TestReplaySpecEdges(t *testing.T) {
	t.Parallel()
	_, p := history(t, 4)
	r := newReplayer(t, p, nil)
	for _, test := range []struct {
		name, says string
		spec       ReplaySpec
	}{
		{"no number", "rate", ReplaySpec{Stream: "WEBHOOKS", Rate: math.NaN()}},
		{"for ever", "rate", ReplaySpec{Stream: "WEBHOOKS", Rate: math.Inf(1)}},
		{"once in a century", "rate", ReplaySpec{Stream: "WEBHOOKS", Rate: 1e-12}},
		{"no source", "empty", ReplaySpec{Stream: "WEBHOOKS", Sources: []string{""}}},
		{"any source", "leave it out", ReplaySpec{Stream: "WEBHOOKS", Tenants: []string{"*"}}},
		{"too much", "65536 bytes", ReplaySpec{Stream: "WEBHOOKS", IDs: []string{strings.Repeat("x", 70_000)}}},
	} {
		if _, err := r.Plan(within(t, 5*time.Second), test.spec); !errors.Is(err, ErrReplaySpec) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want one that says %q", test.name, err, test.says)
		}
	}
	plan, err := r.Plan(within(t, 5*time.Second), ReplaySpec{Stream: "WEBHOOKS", Sources: []string{"billing", "code", "billing"}, Tenants: []string{"acme", "acme"}})
	if err != nil || plan.Events != 2 {
		t.Errorf("twice the same: got %+v, %v, want 2 events", plan, err)
	}
}

// TestReplayRecordIsNotTrusted: whoever can write the records of jobs cannot have a
// gateway publish where it would not.
func TestReplayRecordIsNotTrusted(t *testing.T) {
	t.Parallel()
	_, p := history(t, 2)
	target := newEndpoint(t, func(int, *http.Request) int { return 400 })
	r := newReplayer(t, p, nil)
	if _, err := p.js.CreateStream(within(t, 5*time.Second), jetstream.StreamConfig{Name: "MINE", Subjects: []string{"mine.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.js.Publish(within(t, 5*time.Second), "mine.acme.billing.invoice.paid", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "MINE", To: target.URL})
	if !errors.Is(err, ErrReplayRefused) {
		t.Fatal(err)
	}
	jobs, err := r.jobs(within(t, 5*time.Second), 0)
	if err != nil {
		t.Fatal(err)
	}
	st.Spec.To = "wh.v1"
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.kv.Put(within(t, 5*time.Second), st.Job, text); err != nil {
		t.Fatal(err)
	}
	if _, err := r.resume(within(t, 20*time.Second), st.Job); !errors.Is(err, ErrReplaySpec) {
		t.Errorf("got %v", err)
	}
	if n := stored(t, p, "WEBHOOKS"); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
}

// TestReplayStateWhileStoring: how far a job is can be seen while NATS does not
// take its record.
func TestReplayStateWhileStoring(t *testing.T) {
	t.Parallel()
	s, p := history(t, 50)
	r := newReplayer(t, p, nil)
	j, err := r.Begin(within(t, 5*time.Second), ReplaySpec{Stream: "WEBHOOKS", Rate: 10})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	checkFor(t, 10*time.Second, func() error {
		if j.State().Sent == 0 {
			return errors.New("nothing is sent yet")
		}
		return nil
	})
	s.Shutdown()
	s.WaitForShutdown()
	// Long enough for a beat of the record.
	for end := time.Now().Add(2 * replayBeat); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		begin := time.Now()
		_ = j.State()
		if took := time.Since(begin); took > time.Second {
			t.Fatalf("it took %v", took)
		}
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(4 * replayGrace):
		t.Error("the job does not end while NATS is away")
	}
}

// TestReplayStreamIsBounded: what is replayed does not take the room of what comes
// in.
func TestReplayStreamIsBounded(t *testing.T) {
	t.Parallel()
	_, p := history(t, 40)
	r := newReplayer(t, p, func(c *ReplayConfig) { c.MaxBytes = 20_000 })
	st, err := r.start(within(t, 60*time.Second), ReplaySpec{Stream: "WEBHOOKS", Attempts: 2})
	if !errors.Is(err, ErrReplayFailed) || !strings.Contains(err.Error(), "is full") || st.Sent == 0 || st.Sent == 40 {
		t.Errorf("got %+v, %v, want that it stops at the limit", st, err)
	}
	if n := stored(t, p, ReplayStream); n != st.Sent {
		t.Errorf("got %d events, and %d counted", n, st.Sent)
	}
}

// TestReplayWithLittleRoom: where less is left than what was replayed may take, it may
// take less.
func TestReplayWithLittleRoom(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStreamMaxStore = 64 << 20 })
	p := ready(t, s.ClientURL(), func(c *Config) { onlyStream(c); c.Stream.MaxBytes = 58 << 20 })
	if _, err := p.Publish(within(t, 5*time.Second), testEvent("evt_1", "{}")); err != nil {
		t.Fatal(err)
	}
	r := newReplayer(t, p, func(c *ReplayConfig) { c.MaxBytes = 16 << 20 })
	if st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS"}); err != nil || st.Sent != 1 {
		t.Errorf("got %+v, %v", st, err)
	}
	stream, err := p.js.Stream(within(t, 5*time.Second), ReplayStream)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config.MaxBytes; got != 4<<20 {
		t.Errorf("got %d bytes, want 4 MiB", got)
	}
}

// TestReplayOddHeaders: what HTTP cannot carry does not keep an event from being
// sent.
func TestReplayOddHeaders(t *testing.T) {
	t.Parallel()
	_, p := history(t, 0)
	m := nats.NewMsg("wh.v1.acme.billing.invoice.paid")
	m.Data = []byte("{}")
	m.Header = nats.Header{
		"Wh-H-X-Bell": {"ding\a"}, "Wh-H-": {"b"}, "Wh-H-X-Good": {"c", "d"},
		"ce-datacontenttype": {"text/plain%0D%0AX-Injected:%20yes"},
	}
	if _, err := p.js.PublishMsg(within(t, 5*time.Second), m); err != nil {
		t.Fatal(err)
	}
	target := newEndpoint(t, func(int, *http.Request) int { return 200 })
	st, err := newReplayer(t, p, nil).start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL, Attempts: 1})
	if err != nil || st.Sent != 1 {
		t.Fatalf("got %+v, %v", st, err)
	}
	h := target.got[0].header
	if got := h.Values("X-Good"); len(got) != 2 || h.Get("X-Bell") != "" || h.Get("X-Injected") != "" || strings.Contains(h.Get("Content-Type"), "Injected") {
		t.Errorf("got %v", h)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"3", 3 * time.Second},
		{"-3", 0},
		{"soon", 0},
		{"99999999999999", replayLongestAfter},
		{"999999999999999999999999", replayLongestAfter},
		{"Fri, 02 Jan 2026 03:04:15 GMT", 10 * time.Second},
		{"Fri, 02 Jan 2026 03:04:00 GMT", 0},
		{"Fri, 02 Jan 2099 03:04:00 GMT", replayLongestAfter},
	} {
		if got := retryAfter(test.value, now); got != test.want {
			t.Errorf("%q: got %v, want %v", test.value, got, test.want)
		}
	}
}
