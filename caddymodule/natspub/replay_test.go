package natspub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// replayEvent is the event number n: of one of two tenants, one of two sources and
// one of three types.
func replayEvent(n int) *gateway.Event {
	e := testEvent(fmt.Sprintf("evt %d", n), fmt.Sprintf(`{"n":%d}`, n))
	e.Tenant = []string{"acme", "other"}[n%2]
	e.Source = []string{"billing", "code"}[n/2%2]
	e.TypePrefix, e.Type = "com.example", []string{"invoice.paid", "invoice.failed", "user/created"}[n%3]
	e.Header = http.Header{"X-Signature": {"s" + strconv.Itoa(n)}, "Host": {"evil.example"}}
	e.ContentType = "application/json; charset=utf-8"
	return e
}

// history starts a server whose stream has so many events.
func history(t *testing.T, count int) (*server.Server, *Publisher) {
	t.Helper()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.SyncAlways = false })
	p := ready(t, s.ClientURL(), nil)
	for n := range count {
		if _, err := p.Publish(within(t, 20*time.Second), replayEvent(n)); err != nil {
			t.Fatal(err)
		}
	}
	return s, p
}

func newReplayer(t *testing.T, p *Publisher, change func(*ReplayConfig)) *Replayer {
	t.Helper()
	cfg := ReplayConfig{Conn: p.cfg.Conn, By: "tester"}
	if change != nil {
		change(&cfg)
	}
	r, err := NewReplayer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start makes a job and runs it to its end.
func (r *Replayer) start(ctx context.Context, spec ReplaySpec) (ReplayState, error) {
	j, err := r.Begin(ctx, spec)
	if err != nil {
		return ReplayState{}, err
	}
	err = j.Run(ctx)
	return j.State(), err
}

// resume goes on with a job to its end.
func (r *Replayer) resume(ctx context.Context, job string) (ReplayState, error) {
	j, err := r.Reopen(ctx, job)
	if err != nil {
		return ReplayState{}, err
	}
	err = j.Run(ctx)
	return j.State(), err
}

// contents returns the messages of a stream.
func contents(t *testing.T, p *Publisher, stream string) []*jetstream.RawStreamMsg {
	t.Helper()
	s, err := p.js.Stream(within(t, 5*time.Second), stream)
	if err != nil {
		t.Fatal(err)
	}
	var list []*jetstream.RawStreamMsg
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(within(t, 5*time.Second), seq)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func TestReplaySelection(t *testing.T) {
	t.Parallel()
	_, p := history(t, 24)
	r := newReplayer(t, p, nil)
	all := contents(t, p, "WEBHOOKS")
	at := func(seq int) time.Time { return all[seq-1].Time }
	for _, test := range []struct {
		name string
		spec ReplaySpec
		want func(n int) bool // n is the sequence, less one
	}{
		{"all", ReplaySpec{}, func(int) bool { return true }},
		{"from a sequence", ReplaySpec{FromSeq: 20}, func(n int) bool { return n >= 19 }},
		{"a range", ReplaySpec{FromSeq: 3, ToSeq: 5}, func(n int) bool { return n >= 2 && n <= 4 }},
		{"beyond the end", ReplaySpec{FromSeq: 25}, func(int) bool { return false }},
		{"since", ReplaySpec{Since: at(10)}, func(n int) bool { return n >= 9 }},
		{"until", ReplaySpec{Until: at(10)}, func(n int) bool { return n <= 9 }},
		{"since a time and a sequence", ReplaySpec{Since: at(4), FromSeq: 8, Until: at(9)}, func(n int) bool { return n >= 7 && n <= 8 }},
		{"a tenant", ReplaySpec{Tenants: []string{"acme"}}, func(n int) bool { return n%2 == 0 }},
		{"a source", ReplaySpec{Sources: []string{"code"}}, func(n int) bool { return n/2%2 == 1 }},
		{"a tenant's source", ReplaySpec{Tenants: []string{"other"}, Sources: []string{"code"}}, func(n int) bool { return n%2 == 1 && n/2%2 == 1 }},
		{"nobody's source", ReplaySpec{Sources: []string{"nobody"}}, func(int) bool { return false }},
		{"a type", ReplaySpec{Types: []string{"invoice.paid"}}, func(n int) bool { return n%3 == 0 }},
		{"a type with a slash", ReplaySpec{Types: []string{"user/created"}}, func(n int) bool { return n%3 == 2 }},
		{"the end of a type", ReplaySpec{Types: []string{"paid"}}, func(int) bool { return false }},
		{"a glob", ReplaySpec{Types: []string{"invoice.*"}}, func(n int) bool { return n%3 < 2 }},
		{"a glob of the whole type", ReplaySpec{Types: []string{"com.example.*.failed"}}, func(n int) bool { return n%3 == 1 }},
		{"ids", ReplaySpec{IDs: []string{"evt 3", "evt 17", "none"}}, func(n int) bool { return n == 3 || n == 17 }},
		{"the last", ReplaySpec{IDs: []string{"evt 23"}, Types: []string{"user/*"}}, func(n int) bool { return n == 23 }},
	} {
		test.spec.Stream = "WEBHOOKS"
		plan, err := r.Plan(within(t, 10*time.Second), test.spec)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var want []uint64
		for n := range 24 {
			if test.want(n) {
				want = append(want, uint64(n+1))
			}
		}
		var got []uint64
		for _, e := range plan.First {
			got = append(got, e.Seq)
		}
		if plan.Events != uint64(len(want)) || !slices.Equal(got, want[:min(len(want), planned)]) {
			t.Errorf("%s: got %d events, first %v, want %v", test.name, plan.Events, got, want)
		}
	}
	if _, err := p.js.KeyValue(within(t, 5*time.Second), ReplayBucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("a plan has left something: %v", err)
	}
}

func TestReplaySpecRefused(t *testing.T) {
	t.Parallel()
	_, p := history(t, 1)
	r := newReplayer(t, p, nil)
	for _, test := range []struct {
		name, says string
		spec       ReplaySpec
	}{
		{"no stream", "no stream is named", ReplaySpec{}},
		{"not there", "there is no stream NOPE", ReplaySpec{Stream: "NOPE"}},
		{"no name", "is not the name of a stream", ReplaySpec{Stream: "a.b"}},
		{"backwards", "before the first", ReplaySpec{Stream: "WEBHOOKS", FromSeq: 5, ToSeq: 4}},
		{"backwards in time", "before the beginning", ReplaySpec{Stream: "WEBHOOKS", Since: time.Unix(9, 0), Until: time.Unix(8, 0)}},
		{"into the live root", "take the events for duplicates", ReplaySpec{Stream: "WEBHOOKS", To: "wh.v1"}},
		{"into a part of the live root", "take the events for duplicates", ReplaySpec{Stream: "WEBHOOKS", To: "wh.v1.acme"}},
		{"into another version", "take the events for duplicates", ReplaySpec{Stream: "WEBHOOKS", To: "wh.v9"}},
		{"into quarantine", "is where the gateway publishes", ReplaySpec{Stream: "WEBHOOKS", To: "wh-quarantine.v1"}},
		{"into operations", "is where the gateway publishes", ReplaySpec{Stream: "WEBHOOKS", To: "wh-ops.v1.x"}},
		{"into NATS", "subject of NATS itself", ReplaySpec{Stream: "WEBHOOKS", To: "$JS.API"}},
		{"a wildcard", "neither a URL nor", ReplaySpec{Stream: "WEBHOOKS", To: "mine.*"}},
		{"another scheme", "neither a URL nor", ReplaySpec{Stream: "WEBHOOKS", To: "ftp://host/x y"}},
		{"no host", "not a URL", ReplaySpec{Stream: "WEBHOOKS", To: "http:///path"}},
		{"a password", "holds a password", ReplaySpec{Stream: "WEBHOOKS", To: "http://u:p@host/"}},
		{"nobody listens", "no stream takes mine.>", ReplaySpec{Stream: "WEBHOOKS", To: "mine"}},
		{"a negative rate", "must not be negative", ReplaySpec{Stream: "WEBHOOKS", Rate: -1}},
		{"signing to a subject", "only what goes to a URL", ReplaySpec{Stream: "WEBHOOKS", Resign: true}},
		{"signing with nothing", "nothing to sign with", ReplaySpec{Stream: "WEBHOOKS", To: "http://host/", Resign: true}},
	} {
		st, err := r.start(within(t, 10*time.Second), test.spec)
		if !errors.Is(err, ErrReplaySpec) || !strings.Contains(err.Error(), test.says) || st.Job != "" {
			t.Errorf("%s: got the job %q, %v, want one that says %q", test.name, st.Job, err, test.says)
		}
	}
	if _, err := r.resume(within(t, 5*time.Second), "replay-1"); !errors.Is(err, ErrNoReplay) {
		t.Errorf("resuming what never was: got %v", err)
	}
	if list, err := r.Jobs(within(t, 5*time.Second)); err != nil || len(list) != 0 {
		t.Errorf("got the jobs %v, %v, want none", list, err)
	}
}

func TestReplayToSubject(t *testing.T) {
	t.Parallel()
	_, p := history(t, 300)
	r := newReplayer(t, p, nil)
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", Sources: []string{"billing"}})
	if err != nil {
		t.Fatal(err)
	}
	if st.Status != ReplayDone || st.Sent != 150 || st.Duplicates != 0 || st.Position != 300 || st.By != "tester" {
		t.Errorf("got %+v", st)
	}
	got := contents(t, p, ReplayStream)
	if len(got) != 150 {
		t.Fatalf("got %d events, want 150", len(got))
	}
	originals := contents(t, p, "WEBHOOKS")
	last := uint64(0)
	for _, m := range got {
		seq, err := strconv.ParseUint(m.Header.Get("ce-whreplayseq"), 10, 64)
		if err != nil || seq <= last {
			t.Fatalf("got the original %q after %d", m.Header.Get("ce-whreplayseq"), last)
		}
		last = seq
		o := originals[seq-1]
		if want := ReplayRoot + "." + st.Job + strings.TrimPrefix(o.Subject, Root); m.Subject != want {
			t.Errorf("got the subject %s, want %s", m.Subject, want)
		}
		if string(m.Data) != string(o.Data) || m.Header.Get("ce-whreplay") != st.Job {
			t.Errorf("%d: got %s of the job %q", seq, m.Data, m.Header.Get("ce-whreplay"))
		}
		for name := range o.Header {
			if !strings.HasPrefix(name, "Nats-") && m.Header.Get(name) != o.Header.Get(name) {
				t.Errorf("%d: got %s %q, want %q", seq, name, m.Header.Get(name), o.Header.Get(name))
			}
		}
		if m.Header.Get("Nats-Msg-Id") == o.Header.Get("Nats-Msg-Id") {
			t.Errorf("%d: got the original's id", seq)
		}
	}
	// Another job sends them again, and one that is done stays so.
	if again, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", FromSeq: 300}); err != nil || again.Sent != 1 {
		t.Errorf("another job: got %+v, %v", again, err)
	}
	if done, err := r.resume(within(t, 5*time.Second), st.Job); err != nil || done.Status != ReplayDone || done.Sent != 150 {
		t.Errorf("resuming what is done: got %+v, %v", done, err)
	}
	if n := stored(t, p, ReplayStream); n != 151 {
		t.Errorf("got %d events, want 151", n)
	}
	if n := stored(t, p, "WEBHOOKS"); n != 300 {
		t.Errorf("got %d events in the stream that was read, want 300", n)
	}
	if list, err := r.Jobs(within(t, 5*time.Second)); err != nil || len(list) != 2 || list[1].Job != st.Job {
		t.Errorf("got the jobs %+v, %v", list, err)
	}
}

// TestReplayUnverified: what nobody has checked is not replayed among what was.
func TestReplayUnverified(t *testing.T) {
	t.Parallel()
	_, p := history(t, 0)
	e := testEvent("evt_1", "{}")
	e.Trust = gateway.Unverified
	if _, err := p.Publish(within(t, 5*time.Second), e); err != nil {
		t.Fatal(err)
	}
	st, err := newReplayer(t, p, nil).start(within(t, 10*time.Second), ReplaySpec{Stream: "WEBHOOKS_UNVERIFIED"})
	if err != nil || st.Sent != 1 {
		t.Fatalf("got %+v, %v", st, err)
	}
	if got := contents(t, p, ReplayStream); len(got) != 1 || !strings.HasPrefix(got[0].Subject, "wh-replay-unverified.v1."+st.Job+".") {
		t.Errorf("got %v", got)
	}
}

// TestReplayInterrupted: whatever ends a runner, the next goes on, nothing is left
// out, and JetStream drops what is sent twice.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	const count = 2000
	s, p := history(t, 0)
	for n := range count {
		e := replayEvent(n)
		m := p.message(e)
		if _, err := p.js.PublishMsgAsync(&nats.Msg{Subject: m.subject, Header: m.header, Data: m.event.Body}); err != nil {
			t.Fatal(err)
		}
	}
	checkFor(t, 20*time.Second, func() error {
		if n := stored(t, p, "WEBHOOKS"); n != count {
			return fmt.Errorf("got %d events", n)
		}
		return nil
	})
	// A runner whose connection goes is one that was killed: it can store nothing
	// more.
	var job string
	resumed := 0
	for round := 0; ; round++ {
		other := newPublisher(t, s.ClientURL(), nil)
		steps := 0
		ctx, cancel := context.WithCancel(within(t, 60*time.Second))
		r := newReplayer(t, other, func(c *ReplayConfig) {
			c.Progress = func(st ReplayState) {
				job = st.Job
				if steps++; steps == 3 && round < 2 {
					if round%2 == 0 {
						other.cfg.Conn.Close()
					}
					cancel()
				}
			}
		})
		var st ReplayState
		var err error
		if job == "" {
			st, err = r.start(ctx, ReplaySpec{Stream: "WEBHOOKS"})
		} else {
			resumed++
			st, err = r.resume(ctx, job)
		}
		cancel()
		if err == nil {
			if st.Status != ReplayDone {
				t.Errorf("got %+v", st)
			}
			break
		}
		if round > 6 {
			t.Fatal(err)
		}
	}
	if resumed < 2 {
		t.Errorf("got %d interruptions, want 2", resumed)
	}
	seen := map[string]bool{}
	for _, m := range contents(t, p, ReplayStream) {
		seen[m.Header.Get("ce-whreplayseq")] = true
	}
	if n := stored(t, p, ReplayStream); n != count || len(seen) != count {
		t.Errorf("got %d events, %d different ones, want %d", n, len(seen), count)
	}
}

