package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func deny(subjects ...string) func(*server.Options) {
	return func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: subjects}}},
			{Username: "admin", Password: "p"},
		}
		o.NoAuthUser = "u"
	}
}

// onlyStream leaves one stream, so that a test has the findings of one.
func onlyStream(c *Config) { c.Unverified, c.Quarantine = StreamConfig{}, StreamConfig{} }

func mustFind(t *testing.T, found []Finding, severity Severity, words ...string) {
	t.Helper()
	for _, f := range found {
		has := f.Severity == severity
		for _, w := range words {
			has = has && strings.Contains(f.String(), w)
		}
		if has {
			return
		}
	}
	t.Errorf("got %v, want one that is %s and says %q", found, severity, words)
}

func TestPreflightNeedsPermissions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, denied string
		exists       bool
		severity     Severity
		words        []string
	}{
		{"to look", "$JS.API.STREAM.INFO.>", true, Warning, []string{"may not look", "$JS.API.STREAM.INFO.WEBHOOKS"}},
		{"to create", "$JS.API.STREAM.CREATE.>", false, Fatal, []string{"may not create", "nats stream add WEBHOOKS", "$JS.API.STREAM.CREATE.WEBHOOKS"}},
		{"to change", "$JS.API.STREAM.UPDATE.>", true, Warning, []string{"may not change", "$JS.API.STREAM.UPDATE.WEBHOOKS"}},
		{"to publish", "wh.v1.>", true, Fatal, []string{"may not publish", "wh.v1.>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, deny(tt.denied))
			if tt.exists {
				admin := newPublisher(t, strings.Replace(s.ClientURL(), "nats://", "nats://admin:p@", 1), onlyStream)
				cfg := admin.cfg.Stream
				cfg.Window = time.Minute
				if _, err := admin.js.CreateStream(t.Context(), cfg.config(Root)); err != nil {
					t.Fatal(err)
				}
			}
			p := newPublisher(t, s.ClientURL(), onlyStream)
			found, err := p.Preflight(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			mustFind(t, found, tt.severity, tt.words...)
		})
	}
}

// TestPreflightNeedsRoom: a stream that may take more than the server has says so.
func TestPreflightNeedsRoom(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 })
	p := newPublisher(t, s.ClientURL(), func(cfg *Config) { onlyStream(cfg); cfg.Stream.MaxBytes = 2 << 20 })
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "does not create it: insufficient storage", "2097152 bytes", "`max_bytes`", "`max_file_store`")
}

// TestPreflightNeedsNoNames: what is absent is told within the time of a look, also
// where the user may not ask who else has the subjects.
func TestPreflightNeedsNoNames(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, deny("$JS.API.STREAM.NAMES"))
	for name, subjects := range map[string][]string{"root": nil, "some": {"wh.v1.default.github.>"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t, s.ClientURL(), func(cfg *Config) {
				cfg.Stream.Create, cfg.Stream.Subjects = false, subjects
				cfg.Quarantine.Create = false
			})
			found, err := p.Preflight(within(t, question-500*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			mustFind(t, found, Fatal, "it does not exist", "nats stream add WEBHOOKS ")
			mustFind(t, found, Fatal, "it does not exist", "nats stream add WEBHOOKS_QUARANTINE ")
		})
	}
}

func TestPreflightNamesTheOwner(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := newPublisher(t, s.ClientURL(), onlyStream)
	if _, err := p.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"wh.>"}}); err != nil {
		t.Fatal(err)
	}
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "stream WEBHOOKS", "the stream THEIRS has its subjects")
}

func TestPreflightSaysWhatTheServerRefuses(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := newPublisher(t, s.ClientURL(), func(c *Config) { onlyStream(c); c.Stream.Replicas = 3 })
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "does not create it", "replicas", "nats stream add WEBHOOKS")
}

func TestPreflightComparesSizes(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil) // takes 1 MiB
	p := newPublisher(t, s.ClientURL(), func(c *Config) { onlyStream(c); c.LargestBody = 25 << 20 })
	cfg := p.cfg.Stream.config(Root)
	cfg.MaxMsgSize = 100_000
	if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Warning, "the server takes messages up to 1048576", "max_payload")
	mustFind(t, found, Warning, "stream WEBHOOKS", "up to 100000", "--max-msg-size")
}

// TestPreflightStoresNothing: looking whether events can get there is not one.
func TestPreflightStoresNothing(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	for _, name := range []string{"WEBHOOKS", "WEBHOOKS_UNVERIFIED", "WEBHOOKS_QUARANTINE"} {
		if got := stored(t, p, name); got != 0 {
			t.Errorf("%s: got %d messages, want none", name, got)
		}
	}
}

