package caddymodule_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/nats-io/nats.go/jetstream"
)

// held begins a request that is in flight until the returned function is called, so
// that the configuration that serves it has not ended.
func (s *site) held() (end func()) {
	s.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/github", r)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	if _, err := w.Write([]byte(`{"n":`)); err != nil {
		s.Fatal(err)
	}
	return func() {
		_ = w.CloseWithError(errors.New("it is over"))
		<-done
	}
}

// TestReloadSettlesStreams: a configuration that was replaced, and that serves its
// last requests, does not bring back what the operator has done away with: neither
// a stream that was deleted on purpose, nor a window that was lowered.
func TestReloadSettlesStreams(t *testing.T) {
	const looks = 3500 * time.Millisecond // of the configuration before, one a second
	load := func(s *site, addr, stream string) {
		s.load("webhooks {\n\t\tnats nats://"+addr+"\n\t\tpreflight_interval 1s\n\t\tstream {\n\t\t\tpreflight strict\n\t\t\t"+stream+"\n\t\t}\n\t}", watchedSite)
	}
	t.Run("deleted", func(t *testing.T) {
		s := newSite(t)
		addr := freeAddr(t)
		runCluster(t, addr)
		load(s, addr, "create on")
		js := s.jetstream(addr)
		end := s.held()
		defer end()
		load(s, addr, "create off")
		if err := js.DeleteStream(t.Context(), "WEBHOOKS"); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(looks); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if _, err := js.Stream(t.Context(), "WEBHOOKS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Fatalf("got %v: the stream is there again", err)
			}
		}
		if got := s.post("/github", "1", "{}", nil); got.status != 503 {
			t.Errorf("got %d %s, want 503", got.status, got.body)
		}
	})
	t.Run("lowered", func(t *testing.T) {
		s := newSite(t)
		addr := freeAddr(t)
		runCluster(t, addr)
		load(s, addr, "duplicate_window 48h")
		js := s.jetstream(addr)
		end := s.held()
		defer end()
		load(s, addr, "duplicate_window 24h")
		stream, err := js.Stream(t.Context(), "WEBHOOKS")
		if err != nil {
			t.Fatal(err)
		}
		cfg := stream.CachedInfo().Config
		cfg.Duplicates = 24 * time.Hour
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(looks); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			info, err := stream.Info(t.Context())
			if err != nil || info.Config.Duplicates != 24*time.Hour {
				t.Fatalf("got %v, %v, want what the operator has set", info.Config.Duplicates, err)
			}
		}
		if got := s.post("/github", "1", "{}", nil); got.status != 200 {
			t.Errorf("got %d %s, want 200", got.status, got.body)
		}
	})
}

// TestReloadThatFails: the configuration that goes on looks after its streams as
// before.
func TestReloadThatFails(t *testing.T) {
	s := newSite(t)
	addr := freeAddr(t)
	runCluster(t, addr)
	s.load(watched(addr, "strict"), watchedSite)
	js := s.jetstream(addr)
	if err := caddy.Load(s.config("webhooks {\n\t\tnats nats://"+addr+"\n\t\tstream OTHER {\n\t\t\tcreate off\n\t\t\tpreflight strict\n\t\t}\n\t}", watchedSite), true); err == nil {
		t.Fatal("got no error for a stream that does not exist")
	}
	if got := s.post("/github", "1", "{}", nil); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	s.discard(js, jetstream.DiscardOld)
	s.eventually("a refusal", func() bool { return s.post("/github", "2", "{}", nil).status == 503 })
	s.discard(js, jetstream.DiscardNew)
	s.eventually("events to be taken again", func() bool { return s.post("/github", "2", "{}", nil).status == 200 })
}
