package natspub

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestPreflightCreates(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := ready(t, s.ClientURL(), nil)
	stream, err := p.js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	if c.Discard != jetstream.DiscardNew || c.Retention != jetstream.LimitsPolicy || c.Storage != jetstream.FileStorage ||
		c.Duplicates != time.Hour || c.MaxAge != 24*time.Hour || !c.AllowDirect || c.Subjects[0] != "wh.v1.>" {
		t.Errorf("got %+v", c)
	}
	// A longer window is taken over, a shorter one does not forget anything.
	for _, tt := range []struct{ ask, want time.Duration }{{2 * time.Hour, 2 * time.Hour}, {time.Minute, 2 * time.Hour}} {
		next := ready(t, s.ClientURL(), func(c *Config) { c.Stream.Window = tt.ask })
		stream, err := next.js.Stream(t.Context(), "WEBHOOKS")
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().Config.Duplicates; got != tt.want {
			t.Errorf("asked for %s: got a window of %s, want %s", tt.ask, got, tt.want)
		}
	}
}

func TestPreflightFinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		change   func(*jetstream.StreamConfig)
		severity Severity
		want     string
	}{
		{"memory", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, Fatal, "file storage"},
		{"work queue", func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, Fatal, "limits retention"},
		{"discard old", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, Fatal, "--discard new"},
		{"subject", func(c *jetstream.StreamConfig) { c.Subjects = []string{"wh.v1.*.*.*"} }, Fatal, "wh.v1.>"},
		{"no ack", func(c *jetstream.StreamConfig) { c.NoAck = true }, Fatal, "--ack"},
		{"window", func(c *jetstream.StreamConfig) { c.Duplicates = time.Minute }, Warning, "--dupe-window 1h"},
		{"replicas", func(*jetstream.StreamConfig) {}, Warning, "--replicas 3"},
		{"per subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, Fatal, "--max-msgs-per-subject=-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := runServer(t, t.TempDir(), 0, nil)
			p := newPublisher(t, s.ClientURL(), func(c *Config) {
				c.Stream.Create = false
				if tt.name == "replicas" {
					c.Stream.Replicas = 3
				}
				c.Unverified, c.Quarantine = StreamConfig{}, StreamConfig{}
			})
			cfg := testStreams.Stream.config(Root)
			cfg.Metadata, cfg.AllowAtomicPublish = nil, false
			tt.change(&cfg)
			if _, err := p.js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			found, err := p.Preflight(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Severity == tt.severity && strings.Contains(f.String(), tt.want) {
					return
				}
			}
			t.Errorf("got %v, want one that is %s and says %q", found, tt.severity, tt.want)
		})
	}
}

func TestPreflightNamesTheCommand(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	p := newPublisher(t, s.ClientURL(), func(c *Config) { c.Stream.Create = false })
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const want = "nats stream add WEBHOOKS --subjects 'wh.v1.>' --storage file --retention limits --discard new " +
		"--replicas 1 --max-age 24h0m0s --max-bytes=-1 --dupe-window 1h0m0s --allow-direct --allow-batch --defaults"
	for _, f := range found {
		if f.Severity == Fatal && strings.Contains(f.String(), want) {
			return
		}
	}
	t.Errorf("got %v, want one that says %s", found, want)
}

func TestServerVersion(t *testing.T) {
	t.Parallel()
	for version, findings := range map[string]int{"2.15.2": 0, "2.11.0": 1, "2.14.3": 1, "3.0.0-dev": 0, "2.10.29": 1, "": 1} {
		if got := checkServer(version); len(got) != findings {
			t.Errorf("%q: got %v, want %d findings", version, got, findings)
		}
	}
}

func TestWorth(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, words := range []string{worth(1, true, true), worth(1, true, false), worth(1, false, false), worth(3, false, false)} {
		if words == "" || seen[words] {
			t.Errorf("%q is said twice", words)
		}
		seen[words] = true
	}
}
