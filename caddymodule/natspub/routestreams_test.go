package natspub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// divided gives the source code a stream of its own.
func divided(c *Config) {
	c.Stream.Subjects = []string{"wh.v1.acme.billing.>"}
	c.Routes = []StreamConfig{{
		Name: "CODE", Subjects: []string{"wh.v1.*.code.>"}, Window: time.Hour, MaxAge: 24 * time.Hour, Create: true,
	}}
}

func alone(change func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Embedded, c.SyncAlways = true, true
		if change != nil {
			change(c)
		}
	}
}

func forStream(source, id, stream string) *gateway.Event {
	e := of(source, id, `{"id":"`+id+`"}`)
	e.Stream = stream
	return e
}

func subjectsOf(t *testing.T, p *Publisher, stream string) []string {
	t.Helper()
	s, err := p.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config.Subjects
}

func mustBeIn(t *testing.T, p gateway.Publisher, e *gateway.Event, stream string) {
	t.Helper()
	ack, err := p.Publish(within(t, 20*time.Second), e)
	if err != nil || ack.Stream != stream || ack.Duplicate {
		t.Errorf("%s: got %+v, %v, want it in %s", e.ID, ack, err, stream)
	}
}

// TestRouteStreamsAlone: on a server of this gateway alone streams get the subjects
// that the configuration gives them, to and fro, and lose nothing.
func TestRouteStreamsAlone(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	whole := ready(t, url, alone(nil))
	mustBeIn(t, whole, forStream("code", "before", ""), "WEBHOOKS")

	p := ready(t, url, alone(divided))
	if got := subjectsOf(t, p, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.acme.billing.>"}) {
		t.Errorf("WEBHOOKS has %v", got)
	}
	mustBeIn(t, p, forStream("code", "own", "CODE"), "CODE")
	mustBeIn(t, p, forStream("billing", "main", ""), "WEBHOOKS")
	if ack, err := p.Publish(within(t, 20*time.Second), forStream("code", "own", "CODE")); err != nil || !ack.Duplicate || ack.Stream != "CODE" {
		t.Errorf("again: %+v, %v", ack, err)
	}
	m, err := p.js.Stream(t.Context(), "CODE")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := m.GetMsg(t.Context(), 1)
	if err != nil || one(stored.Header, headerStream) != "CODE" || stored.Subject != "wh.v1.acme.code.invoice.paid" {
		t.Errorf("got %+v, %v", stored, err)
	}
	if found, err := p.Preflight(t.Context()); err != nil || slices.ContainsFunc(found, func(f Finding) bool { return f.Problem == Updated || f.Problem == Created }) {
		t.Errorf("it changes streams again: %v, %v", found, err)
	}
	st, err := NewDedupe(p, nil).Inspect(within(t, 20*time.Second), "acme", "code", "own")
	if err != nil || !st.Known || len(st.Stored) != 1 || st.Stored[0].Stream != "CODE" {
		t.Errorf("got %+v, %v", st, err)
	}
	// The source goes back, and its stream keeps what it has.
	whole = ready(t, url, alone(nil))
	if got := subjectsOf(t, whole, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.>"}) {
		t.Errorf("WEBHOOKS has %v", got)
	}
	if got := subjectsOf(t, whole, "CODE"); !slices.Equal(got, []string{"wh-retired.v1.CODE.>"}) {
		t.Errorf("CODE has %v", got)
	}
	mustBeIn(t, whole, forStream("code", "after", ""), "WEBHOOKS")
	// And once more to its own.
	p = ready(t, url, alone(divided))
	mustBeIn(t, p, forStream("code", "later", "CODE"), "CODE")
	for stream, want := range map[string][]string{"WEBHOOKS": {"before", "main", "after"}, "CODE": {"own", "later"}} {
		var got []string
		for _, m := range contents(t, p, stream) {
			got = append(got, one(m.Header, "ce-id"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", stream, got, want)
		}
	}
}

// TestRouteStreamsMove: two streams of routes exchange their sources.
func TestRouteStreamsMove(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	with := func(first, second string) func(*Config) {
		return alone(func(c *Config) {
			c.Stream.Name = "" // nobody needs it
			for name, source := range map[string]string{"FIRST": first, "SECOND": second} {
				c.Routes = append(c.Routes, StreamConfig{Name: name, Subjects: []string{"wh.v1.*." + source + ".>"}, Window: time.Hour, MaxAge: 24 * time.Hour, Create: true})
			}
		})
	}
	p := ready(t, url, with("a", "b"))
	mustBeIn(t, p, forStream("a", "1", "FIRST"), "FIRST")
	mustBeIn(t, p, forStream("b", "2", "SECOND"), "SECOND")
	checkFor(t, 10*time.Second, func() error { // each step takes what another has
		found, err := newPublisher(t, url, with("b", "a")).Preflight(t.Context())
		if err == nil && hopeless(found) {
			err = fmt.Errorf("%v", found)
		}
		return err
	})
	p = ready(t, url, with("b", "a"))
	mustBeIn(t, p, forStream("b", "3", "FIRST"), "FIRST")
	mustBeIn(t, p, forStream("a", "4", "SECOND"), "SECOND")
}

// TestRouteStreamsShared: on servers that others may use nothing is taken away.
// The finding has the line that does it, and with it everything works.
func TestRouteStreamsShared(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	ready(t, url, nil)
	p := newPublisher(t, url, divided)
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const line = "nats stream edit WEBHOOKS --subjects 'wh.v1.acme.billing.>'"
	mustFind(t, found, Fatal, "stream CODE", "it does not exist, and the stream WEBHOOKS has its subjects", line)
	if got := subjectsOf(t, p, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.>"}) {
		t.Errorf("WEBHOOKS has %v", got)
	}
	if _, err := p.Publish(within(t, 5*time.Second), forStream("code", "early", "CODE")); err == nil {
		t.Error("an event was taken for a stream that is not there")
	}
	s, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Subjects = []string{"wh.v1.acme.billing.>"}
	if _, err := p.js.UpdateStream(t.Context(), cfg); err != nil { // what the line does
		t.Fatal(err)
	}
	p = ready(t, url, divided)
	mustBeIn(t, p, forStream("code", "own", "CODE"), "CODE")
	mustBeIn(t, p, forStream("billing", "main", ""), "WEBHOOKS")
	// A gateway with one more source adds its subject, and takes none.
	more := ready(t, url, func(c *Config) {
		divided(c)
		c.Stream.Subjects = []string{"wh.v1.acme.sales.>"}
	})
	mustBeIn(t, more, forStream("sales", "third", ""), "WEBHOOKS")
	if got := subjectsOf(t, p, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.acme.billing.>", "wh.v1.acme.sales.>"}) {
		t.Errorf("WEBHOOKS has %v", got)
	}
	// Where streams are not the gateway's to change it says what is missing.
	found, err = newPublisher(t, url, func(c *Config) {
		divided(c)
		c.Stream.Create, c.Stream.Subjects = false, []string{"wh.v1.acme.billing.>", "wh.v1.*.shop.>"}
	}).Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "stream WEBHOOKS: it does not take wh.v1.*.shop.>", "--subjects 'wh.v1.acme.billing.>' --subjects 'wh.v1.*.shop.>'")
}

// TestRouteStreamsFromASpool: what was kept is forwarded to the stream of its
// route, each source in its order, also in batches and when the spool starts anew.
func TestRouteStreamsFromASpool(t *testing.T) {
	t.Parallel()
	l := local(t, runServer(t, t.TempDir(), 0, nil).ClientURL())
	s := newSpool(t, l, nil, nil)
	var want [2][]string
	for i := range 40 {
		id := fmt.Sprintf("evt-%02d", i)
		if i%3 == 0 {
			mustKeep(t, s, forStream("billing", id, ""), true)
			want[0] = append(want[0], id)
			continue
		}
		mustKeep(t, s, forStream("code", id, "CODE"), true)
		want[1] = append(want[1], id)
	}
	before := s.Status()
	again := newSpool(t, l, nil, nil) // counts what is there
	if st := again.Status(); st.Events != before.Events {
		t.Errorf("got %d events, want %d", st.Events, before.Events)
	}
	remote := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), divided)
	s.SetRemote(remote)
	if st := drained(t, s); st.Bytes != 0 || st.Forwarded != 40 {
		t.Errorf("got %+v", st)
	}
	for i, stream := range []string{"WEBHOOKS", "CODE"} {
		var got []string
		for _, m := range contents(t, remote, stream) {
			got = append(got, one(m.Header, "ce-id"))
			if one(m.Header, headerStream) != stream {
				t.Errorf("%s: got %v", stream, m.Header)
			}
		}
		if !slices.Equal(got, want[i]) {
			t.Errorf("%s has %v, want %v", stream, got, want[i])
		}
	}
	// Directly, when the cluster is there.
	mustKeep(t, s, forStream("code", "direct", "CODE"), false)
	if got := contents(t, remote, "CODE"); one(got[len(got)-1].Header, "ce-id") != "direct" {
		t.Error("it is not in the stream of its route")
	}
}