// TestUpdate: what a change of the configuration does to a stream of ours.
func TestUpdate(t *testing.T) {
	t.Parallel()
	first := StreamConfig{Name: "WEBHOOKS", MaxAge: 48 * time.Hour, Window: 24 * time.Hour, MaxBytes: 1 << 20, Create: true}
	for _, tt := range []struct {
		name     string
		embedded bool
		theirs   bool
		ask      StreamConfig
		want     StreamConfig
	}{
		{
			name: "alone, less", embedded: true, ask: StreamConfig{MaxAge: 30 * time.Hour, Window: time.Hour, MaxBytes: 1 << 19},
			want: StreamConfig{MaxAge: 30 * time.Hour, Window: 24 * time.Hour, MaxBytes: 1 << 19},
		},
		{
			name: "alone, kept shorter than ids are remembered", embedded: true, ask: StreamConfig{MaxAge: time.Hour, Window: time.Hour},
			want: StreamConfig{MaxAge: time.Hour, Window: time.Hour, MaxBytes: -1},
		},
		{
			name: "shared, less", ask: StreamConfig{MaxAge: 30 * time.Hour, Window: time.Hour, MaxBytes: 1 << 19},
			want: StreamConfig{MaxAge: 48 * time.Hour, Window: 24 * time.Hour, MaxBytes: 1 << 20},
		},
		{
			name: "shared, more", ask: StreamConfig{MaxAge: 72 * time.Hour, Window: 36 * time.Hour, MaxBytes: 1 << 21},
			want: StreamConfig{MaxAge: 72 * time.Hour, Window: 36 * time.Hour, MaxBytes: 1 << 21},
		},
		{
			name: "shared, without limits", ask: StreamConfig{Window: 36 * time.Hour},
			want: StreamConfig{Window: 36 * time.Hour, MaxBytes: -1},
		},
		{
			name: "not ours", theirs: true, embedded: true, ask: StreamConfig{MaxAge: 72 * time.Hour, Window: 36 * time.Hour},
			want: StreamConfig{MaxAge: 48 * time.Hour, Window: 24 * time.Hour, MaxBytes: 1 << 20},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, nil)
			tt.ask.Name, tt.ask.Create = "WEBHOOKS", true
			p := newPublisher(t, s.ClientURL(), func(c *Config) { onlyStream(c); c.Stream, c.Embedded = tt.ask, tt.embedded })
			cfg := first.config(Root)
			if tt.theirs {
				cfg.Metadata = nil
			}
			if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Preflight(t.Context()); err != nil {
				t.Fatal(err)
			}
			stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
			if err != nil {
				t.Fatal(err)
			}
			got := stream.CachedInfo().Config
			if got.MaxAge != tt.want.MaxAge || got.Duplicates != tt.want.Window || got.MaxBytes != tt.want.MaxBytes {
				t.Errorf("got %s, ids for %s, %d bytes, want %s, %s, %d", got.MaxAge, got.Duplicates, got.MaxBytes, tt.want.MaxAge, tt.want.Window, tt.want.MaxBytes)
			}
		})
	}
}

func TestMemoryOfIDs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		msgs     uint64
		span     time.Duration
		severity Severity
		words    string
	}{
		{"empty", 0, 0, "", ""},
		{"few", 90_000, 24 * time.Hour, "", ""},
		{"too short to tell", 1_000_000, time.Minute, "", ""},
		{"a day's worth", 1_000_000, 24 * time.Hour, Note, "1000000 ids, which cost the server 138 MB"},
		{"a week's worth", 7_000_000, 7 * 24 * time.Hour, Note, "1000000 ids"},
		{"two hours, so far", 1_000_000, 2 * time.Hour, Warning, "12000000 ids"},
	} {
		info := &jetstream.StreamInfo{
			TimeStamp: now, Config: jetstream.StreamConfig{Duplicates: 24 * time.Hour},
			State: jetstream.StreamState{Msgs: tt.msgs, FirstTime: now.Add(-tt.span)},
		}
		f := checkMemory(info)
		switch {
		case f == nil && tt.severity != "", f != nil && (f.Severity != tt.severity || !strings.Contains(f.Problem, tt.words)):
			t.Errorf("%s: got %v, want %s %q", tt.name, f, tt.severity, tt.words)
		}
	}
}