// TestReplayTakenOver: a job has one runner.
func TestReplayTakenOver(t *testing.T) {
	t.Parallel()
	s, p := history(t, 40)
	started := make(chan string, 100)
	first := newReplayer(t, p, func(c *ReplayConfig) { c.Progress = func(st ReplayState) { started <- st.Job } })
	ended := make(chan error, 1)
	go func() {
		_, err := first.start(within(t, 60*time.Second), ReplaySpec{Stream: "WEBHOOKS", Rate: 2})
		ended <- err
	}()
	job := <-started
	second := newReplayer(t, newPublisher(t, s.ClientURL(), nil), nil)
	if _, err := second.resume(within(t, 20*time.Second), job); !errors.Is(err, ErrReplayTaken) {
		t.Errorf("resuming what runs: got %v", err)
	}
	// One that does not know that it has lost its job stops.
	jobs, err := second.jobs(within(t, 5*time.Second), 0)
	if err != nil {
		t.Fatal(err)
	}
	st, revision, err := jobs.read(within(t, 5*time.Second), job)
	if err != nil {
		t.Fatal(err)
	}
	thief := &replayRecord{jobs: jobs, st: st, revision: revision}
	thief.st.Runner = "thief"
	checkFor(t, 10*time.Second, func() error {
		_, thief.revision, err = jobs.read(within(t, 5*time.Second), job)
		if err != nil {
			return err
		}
		return thief.store(within(t, 5*time.Second))
	})
	select {
	case err := <-ended:
		if !errors.Is(err, ErrReplayTaken) {
			t.Errorf("got %v, want that the job was taken over", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the first runner goes on")
	}
	if st, err := jobs.get(within(t, 5*time.Second), job); err != nil || st.Runner != "thief" || st.Status != ReplayRunning {
		t.Errorf("got %+v, %v: the first runner has written once more", st, err)
	}
}

// endpoint is a receiver that answers as it is told.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(n int, r *http.Request) (status int)
	got    []received
}

type received struct {
	header http.Header
	body   string
	host   string
}

func newEndpoint(t *testing.T, answer func(n int, r *http.Request) int) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		status := e.answer(len(e.got), r)
		e.got = append(e.got, received{r.Header, string(body), r.Host})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(e.Close)
	return e
}

