package natspub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// replayAs replays the events of a documented server as that user, to a subject and
// to a URL, resumes, and lists.
func replayAs(t *testing.T, s *server.Server, user string) error {
	t.Helper()
	nc, err := Connect(ConnectConfig{URLs: []string{as(s, user)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	checkFor(t, 5*time.Second, func() error { return nc.FlushTimeout(time.Second) })
	r, err := NewReplayer(ReplayConfig{Conn: nc})
	if err != nil {
		t.Fatal(err)
	}
	answer := 400
	target := newEndpoint(t, func(int, *http.Request) int { return answer })
	if plan, err := r.Plan(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", Sources: []string{"billing"}}); err != nil || plan.Events != 2 {
		return fmt.Errorf("dry run: got %+v, %w", plan, errOr(err))
	}
	if st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS"}); err != nil || st.Sent != 3 {
		return fmt.Errorf("to a subject: got %+v, %w", st, errOr(err))
	}
	st, err := r.start(within(t, 20*time.Second), ReplaySpec{Stream: "WEBHOOKS", Sources: []string{"billing"}, To: target.URL, Since: time.Now().Add(-time.Hour)})
	if !errors.Is(err, ErrReplayRefused) {
		return fmt.Errorf("to a URL: got %+v, %w", st, errOr(err))
	}
	answer = 200
	if st, err = r.resume(within(t, 20*time.Second), st.Job); err != nil || st.Sent != 2 {
		return fmt.Errorf("resumed: got %+v, %w", st, errOr(err))
	}
	if list, err := r.Jobs(within(t, 20*time.Second)); err != nil || len(list) != 2 {
		return fmt.Errorf("list: got %+v, %w", list, errOr(err))
	}
	return nc.LastError()
}

func errOr(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// replayable starts a documented server, without some of what it allows, whose
// stream has three events.
func replayable(t *testing.T, without ...string) *server.Server {
	t.Helper()
	s := documented(t, without...)
	operator := ready(t, as(s, "operator"), nil)
	for _, id := range []string{"evt_1", "evt_2", "last"} {
		e := testEvent(id, "{}")
		if id == "last" {
			e.Source = "code"
		}
		if _, err := operator.Publish(within(t, 5*time.Second), e); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestDocumentedReplay: what docs/permissions.md gives a gateway, and somebody who
// replays, is enough for a replay from its beginning to its end, and the server
// refuses nothing.
func TestDocumentedReplay(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"gateway", "tool"} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			if err := replayAs(t, replayable(t), user); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDocumentedReplayIsNeeded: none of it is there for nothing, and what is missing
// is named, with the cure, before long.
func TestDocumentedReplayIsNeeded(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"$JS.API.STREAM.INFO.WEBHOOKS", "$JS.API.STREAM.MSG.GET.WEBHOOKS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.>", "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.*",
		"$JS.API.INFO", "$JS.API.STREAM.INFO.KV_WEBHOOKS_REPLAYS", "$JS.API.STREAM.CREATE.KV_WEBHOOKS_REPLAYS", "$KV.WEBHOOKS_REPLAYS.>",
		"$JS.API.DIRECT.GET.KV_WEBHOOKS_REPLAYS.>", "$JS.API.CONSUMER.CREATE.KV_WEBHOOKS_REPLAYS.>", "$JS.API.CONSUMER.DELETE.KV_WEBHOOKS_REPLAYS.*",
		"wh-replay.v1.>", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.WEBHOOKS_REPLAY",
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			err := replayAs(t, replayable(t, subject), "tool")
			name := strings.TrimSuffix(strings.TrimSuffix(subject, ".>"), ".*")
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+name) {
				t.Fatalf("got %v, want that %s is denied", err, name)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			// Only that a reader is not removed early has no consequence.
			if !strings.Contains(subject, ".DELETE.") && !strings.Contains(err.Error(), "docs/permissions.md") {
				t.Errorf("got %v, want a cure", err)
			}
		})
	}
}

// TestDocumentedReplayList: so many jobs that the server waits for a word between
// them.
func TestDocumentedReplayList(t *testing.T) {
	t.Parallel()
	for _, without := range [][]string{nil, {"$JS.FC.KV_WEBHOOKS_REPLAYS.>"}} {
		t.Run(strings.Join(without, " "), func(t *testing.T) {
			t.Parallel()
			s := replayable(t, without...)
			jobs, err := newReplayer(t, ready(t, as(s, "operator"), nil), nil).jobs(within(t, 5*time.Second), 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 60 {
				st := ReplayState{Job: fmt.Sprintf("replay-%d", i), Spec: ReplaySpec{Stream: "WEBHOOKS", IDs: []string{strings.Repeat("x", 60_000)}}}
				if _, err := jobs.create(within(t, 5*time.Second), st); err != nil {
					t.Fatal(err)
				}
			}
			p := newPublisher(t, as(s, "tool"), nil)
			list, err := newReplayer(t, p, nil).Jobs(within(t, 20*time.Second))
			if without == nil && (err != nil || len(list) != 60 || p.cfg.Conn.LastError() != nil) {
				t.Errorf("got %d, %v, %v", len(list), err, p.cfg.Conn.LastError())
			}
			if without != nil && !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("got %d, %v, want that it is denied", len(list), err)
			}
		})
	}
}

// TestDocumentedOps: with what docs/permissions.md gives a gateway its operational
// events are stored.
func TestDocumentedOps(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"gateway", "gateway-create-off"} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			s := documented(t)
			stream := StreamConfig{Name: "WEBHOOKS_OPS", Window: time.Hour, MaxAge: 24 * time.Hour, DropOldest: true, Create: true}
			operator := ready(t, as(s, "operator"), nil)
			if user == "gateway-create-off" {
				if _, err := operator.js.CreateStream(within(t, 5*time.Second), stream.config(OpsRoot)); err != nil {
					t.Fatal(err)
				}
				stream.Create = false
			}
			o, count := newOps(t, as(s, user), func(c *OpsConfig) { c.Stream = stream })
			o.Send(OpsEvent{Name: "replay_begin"})
			checkFor(t, 10*time.Second, func() error {
				if count.stored.Load() != 1 {
					return fmt.Errorf("got %d stored, %d dropped", count.stored.Load(), count.dropped.Load())
				}
				return nil
			})
			if n := stored(t, operator, "WEBHOOKS_OPS"); n != 1 {
				t.Errorf("got %d", n)
			}
			if err := o.cfg.Conn.LastError(); err != nil {
				t.Errorf("the server has refused something: %v", err)
			}
		})
	}
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		o, count := newOps(t, as(documented(t, "wh-ops.v1.>"), "gateway"), nil)
		o.Send(OpsEvent{Name: "replay_begin"})
		checkFor(t, 30*time.Second, func() error {
			if count.dropped.Load() != 1 {
				return errors.New("it is not dropped")
			}
			return nil
		})
	})
}