// TestPreflightReads: the original of a duplicate has to be readable, in one way
// or the other.
func TestPreflightReads(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		denied []string
		found  bool
	}{
		{"directly", []string{"$JS.API.STREAM.MSG.GET.>"}, false},
		{"from the leader", []string{"$JS.API.DIRECT.GET.>"}, false},
		{"not at all", []string{"$JS.API.STREAM.MSG.GET.>", "$JS.API.DIRECT.GET.>"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, deny(tt.denied...))
			p := newPublisher(t, s.ClientURL(), onlyStream)
			start := time.Now()
			found, err := p.Preflight(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > question {
				t.Errorf("it took %v, want it to notice that it is not permitted", took)
			}
			if tt.found {
				mustFind(t, found, Warning, "may not read", "$JS.API.DIRECT.GET.WEBHOOKS")
				return
			}
			for _, f := range found {
				if f.Severity != Note {
					t.Errorf("got %s", f)
				}
			}
		})
	}
}

// TestPreflightFull: an almost full stream is worth a word before it refuses.
func TestPreflightFull(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), func(c *Config) { onlyStream(c); c.Stream.MaxBytes = 20_000 })
	for i := 0; ; i++ {
		e := testEvent(fmt.Sprint("evt_", i), `{"pad":"`+strings.Repeat("x", 500)+`"}`)
		if _, err := p.Publish(within(t, 5*time.Second), e); err != nil {
			if !errors.Is(err, gateway.ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Warning, "it is full to 9", "--max-bytes")
}

// TestPreflightOffline: a copy that is missing is worth a word.
func TestPreflightOffline(t *testing.T) {
	t.Parallel()
	cfg := StreamConfig{Name: "WEBHOOKS", Replicas: 3}
	info := &jetstream.StreamInfo{
		Config:  jetstream.StreamConfig{Name: "WEBHOOKS", Subjects: []string{"wh.v1.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Replicas: 3},
		Cluster: &jetstream.ClusterInfo{Leader: "n0", Replicas: []*jetstream.PeerInfo{{Name: "n1", Current: true}, {Name: "n2", Offline: true}}},
	}
	found := check(info, Root, cfg)
	if len(found) != 1 {
		t.Errorf("got %v, want one finding", found)
	}
	mustFind(t, found, Warning, "offline: n2")
}

// TestRefuse: events for a stream that is not fit are refused without an attempt,
// and those for others are not.
func TestRefuse(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	ctx := within(t, 10*time.Second)
	reason := errors.New("not fit")
	p.Refuse(map[string]error{"WEBHOOKS": reason})
	if ack, err := p.Publish(ctx, testEvent("evt_1", "{}")); !errors.Is(err, gateway.ErrRefused) || !errors.Is(err, reason) || ack.Attempts != 0 {
		t.Errorf("got %+v, %v, want it refused without an attempt", ack, err)
	}
	if _, err := p.Quarantine(ctx, testEvent("evt_1", "{}"), gateway.Quarantine{Reason: "schema"}); err != nil {
		t.Errorf("quarantine: got %v, want it stored", err)
	}
	p.Refuse(map[string]error{"": reason})
	if _, err := p.Quarantine(ctx, testEvent("evt_2", "{}"), gateway.Quarantine{Reason: "schema"}); !errors.Is(err, gateway.ErrRefused) {
		t.Errorf("all: got %v, want it refused", err)
	}
	p.Refuse(nil)
	if _, err := p.Publish(ctx, testEvent("evt_1", "{}")); err != nil {
		t.Errorf("got %v, want it stored", err)
	}
	if got := p.Pending(); got != 0 {
		t.Errorf("got %d waiting, want none", got)
	}
}

// TestPreflightEndsWithItsWrites: when a look that was called off returns, what it
// has asked the server for is done, and nothing comes after that.
func TestPreflightEndsWithItsWrites(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"STREAM.INFO", "STREAM.CREATE"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, nil)
			p := newPublisher(t, s.ClientURL(), onlyStream)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			other, err := nats.Connect(s.ClientURL())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(other.Close)
			asked := make(chan struct{}, 1)
			if _, err := other.Subscribe("$JS.API."+when+".WEBHOOKS", func(*nats.Msg) { cancel(); asked <- struct{}{} }); err != nil {
				t.Fatal(err)
			}
			if err := other.Flush(); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Preflight(ctx); err == nil {
				t.Log("it was faster")
			}
			before, err := p.js.Stream(within(t, 5*time.Second), "WEBHOOKS")
			made := err == nil
			select {
			case <-asked:
			case <-time.After(5 * time.Second):
				t.Fatal("the server was not asked")
			}
			if when == "STREAM.CREATE" && !made {
				t.Errorf("got %v, %v: the stream comes after the look has ended", before, err)
			}
			for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if _, err := p.js.Stream(within(t, 5*time.Second), "WEBHOOKS"); (err == nil) != made {
					t.Fatalf("got %v, and when the look had ended %v", err, made)
				}
			}
		})
	}
}
