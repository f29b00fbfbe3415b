package caddymodule

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// TestReplayPlaces: as many replays as there are places, also of those that begin at
// one moment, and none after the end.
func TestReplayPlaces(t *testing.T) {
	t.Parallel()
	var r replays
	var entered atomic.Int64
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			if r.enter() {
				entered.Add(1)
			}
		})
	}
	work.Wait()
	if got := entered.Load(); got != mostReplays {
		t.Errorf("got %d at one time, want %d", got, mostReplays)
	}
	r.leave()
	if !r.enter() || r.enter() {
		t.Error("one has left: want a place, and one only")
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.leave()
	if r.enter() {
		t.Error("got a place after the end")
	}
}

// TestReplayShown: what may be a token is in no answer.
func TestReplayShown(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"https://host/path?token=abc":   "https://host/path?hidden",
		"https://host/path?":            "https://host/path?",
		"http://host/a?b=c&d=e#f":       "http://host/a?hidden",
		"wh-replay.v1.replay-1":         "wh-replay.v1.replay-1",
		"http://host/%zz?token=abc":     "http://host/%zz?hidden",
		"http://[::1]:80/?a=b?token=ab": "http://[::1]:80/?hidden",
	} {
		st := show(natspub.ReplayState{Spec: natspub.ReplaySpec{To: to}})
		if st.Spec.To != want {
			t.Errorf("%s: got %s, want %s", to, st.Spec.To, want)
		}
	}
}