func TestReplayToURL(t *testing.T) {
	t.Parallel()
	_, p := history(t, 12)
	target := newEndpoint(t, func(n int, _ *http.Request) int { return []int{204, 503, 429, 200}[min(n, 3)] })
	r := newReplayer(t, p, nil)
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL + "/hook?token=abc"})
	if err != nil || st.Sent != 12 || st.Status != ReplayDone {
		t.Fatalf("got %+v, %v", st, err)
	}
	if len(target.got) != 14 {
		t.Fatalf("got %d requests, want 14: two answers asked for another try", len(target.got))
	}
	for i, n := range []int{0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11} {
		g := target.got[i]
		if want := fmt.Sprintf(`{"n":%d}`, n); g.body != want {
			t.Errorf("request %d: got %s, want %s", i, g.body, want)
		}
		for name, want := range map[string]string{
			"X-Signature": "s" + strconv.Itoa(n), "Content-Type": "application/json; charset=utf-8",
			"Wh-Replay": st.Job, "Wh-Replay-Seq": strconv.Itoa(n + 1),
		} {
			if got := g.header.Get(name); got != want {
				t.Errorf("request %d: got %s %q, want %q", i, name, got, want)
			}
		}
		if g.host == "evil.example" || strings.Contains(fmt.Sprint(g.header), "Nats-") {
			t.Errorf("request %d: got the host %s, headers %v", i, g.host, g.header)
		}
	}
}

