//go:build linux

package caddymodule_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/integration/powercut"
)

// cutting is how long the kernel may call what it has given up synced. A disk that
// fails by itself is not cut in this way, and syncing it is an error at once.
const cutting = 100 * time.Millisecond

// TestPowerLossAndReplacement has a disk fail under a gateway that goes on running:
// what was not synced is lost, every write fails, then the disk is away, and comes
// back. The embedded server is replaced, by one that begins no new store where the
// disk was, and senders try again until their events are taken. None that was
// acknowledged may be lost, and none stored twice. With POWER_LOSS_ROUNDS=n it does
// so for every tenth of n.
func TestPowerLossAndReplacement(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("POWER_LOSS_ROUNDS"))
	if rounds == 0 {
		t.Skip("set POWER_LOSS_ROUNDS, as root, to tear a disk out")
	}
	rounds = (rounds + 9) / 10
	disk := powercut.New(t)
	store := filepath.Join(disk.Root(), "store")
	disk.Mount()
	s := newSite(t)
	listen := freeAddr(t)
	s.load("webhooks {\n\t\tnats embedded {\n\t\t\tstore_dir "+store+"\n\t\t\tlisten "+listen+"\n\t\t}\n\t\tquarantine_stream {\n\t\t\tmax_bytes 32MiB\n\t\t}\n\t}", route)
	senders := startSenders(s, 32)
	var cuts []time.Time
	for round := range rounds {
		senders.mustProceed("round " + strconv.Itoa(round))
		cuts = append(cuts, time.Now())
		disk.Cut()
		disk.Detach() // waits until the server that has failed has stopped
		if round%2 == 1 {
			time.Sleep(2 * time.Second) // nobody begins a new store meanwhile
		}
		disk.Mount()
	}
	senders.mustProceed("the end")
	acked := senders.stop()
	if replaced := len(s.logged("the embedded NATS server is replaced")); replaced < rounds {
		t.Errorf("the server was replaced %d times, want %d", replaced, rounds)
	}
	there := storedIDs(t, listen)
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
	disk.Unmount()
	if _, err := os.Stat(filepath.Join(store, "webhooks.lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("there is a store where the disk was not mounted")
	}
	lost, doubled, unsure := 0, 0, 0
	for id, at := range acked {
		switch {
		case there[id] > 0:
		case slices.ContainsFunc(cuts, func(cut time.Time) bool { return at.After(cut) && at.Before(cut.Add(cutting)) }):
			unsure++
		default:
			lost++
			for i, cut := range cuts {
				if at.After(cut) && (i+1 == len(cuts) || at.Before(cuts[i+1])) {
					t.Logf("lost: %s, acknowledged %v after cut %d", id, at.Sub(cut), i)
				}
			}
		}
	}
	for id, times := range there {
		if times > 1 {
			doubled++
		}
		if acked[id].IsZero() {
			t.Errorf("%s is stored, and its sender has tried in vain", id)
		}
	}
	t.Logf("%d rounds: %d acknowledged, %d lost, %d in the moment of the cut, %d doubled, %d answers that asked to try again", rounds, len(acked), lost, unsure, doubled, senders.refused)
	if lost > 0 || doubled > 0 || len(acked) == 0 || senders.refused == 0 {
		t.Error("want nothing lost or doubled, and some that had to try again")
	}
}

// senders send events one after the other, each until it is taken.
type senders struct {
	site *site
	work sync.WaitGroup
	done chan struct{}

	mu      sync.Mutex
	acked   map[string]time.Time
	refused int
}

func startSenders(s *site, count int) *senders {
	list := &senders{site: s, done: make(chan struct{}), acked: make(map[string]time.Time)}
	for worker := range count {
		list.work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-list.done:
					return
				default:
					list.deliver(fmt.Sprint(worker, "-", n))
				}
			}
		})
	}
	return list
}

func (l *senders) deliver(id string) {
	body := `{"id":"` + id + `"}`
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodPost, "http://"+l.site.addr+"/github", strings.NewReader(body))
		if err != nil {
			l.site.Error(err)
			return
		}
		for name, value := range map[string]string{
			"Content-Type": "application/json", "X-Github-Event": "push", "X-Github-Delivery": id, "X-Hub-Signature-256": githubSignature(body),
		} {
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			l.site.Error(err)
			return
		}
		_ = resp.Body.Close()
		l.mu.Lock()
		switch resp.StatusCode {
		case http.StatusOK:
			l.acked[id] = time.Now()
			l.mu.Unlock()
			return
		case http.StatusServiceUnavailable:
			l.refused++
		default:
			l.site.Errorf("got %d, want 200, or 503 while the disk is away", resp.StatusCode)
		}
		l.mu.Unlock()
		if time.Now().After(end) {
			l.site.Errorf("%s: not taken in two minutes", id)
			return
		}
	}
}

// mustProceed waits until some more are taken.
func (l *senders) mustProceed(when string) {
	l.site.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.acked)
	}
	before := count()
	for end := time.Now().Add(90 * time.Second); count() < before+100; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			l.site.Fatalf("%s: %d events are taken, and no more", when, count())
		}
	}
}

// stop waits until every sender has had its last event taken, and returns their
// ids.
func (l *senders) stop() map[string]time.Time {
	close(l.done)
	l.work.Wait()
	return l.acked
}

// storedIDs returns how often the server has each event.
func storedIDs(t *testing.T, addr string) map[string]int {
	t.Helper()
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	each, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := each.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	times := make(map[string]int)
	for range stream.CachedInfo().State.Msgs {
		m, err := messages.Next(jetstream.NextMaxWait(20 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		times[m.Headers()["ce-id"][0]]++
	}
	return times
}