// TestRouteStreamsOfAnotherConfiguration: what was kept before a route got another
// stream, or lost it, is forwarded to the one that has its subject now.
func TestRouteStreamsOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		change       func(*Config)
		before, want string
	}{
		{"none before", divided, "", "CODE"},
		{"none any more", nil, "CODE", "WEBHOOKS"},
		{"another before", divided, "OLD", "CODE"},
		{"others have it now", func(c *Config) {
			c.Routes = []StreamConfig{{Name: "CODE", Subjects: []string{"wh.v1.acme.other.>"}, Window: time.Hour, MaxAge: 24 * time.Hour, Create: true}}
			c.Stream.Subjects = []string{"wh.v1.acme.code.>"}
		}, "CODE", "WEBHOOKS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSpool(t, local(t, runServer(t, t.TempDir(), 0, nil).ClientURL()), nil, nil)
			mustKeep(t, s, forStream("code", "one", tt.before), true)
			mustKeep(t, s, forStream("code", "two", tt.before), true)
			remote := ready(t, runServer(t, t.TempDir(), 0, nil).ClientURL(), tt.change)
			s.SetRemote(remote)
			if st := drained(t, s); st.Bytes != 0 || st.Forwarded != 2 || st.Held != 0 {
				t.Errorf("got %+v", st)
			}
			if list := contents(t, remote, tt.want); len(list) != 2 || one(list[0].Header, headerStream) != tt.want {
				t.Errorf("%s has %d events", tt.want, len(list))
			}
		})
	}
}