func TestReplayToURLThatRefuses(t *testing.T) {
	t.Parallel()
	_, p := history(t, 6)
	bad := 400
	target := newEndpoint(t, func(_ int, r *http.Request) int {
		if r.Header.Get("Wh-Replay-Seq") == "3" {
			return bad
		}
		return 200
	})
	r := newReplayer(t, p, nil)
	spec := ReplaySpec{Stream: "WEBHOOKS", To: target.URL}
	st, err := r.start(within(t, 20*time.Second), spec)
	if !errors.Is(err, ErrReplayRefused) || st.Status != ReplayStopped || st.Sent != 2 || st.Position != 2 || !strings.Contains(st.Error, "event 3: the answer is 400") {
		t.Fatalf("got %+v, %v", st, err)
	}
	if st, err = r.resume(within(t, 20*time.Second), st.Job); !errors.Is(err, ErrReplayRefused) || st.Sent != 2 {
		t.Errorf("nothing has changed: got %+v, %v", st, err)
	}
	bad = 200
	if st, err = r.resume(within(t, 20*time.Second), st.Job); err != nil || st.Status != ReplayDone || st.Sent != 6 || st.Error != "" {
		t.Errorf("the receiver is mended: got %+v, %v", st, err)
	}
	// A redirect is no success, and is not followed.
	bad, spec.SkipRefused = 307, true
	if st, err = r.start(within(t, 20*time.Second), spec); err != nil || st.Sent != 5 || st.Refused != 1 {
		t.Errorf("skipping: got %+v, %v", st, err)
	}
	// One that does not answer well for as long as was asked for.
	bad, spec = 500, ReplaySpec{Stream: "WEBHOOKS", To: target.URL, Attempts: 2}
	if st, err = r.start(within(t, 20*time.Second), spec); !errors.Is(err, ErrReplayFailed) || st.Sent != 2 || st.Status != ReplayStopped {
		t.Errorf("giving up: got %+v, %v", st, err)
	}
	if strings.Contains(err.Error(), target.URL) {
		t.Errorf("the error names the URL, which may hold a token: %v", err)
	}
	// Nobody there.
	target.Close()
	if st, err = r.start(within(t, 20*time.Second), spec); !errors.Is(err, ErrReplayFailed) || strings.Contains(err.Error(), "http://") {
		t.Errorf("nobody there: got %+v, %v", st, err)
	}
}

