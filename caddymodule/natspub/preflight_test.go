package natspub

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
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
