package natsembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestReady: why a server takes no events.
func TestReady(t *testing.T) {
	t.Parallel()
	s, err := Start(Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	s.reserve = math.MaxInt64
	if err := s.Ready(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("without space: got %v, want ErrDiskFull", err)
	}
	if err := s.WaitReady(ctx); !errors.Is(err, ErrDiskFull) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting without space: got %v, want ErrDiskFull at once", err)
	}
	s.reserve = 0
	if err := s.Ready(); err != nil {
		t.Errorf("with space again: got %v", err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := s.Ready(); !errors.Is(err, ErrNotReady) {
		t.Errorf("after the end: got %v, want ErrNotReady", err)
	}
	s.log.Fatalf("the port %d is taken", 4222)
	if err := s.WaitReady(ctx); !errors.Is(err, ErrFailed) {
		t.Errorf("after a fatal error: got %v, want ErrFailed", err)
	}
}

// TestReadyWithoutStore: a directory that is away, or is another one now, is not
// what the server has opened, whatever that says itself.
func TestReadyWithoutStore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	s, err := Start(Config{StoreDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	away := dir + "-away"
	if err := os.Rename(dir, away); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); !errors.Is(err, ErrBroken) {
		t.Errorf("away: got %v, want ErrBroken", err)
	}
	if _, err := Start(Config{StoreDir: dir, Existing: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another in its place: got %v, want that there is no store", err)
	}
	if err := os.CopyFS(dir, os.DirFS(away)); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); !errors.Is(err, ErrBroken) {
		t.Errorf("a copy in its place: got %v, want ErrBroken", err)
	}
	if err := errors.Join(os.RemoveAll(dir), os.Rename(away, dir)); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("back again: got %v", err)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// TestStoreLimit: what the server may use leaves the reserve free, so that a
// clean refusal comes before the disk is full.
func TestStoreLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	free, err := freeSpace(dir)
	if err != nil || free <= 4*reserve {
		t.Fatalf("got %d free, %v: this test needs some space", free, err)
	}
	for _, tt := range []struct {
		name  string
		limit int64
		low   int64
		high  int64
	}{{"derived", 0, free / 2, free - reserve}, {"given", 5 << 20, 5 << 20, 5 << 20}} {
		s := &Server{cfg: Config{StoreDir: dir, MaxStore: tt.limit}, log: newLogger(nil)}
		o, err := s.options()
		if err != nil {
			t.Fatal(err)
		}
		if got := o.JetStreamMaxStore; got < tt.low || got > tt.high {
			t.Errorf("%s: got %d, want %d to %d", tt.name, got, tt.low, tt.high)
		}
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, cfg := range []Config{
		{},
		{StoreDir: "a"},
		{ServerName: "a"},
		{SyncInterval: time.Minute},
		{Listen: "127.0.0.1:0"},
		{MaxStore: 1},
		{Readable: []string{"a"}},
		{Readable: []string{"a", "b"}},
		{Readable: []string{`a" "b`}},
	} {
		if seen[cfg.Key()] {
			t.Errorf("two settings have the key %s", cfg.Key())
		}
		seen[cfg.Key()] = true
	}
}

// TestReadyWhileStreamsAreMade: a stream that is being made is no failure.
func TestReadyWhileStreamsAreMade(t *testing.T) {
	t.Parallel()
	s, err := Start(Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	user, password := s.Credentials()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	go func() {
		defer close(made)
		for i := range 40 {
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: fmt.Sprintf("S%d", i), Subjects: []string{fmt.Sprintf("s%d", i)}}); err != nil {
				made <- err
				return
			}
		}
	}()
	looks, failed := 0, 0
	var last error
	for working := true; working; looks++ {
		select {
		case err, bad := <-made:
			if working = false; bad {
				t.Fatal(err)
			}
		default:
			if err := s.Ready(); err != nil {
				failed++
				last = err
			}
		}
	}
	// One stream may take longer than is waited, on a machine that does much else.
	if failed > 1 {
		t.Fatalf("%d of %d looks: %v", failed, looks, last)
	}
}