// TestReplaySigned: each request is signed when it is sent, also one that is
// repeated.
func TestReplaySigned(t *testing.T) {
	t.Parallel()
	_, p := history(t, 2)
	target := newEndpoint(t, func(n int, _ *http.Request) int { return []int{503, 200}[min(n, 1)] })
	now := time.Unix(1_700_000_000, 0)
	r := newReplayer(t, p, func(c *ReplayConfig) {
		c.Now = func() time.Time { now = now.Add(time.Minute); return now }
		c.Sign = func(signing json.RawMessage) (ReplaySign, error) {
			return func(r *http.Request, provider string, body []byte, at time.Time) error {
				r.Header.Set("X-Signature", fmt.Sprintf("%s %s %x %d", signing, provider, sha256.Sum256(body), at.Unix()))
				return nil
			}, nil
		}
	})
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL, Resign: true, Signing: json.RawMessage(`"k"`)})
	if err != nil || len(target.got) != 3 {
		t.Fatalf("got %+v, %v, %d requests", st, err, len(target.got))
	}
	seen := map[string]bool{}
	for _, g := range target.got {
		signature := g.header.Get("X-Signature")
		if !strings.HasPrefix(signature, fmt.Sprintf(`"k" stripe %x 17000`, sha256.Sum256([]byte(g.body)))) || seen[signature] {
			t.Errorf("got the signature %q for %s", signature, g.body)
		}
		seen[signature] = true
	}
}

