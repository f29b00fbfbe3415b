package natspub

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// natsTool runs lines as an operator types them, with the nats tool that
// NATS_CLI is.
func natsTool(t *testing.T, url string) func(line string) {
	t.Helper()
	tool := os.Getenv("NATS_CLI")
	if tool == "" {
		t.Skip("NATS_CLI is not set: make the nats tool with `go build -C integration/clients/natscli -o /tmp/nats github.com/nats-io/natscli/nats`, and set NATS_CLI=/tmp/nats")
	}
	bin := t.TempDir()
	if err := os.Symlink(tool, filepath.Join(bin, "nats")); err != nil {
		t.Fatal(err)
	}
	return func(line string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", line)
		cmd.Env = append(os.Environ(), "PATH="+bin+":/usr/bin:/bin", "NATS_URL="+url, "XDG_CONFIG_HOME="+bin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
}

// TestLineForOperators: the line that a finding shows makes the stream that the
// gateway would have made, with the nats tool itself.
func TestLineForOperators(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	run := natsTool(t, s.ClientURL())
	missing := func(c *Config) {
		c.Stream = StreamConfig{Name: "WEBHOOKS", MaxAge: 7 * 24 * time.Hour, Window: 36 * time.Hour}
		c.Unverified = StreamConfig{}
		c.Quarantine = StreamConfig{Name: "WEBHOOKS_QUARANTINE", MaxAge: 14 * 24 * time.Hour, MaxBytes: 1 << 30, Window: time.Hour, DropOldest: true}
	}
	p := newPublisher(t, s.ClientURL(), missing)
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`(nats stream add [^`]+)`")
	lines := 0
	for _, f := range found {
		if m := quoted.FindStringSubmatch(f.Cure); m != nil {
			run(m[1])
			lines++
		}
	}
	if lines != 2 {
		t.Fatalf("got %v, want a line for each of two streams", found)
	}
	for root, cfg := range map[string]StreamConfig{Root: p.cfg.Stream, QuarantineRoot: p.cfg.Quarantine} {
		stream, err := p.js.Stream(t.Context(), cfg.Name)
		if err != nil {
			t.Fatal(err)
		}
		have, want := stream.CachedInfo().Config, cfg.config(root)
		if have.Subjects[0] != want.Subjects[0] || have.Retention != want.Retention || have.Discard != want.Discard ||
			have.MaxAge != want.MaxAge || have.MaxBytes != want.MaxBytes || have.Storage != want.Storage || have.Replicas != want.Replicas ||
			have.Duplicates != want.Duplicates || have.AllowDirect != want.AllowDirect || have.AllowAtomicPublish != want.AllowAtomicPublish ||
			have.MaxMsgs != want.MaxMsgs || have.MaxMsgsPerSubject > 0 {
			t.Errorf("got %+v, want %+v", have, want)
		}
	}
	mustBeFit(t, p)
}

// TestLinesForRouteStreams: the lines with which an operator divides a stream, in
// the order in which they are shown.
func TestLinesForRouteStreams(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	run := natsTool(t, s.ClientURL())
	ready(t, s.ClientURL(), nil)
	p := newPublisher(t, s.ClientURL(), func(c *Config) {
		divided(c)
		c.Stream.Subjects = append(c.Stream.Subjects, "wh.v1.*.sales.>")
		c.Routes[0].Subjects = append(c.Routes[0].Subjects, "wh.v1.acme.builds.>")
		c.Stream.Create, c.Routes[0].Create = false, false
	})
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustFind(t, found, Fatal, "stream CODE", "it does not exist, and the stream WEBHOOKS has its subjects")
	for _, f := range found {
		for i, m := range regexp.MustCompile("`(nats stream [^`]+)`").FindAllStringSubmatch(f.Cure, -1) {
			run(m[1] + []string{" --force", ""}[i])
		}
	}
	mustBeFit(t, p)
	mustBeIn(t, p, forStream("builds", "1", "CODE"), "CODE")
	mustBeIn(t, p, forStream("sales", "2", ""), "WEBHOOKS")
}

// TestCuresForOperators: what findings say is done, with the nats tool itself,
// and then there are none.
func TestCuresForOperators(t *testing.T) {
	t.Parallel()
	s := runServer(t, t.TempDir(), 0, nil)
	run := natsTool(t, s.ClientURL())
	p := newPublisher(t, s.ClientURL(), func(c *Config) {
		onlyStream(c)
		c.Stream.Create = false
		c.LargestBody = 100_000
	})
	if _, err := p.js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "WEBHOOKS", Subjects: []string{"wh.v1.other.>"}, MaxAge: 2 * time.Minute, Duplicates: time.Minute,
		NoAck: true, MaxMsgSize: 1000, AllowDirect: true,
	}); err != nil {
		t.Fatal(err)
	}
	edit := regexp.MustCompile("`(nats stream edit [^`]+)`")
	for round := 0; ; round++ {
		found, err := p.Preflight(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cures := 0
		for _, f := range found {
			if m := edit.FindStringSubmatch(f.Cure); m != nil {
				run(m[1] + " --force")
				cures++
			}
		}
		if cures == 0 {
			break
		}
		if round > 5 {
			t.Fatalf("got %v after five rounds of what findings say", found)
		}
	}
	mustBeFit(t, p)
}

func mustBeFit(t *testing.T, p *Publisher) {
	t.Helper()
	found, err := p.Preflight(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.Severity != Note {
			t.Errorf("got %s %s, want nothing but notes", f.Severity, strings.TrimSpace(f.String()))
		}
	}
}
