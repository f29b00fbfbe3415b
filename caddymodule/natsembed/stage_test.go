package natsembed_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
)

const batches = "jetstream/WEBHOOKS/streams/WEBHOOKS/batches"

// staged starts a server with a stream whose batches are staged in memory.
func staged(t *testing.T, dir string) (*natsembed.Server, *nats.Conn, jetstream.Stream) {
	t.Helper()
	s := start(t, natsembed.Config{StoreDir: dir})
	js := gateway(t, s)
	cfg := streams[0]
	cfg.AllowAtomicPublish = true
	stream, err := js.CreateOrUpdateStream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Stage("WEBHOOKS") {
		t.Skip("batches are staged on the disk here: on Linux, mount a tmpfs with 32 MiB free on /dev/shm")
	}
	return s, js.Conn(), stream
}

// batch publishes a batch of three and returns the server's answer.
func batch(t *testing.T, nc *nats.Conn, id string) string {
	t.Helper()
	for i := range 3 {
		m := nats.NewMsg("wh.v1.a.b.c")
		m.Header.Set("Nats-Batch-Id", id)
		m.Header.Set("Nats-Batch-Sequence", fmt.Sprint(i+1))
		if i < 2 {
			if err := nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := nc.RequestMsgWithContext(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer.Data)
	}
	return ""
}

func target(t *testing.T, dir string) string {
	t.Helper()
	to, err := os.Readlink(filepath.Join(dir, batches))
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// TestStage: batches go through memory, nothing stays there, and others cannot
// read it.
func TestStage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, nc, stream := staged(t, dir)
	memory := target(t, dir)
	if info, err := os.Stat(memory); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v and %v, want a directory of this user only", info, err)
	}
	for i := range 10 {
		if answer := batch(t, nc, fmt.Sprint("b", i)); answer != fmt.Sprintf(`{"stream":"WEBHOOKS","seq":%d,"batch":"b%d","count":3}`, 3*(i+1), i) {
			t.Fatal(answer)
		}
		if !s.Stage("WEBHOOKS") || target(t, dir) != memory {
			t.Error("batches are no longer staged in the same place")
		}
	}
	waitUntil(t, "batches that are stored are removed", func() bool {
		left, err := os.ReadDir(memory)
		return err == nil && len(left) == 1 // the lock
	})
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 30 {
		t.Errorf("got %v and %v, want 30 events", info, err)
	}
	stop(t, s)
	if exists(memory) || exists(filepath.Join(dir, batches)) {
		t.Error("the directory in memory, or the link, is still there")
	}
	if s.Stage("WEBHOOKS") {
		t.Error("batches are staged for a server that has stopped")
	}
}

// TestStageGone: memory is nobody's to rely on. A batch that cannot be staged is
// refused as a whole, and the next finds a place.
func TestStageGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, nc, stream := staged(t, dir)
	before := target(t, dir)
	if err := os.RemoveAll(before); err != nil {
		t.Fatal(err)
	}
	if answer := batch(t, nc, "lost"); answer != `{"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"WEBHOOKS","seq":0}` {
		t.Error(answer)
	}
	if !s.Stage("WEBHOOKS") || target(t, dir) == before {
		t.Fatal("there is no new place")
	}
	if answer := batch(t, nc, "next"); answer != `{"stream":"WEBHOOKS","seq":3,"batch":"next","count":3}` {
		t.Error(answer)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 3 {
		t.Errorf("got %v and %v, want 3 events", info, err)
	}
}

// TestStageLeft: what processes that were killed have left in memory is removed,
// whether a link leads there or not. What is in use is not.
func TestStageLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _, _ := staged(t, dir)
	memory := filepath.Dir(target(t, dir))
	stop(t, s)
	elsewhere := t.TempDir()
	staged(t, elsewhere)
	inUse := target(t, elsewhere)
	var left []string
	for range 2 {
		name, err := os.MkdirTemp(memory, "caddy-webhooks-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(name) })
		if err := os.WriteFile(filepath.Join(name, "of-a-batch"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		left = append(left, name)
	}
	if err := os.Symlink(left[0], filepath.Join(dir, batches)); err != nil {
		t.Fatal(err)
	}
	_, nc, _ := staged(t, dir)
	if exists(left[0]) || exists(left[1]) {
		t.Errorf("got %v and %v, want what was left removed", exists(left[0]), exists(left[1]))
	}
	if !exists(inUse) {
		t.Error("what another server uses is gone")
	}
	if answer := batch(t, nc, "b"); answer != `{"stream":"WEBHOOKS","seq":3,"batch":"b","count":3}` {
		t.Error(answer)
	}
}

// TestStageInUse: a directory in which the server has batches stays.
func TestStageInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, natsembed.Config{StoreDir: dir})
	createStreams(t, gateway(t, s))
	if err := os.MkdirAll(filepath.Join(dir, batches, "one"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s.Stage("WEBHOOKS") || !exists(filepath.Join(dir, batches, "one")) {
		t.Error("a batch that is on its way was taken away")
	}
	if s.Stage("NONE") {
		t.Error("batches are staged for a stream that is not there")
	}
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