// TestReplayLargeBody: a URL gets the body that is in the object store, and a
// subject the reference to it.
func TestReplayLargeBody(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) {
		c.Bodies, c.LargestBody = BodiesConfig{Bucket: "BODIES", Above: 1000, Create: true}, 25<<20
	})
	body := strings.Repeat("x", 300_000)
	if _, err := p.Publish(within(t, 10*time.Second), testEvent("evt_1", body)); err != nil {
		t.Fatal(err)
	}
	target := newEndpoint(t, func(int, *http.Request) int { return 200 })
	r := newReplayer(t, p, nil)
	if st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL}); err != nil || st.Bytes != uint64(len(body)) {
		t.Fatalf("got %+v, %v", st, err)
	}
	if len(target.got) != 1 || target.got[0].body != body {
		t.Errorf("got %d requests", len(target.got))
	}
	if _, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS"}); err != nil {
		t.Fatal(err)
	}
	m := contents(t, p, ReplayStream)[0]
	if got, err := Body(within(t, 5*time.Second), p.js, m.Header, m.Data); err != nil || string(got) != body || len(m.Data) != 0 {
		t.Errorf("got %d bytes by the reference, %v", len(got), err)
	}
	// A body that has ended cannot be sent.
	if err := p.js.DeleteObjectStore(within(t, 5*time.Second), "BODIES"); err != nil {
		t.Fatal(err)
	}
	if st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL, Attempts: 1}); err == nil || st.Sent != 0 {
		t.Errorf("got %+v, %v", st, err)
	}
}

// TestReplayStreamMadeAnew: sequences of another stream are not what the job
// means.
func TestReplayStreamMadeAnew(t *testing.T) {
	t.Parallel()
	_, p := history(t, 3)
	target := newEndpoint(t, func(int, *http.Request) int { return 400 })
	r := newReplayer(t, p, nil)
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", To: target.URL})
	if !errors.Is(err, ErrReplayRefused) {
		t.Fatal(err)
	}
	if err := p.js.DeleteStream(within(t, 5*time.Second), "WEBHOOKS"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Preflight(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err = r.resume(within(t, 5*time.Second), st.Job); !errors.Is(err, ErrReplaySpec) || !strings.Contains(err.Error(), "made anew") {
		t.Errorf("got %v", err)
	}
}

func TestReplayRate(t *testing.T) {
	t.Parallel()
	_, p := history(t, 30)
	begin := time.Now()
	st, err := newReplayer(t, p, nil).start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", Rate: 50})
	if took := time.Since(begin); err != nil || st.Sent != 30 || took < 450*time.Millisecond {
		t.Errorf("got %+v, %v after %v, want at least 0.45 s", st, err, took)
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		glob, text string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "ac", true},
		{"a*a", "a", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "acb", false},
		{"*b*", "abc", true},
		{"abc", "abcd", false},
	} {
		if got := fits(test.glob, test.text); got != test.want {
			t.Errorf("%q and %q: got %v, want %v", test.glob, test.text, got, test.want)
		}
	}
}
