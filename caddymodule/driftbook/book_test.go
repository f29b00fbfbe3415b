package driftbook_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/driftbook"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

var quick = drift.Config{Events: 5, Age: -1}

// log is a buffer for log lines.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t *testing.T, cfg driftbook.Config) (*driftbook.Book, *log) {
	t.Helper()
	l := new(log)
	cfg.Logger = slog.New(slog.NewTextHandler(l, nil))
	b := driftbook.Open(cfg)
	t.Cleanup(b.Close)
	return b, l
}

func source(t *testing.T, b *driftbook.Book, tenant, name string) *driftbook.Source {
	t.Helper()
	s := b.Source(driftbook.Name{Tenant: tenant, Source: name}, name, quick)
	if s == nil {
		t.Fatalf("no source %s/%s", tenant, name)
	}
	return s
}

// send sends an event whose members have these names, so many times.
func send(s *driftbook.Source, times int, names ...string) []drift.Finding {
	payload := make(map[string]any)
	for _, name := range names {
		payload[name] = "x"
	}
	var found []drift.Finding
	for range times {
		found = append(found, s.Observe("a", "evt", time.Now(), payload)...)
	}
	return found
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.drift"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "drift")
	b, _ := open(t, driftbook.Config{Dir: dir, Save: time.Hour})
	one, two := source(t, b, "default", "github"), source(t, b, "Default", "github")
	send(one, 20, "x")
	send(two, 20, "x", "y")
	send(one, 3, "x", "new")
	b.Close()
	for _, file := range files(t, dir) {
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
	if n := len(files(t, dir)); n != 2 {
		t.Errorf("%d files", n)
	}
	b, l := open(t, driftbook.Config{Dir: dir})
	one, two = source(t, b, "default", "github"), source(t, b, "Default", "github")
	if r := one.Report(); len(r.Findings) != 1 || r.Findings[0].Path != "/new" || r.Findings[0].Count != 3 {
		t.Errorf("after a restart: %+v", r.Findings)
	}
	if found := send(one, 1, "x", "new"); len(found) != 0 {
		t.Errorf("found again: %v", found)
	}
	if found := send(two, 1, "x", "y", "new"); len(found) != 1 {
		t.Errorf("of the other source: %v", found)
	}
	if n := one.Acknowledge(one.Report().Findings[0].ID); n != 1 {
		t.Errorf("%d acknowledged", n)
	}
	two.Forget()
	if n := len(files(t, dir)); n != 1 {
		t.Errorf("%d files after one was forgotten", n)
	}
	other, _ := open(t, driftbook.Config{Dir: dir}) // without Close: what operators do is written at once
	if n := source(t, other, "default", "github").Open(); n != 0 {
		t.Errorf("%d are open after they were acknowledged", n)
	}
	if l.String() != "" {
		t.Errorf("the log has %s", l)
	}
}

func TestSavedByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := open(t, driftbook.Config{Dir: dir, Save: 10 * time.Millisecond})
	send(source(t, b, "default", "github"), 5, "x")
	for deadline := time.Now().Add(10 * time.Second); len(files(t, dir)) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := open(t, driftbook.Config{Dir: dir})
	send(source(t, b, "default", "github"), 20, "x")
	b.Close()
	file := files(t, dir)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".new-123"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	b, l := open(t, driftbook.Config{Dir: dir})
	s := source(t, b, "default", "github")
	if r := s.Report(); r.Places != 0 || !strings.Contains(l.String(), "learned anew") {
		t.Errorf("%+v, and the log has %q", r, l)
	}
	if _, err := os.Stat(filepath.Join(dir, ".new-123")); err == nil {
		t.Error("what a process left that was killed is still there")
	}
	send(s, 20, "x")
	b.Close()
	b, l = open(t, driftbook.Config{Dir: dir})
	if r := source(t, b, "default", "github").Report(); r.Places != 2 || l.String() != "" {
		t.Errorf("%+v, and the log has %q", r, l)
	}
}

func TestNoDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, l := open(t, driftbook.Config{Dir: filepath.Join(file, "drift"), Save: time.Millisecond})
	s := source(t, b, "default", "github")
	send(s, 20, "x")
	time.Sleep(20 * time.Millisecond)
	if found := send(s, 1, "x", "new"); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	if n := strings.Count(l.String(), "memory alone"); n != 1 || b.Status().Dir != "" {
		t.Errorf("said %d times, and the directory is %q", n, b.Status().Dir)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	notices := make(chan driftbook.Notice, 100)
	const pause = 300 * time.Millisecond
	b, _ := open(t, driftbook.Config{Pause: pause, Tell: func(n driftbook.Notice) { notices <- n }})
	s := source(t, b, "acme", "shop")
	send(s, 20, "x")
	start := time.Now()
	send(s, 2, "x", "one")
	n := <-notices
	if n.Tenant != "acme" || n.Source != "shop" || len(n.Findings) != 1 || n.Open != 1 {
		t.Errorf("first %+v", n)
	}
	names := []string{"x", "one"}
	for i := range 30 {
		names = append(names, fmt.Sprintf("more_%c%c", 'a'+i%5, 'a'+i/5))
	}
	send(s, 1, names...)
	n = <-notices
	if len(n.Findings) != 20 || n.More != 10 || time.Since(start) < pause {
		t.Errorf("second: %d and %d more, after %v", len(n.Findings), n.More, time.Since(start))
	}
	send(s, 1, "x", "last")
	b.Close()
	select {
	case n = <-notices:
		if len(n.Findings) != 1 || n.Findings[0].Path != "/last" {
			t.Errorf("at the end %+v", n)
		}
	default:
		t.Error("what was found at the end is not told")
	}
	select {
	case n := <-notices:
		t.Errorf("one more notice: %+v", n)
	case <-time.After(2 * pause):
	}
}

// TestMemoryOfAll: what a source asks for and does not get is not held against all.
func TestMemoryOfAll(t *testing.T) {
	t.Parallel()
	b, _ := open(t, driftbook.Config{MaxBytes: 40 << 10})
	full := 0
	for i := range 8 {
		s := b.Source(driftbook.Name{Tenant: fmt.Sprint(i), Source: "s"}, "s", quick)
		for j := range 10 {
			send(s, 1, fmt.Sprintf("n%c", 'a'+j), "x")
		}
		if s.Report().Full {
			full++
		}
	}
	if st := b.Status(); full == 0 || st.Bytes > st.MaxBytes {
		t.Errorf("%d sources are full, %+v", full, st)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, l := open(t, driftbook.Config{Dir: dir, MaxSources: 3, MaxBytes: 40 << 10})
	for i := range 5 {
		s := b.Source(driftbook.Name{Tenant: fmt.Sprint(i), Source: "s"}, "s", quick)
		if (s == nil) != (i >= 3) {
			t.Fatalf("source %d: %v", i, s)
		}
		if s != nil {
			for j := range 200 {
				send(s, 1, fmt.Sprintf("n%c%c", 'a'+j/20, 'a'+j%20), "x")
			}
		}
	}
	if st := b.Status(); st.Bytes > st.MaxBytes || st.Ignored != 2 || strings.Count(l.String(), "too many") != 1 {
		t.Errorf("%+v, and the log has %s", st, l)
	}
	if n := len(b.Sources("1", "")); n != 1 {
		t.Errorf("%d sources of the tenant 1", n)
	}
	if n := len(b.Sources("", "s")); n != 3 {
		t.Errorf("%d sources of the name s", n)
	}
	b.Close()
	for i := range 20 {
		old := filepath.Join(dir, fmt.Sprintf("gone%d.s.00000000.drift", i))
		if err := os.WriteFile(old, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(old, time.Time{}, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	open(t, driftbook.Config{Dir: dir, MaxSources: 3})
	left := files(t, dir)
	if len(left) != 6 || strings.Contains(left[0], "gone0.") {
		t.Errorf("left are %v", left)
	}
}

func TestSettingsChange(t *testing.T) {
	t.Parallel()
	b, _ := open(t, driftbook.Config{})
	s := b.Source(driftbook.Name{Tenant: "a", Source: "b"}, "one", drift.Config{})
	send(s, 50, "x")
	if again := b.Source(driftbook.Name{Tenant: "a", Source: "b"}, "two", quick); again != s || s.Label() != "two" {
		t.Errorf("another source, or the label %s", s.Label())
	}
	if found := send(s, 1, "x", "new"); len(found) != 1 {
		t.Errorf("with other settings: %v", found)
	}
}