// TestInspectAfterAMove: an id that only the stream knows that a route had before is
// no duplicate in the one that it has now.
func TestInspectAfterAMove(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	whole := ready(t, url, alone(forgetting))
	mustBeIn(t, whole, forStream("code", "before", ""), "WEBHOOKS")
	if st := inspect(t, whole, forStream("code", "before", "")); !st.Known {
		t.Errorf("before: %+v", st)
	}
	moved := ready(t, url, alone(func(c *Config) { forgetting(c); divided(c) }))
	e := forStream("code", "before", "CODE")
	if st := inspect(t, moved, e); st.Known || len(st.Stored) != 1 || st.Stored[0].Stream != "WEBHOOKS" {
		t.Errorf("moved: %+v", st)
	}
	if _, _, err := NewDedupe(moved, nil).Forget(within(t, 5*time.Second), e.Tenant, e.Source, e.ID, "", "x"); !errors.Is(err, ErrNotRemembered) {
		t.Errorf("forgetting it: %v", err)
	}
	mustBeIn(t, moved, e, "CODE")
	if st := inspect(t, moved, e); !st.Known || len(st.Stored) != 2 {
		t.Errorf("stored again: %+v", st)
	}
	mustForget(t, moved, e)
	mustBeIn(t, moved, e, "CODE")
}

// TestRenamedStreams: another name for the stream of all events is refused, also
// where the gateway is alone, and in a spool, which would not forward what it has.
func TestRenamedStreams(t *testing.T) {
	t.Parallel()
	url := runServer(t, t.TempDir(), 0, nil).ClientURL()
	ready(t, url, alone(nil))
	p := newPublisher(t, url, alone(func(c *Config) { c.Stream.Name = "EVENTS" }))
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "stream EVENTS", "the stream WEBHOOKS has its subjects")
	if got := subjectsOf(t, p, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.>"}) {
		t.Errorf("WEBHOOKS has %v", got)
	}
	spooling := runServer(t, t.TempDir(), 0, nil).ClientURL()
	local(t, spooling)
	p = newPublisher(t, spooling, alone(func(c *Config) {
		c.Stream.Name = "EVENTS"
		c.Stream, c.Unverified, c.Quarantine = c.Stream.Spooled(), c.Unverified.Spooled(), c.Quarantine.Spooled()
	}))
	if found, err = p.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "stream EVENTS", "the stream WEBHOOKS has its subjects")
	if got := subjectsOf(t, p, "WEBHOOKS"); !slices.Equal(got, []string{"wh.v1.>"}) {
		t.Errorf("the spool's WEBHOOKS has %v", got)
	}
}

func TestStreamSubjects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"wh.v1.>", "wh.v1.a.b.>", true},
		{"wh.v1.a.b.>", "wh.v1.a.c.>", false},
		{"wh.v1.*.b.>", "wh.v1.a.b.>", true},
		{"wh.v1.*.b.>", "wh.v1.a.*.>", true},
		{"wh.v1.a.b", "wh.v1.a.b.>", false},
		{"wh.v1.a", "wh.v1.a", true},
		{"wh.v1.>", "wh-retired.v1.X.>", false},
	} {
		if Overlap(tt.a, tt.b) != tt.want || Overlap(tt.b, tt.a) != tt.want {
			t.Errorf("%s and %s: want %v", tt.a, tt.b, tt.want)
		}
	}
	cfg := StreamConfig{Name: "X", Subjects: []string{"wh.v1.*.b.>", "wh.v1.a.c.>"}}
	if got := cfg.within(Root, "preflight"); got != "wh.v1._.b.preflight" {
		t.Errorf("got %s", got)
	}
	if got := (StreamConfig{}).within(Root, "preflight"); got != "wh.v1._.preflight" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(cfg.missing(Root, []string{"wh.v1.a.>"}), " "); got != "wh.v1.*.b.>" {
		t.Errorf("got %s", got)
	}
	if want, differs := cfg.changed(Root, jetstream.StreamConfig{Subjects: []string{"wh.v1.>"}, Replicas: 1, MaxBytes: -1}, true); differs {
		t.Errorf("a shared stream that takes everything becomes %v", want.Subjects)
	}
}
