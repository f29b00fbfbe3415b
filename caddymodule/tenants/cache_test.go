package tenants

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// fakeStore is a store in memory.
type fakeStore struct {
	mu      sync.Mutex
	docs    map[string]string
	err     error
	hold    chan struct{} // not nil: lookups wait for it
	lookups atomic.Int64
	most    int64 // at one time
	now     atomic.Int64
	told    func(tenant, source string)
}

var errAway = errors.New("the store is away")

func (s *fakeStore) Lookup(ctx context.Context, tenant, source string) ([]byte, error) {
	s.lookups.Add(1)
	n := s.now.Add(1)
	defer s.now.Add(-1)
	s.mu.Lock()
	s.most = max(s.most, n)
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	if doc, ok := s.docs[tenant+"/"+source]; ok {
		return []byte(doc), nil
	}
	return nil, ErrNotThere
}

func (s *fakeStore) Fresh() time.Duration { return time.Second }

func (s *fakeStore) Notify(changed func(tenant, source string)) { s.told = changed }

func (s *fakeStore) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *fakeStore) put(name, doc string) { s.set(func() { s.docs[name] = doc }) }

// fakeClock only moves when it is told to.
type fakeClock struct{ nanos atomic.Int64 }

func (c *fakeClock) Now() time.Time          { return time.Unix(1_700_000_000, c.nanos.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type cacheRig struct {
	*Cache
	t      *testing.T
	store  *fakeStore
	clock  *fakeClock
	made   atomic.Int64
	mu     sync.Mutex
	counts map[Result]int
	ids    sync.Map // of the newest key, by route
}

func newCache(t *testing.T, change func(*Config)) *cacheRig {
	t.Helper()
	r := &cacheRig{
		t: t, store: &fakeStore{docs: map[string]string{"acme/github": "s1", "globex/github": "s2"}},
		clock: &fakeClock{}, counts: map[Result]int{},
	}
	cfg := Config{
		Store: r.store, Time: r.clock.Now, Timeout: 500 * time.Millisecond,
		Observe: func(result Result) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.counts[result]++
		},
		Make: func(tenant, source string, keys verifiers.Keys) (*gateway.Route, error) {
			if keys[0].ID() == "bad" {
				return nil, verifiers.ErrKeyFormat
			}
			r.made.Add(1)
			rt := new(gateway.Route)
			r.ids.Store(rt, tenant+" "+keys[0].ID())
			return rt, nil
		},
	}
	if change != nil {
		change(&cfg)
	}
	r.Cache = New(cfg)
	return r
}

func (r *cacheRig) count(result Result) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[result]
}

// get returns the newest key's id, or a word for the error.
func (r *cacheRig) get(tenant, source string) string {
	r.t.Helper()
	rt, err := r.Route(r.t.Context(), tenant, source)
	if errors.Is(err, gateway.ErrOldSecrets) {
		id, _ := r.ids.Load(rt)
		return fmt.Sprint(id, " of before")
	}
	switch {
	case errors.Is(err, gateway.ErrUnknownTenant):
		return "unknown"
	case errors.Is(err, gateway.ErrTooManyLookups):
		return "busy"
	case err != nil:
		if strings.Contains(err.Error(), marker) {
			r.t.Errorf("the error shows the secret: %v", err)
		}
		return "failed"
	}
	id, _ := r.ids.Load(rt)
	return fmt.Sprint(id)
}

func (r *cacheRig) want(tenant, source, want string) {
	r.t.Helper()
	if got := r.get(tenant, source); got != want {
		r.t.Errorf("%s/%s: %s, want %s", tenant, source, got, want)
	}
}

func (r *cacheRig) wantLookups(want int64) {
	r.t.Helper()
	if got := r.store.lookups.Load(); got != want {
		r.t.Errorf("%d lookups, want %d", got, want)
	}
}

func several(ids ...string) string {
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"id":%q,"secret":"%s-%s"}`, id, marker, id))
	}
	return `{"secrets":[` + strings.Join(items, ",") + `]}`
}

func TestCacheKeepsWhatItFinds(t *testing.T) {
	r := newCache(t, nil)
	for range 100 {
		r.want("acme", "github", "acme key-1")
		r.want("globex", "github", "globex key-1")
		r.want("initech", "github", "unknown")
	}
	r.wantLookups(3)
	for _, name := range []string{"", "a.b", "a/b", "..", "a b", "é", strings.Repeat("a", 65), "acme/github"} {
		r.want(name, "github", "unknown")
		r.want("acme", name, "unknown")
	}
	r.wantLookups(3)
	r.clock.advance(time.Second)
	r.want("acme", "github", "acme key-1")
	r.want("initech", "github", "unknown")
	r.wantLookups(4)
	if r.made.Load() != 2 {
		t.Errorf("%d routes were made, want 2: a document that is the same makes none", r.made.Load())
	}
	r.clock.advance(2 * time.Second)
	r.want("initech", "github", "unknown")
	r.wantLookups(5)
}

func TestCacheRotation(t *testing.T) {
	r := newCache(t, nil)
	r.store.put("acme/github", several("new", "old"))
	r.want("acme", "github", "acme new")
	r.store.put("acme/github", several("newest", "new"))
	r.want("acme", "github", "acme new") // until it is due
	r.clock.advance(time.Second)
	r.want("acme", "github", "acme newest")
	r.store.put("acme/github", several("told"))
	r.store.told("acme", "github")
	r.want("acme", "github", "acme told")

	// A tenant that comes is known at once if it is told, and soon if not.
	r.want("hooli", "github", "unknown")
	r.store.put("hooli/github", "s")
	r.want("hooli", "github", "unknown")
	r.store.told("hooli", "github")
	r.want("hooli", "github", "hooli key-1")
	r.want("umbrella", "github", "unknown")
	r.store.put("umbrella/github", "s")
	r.clock.advance(2 * time.Second)
	r.want("umbrella", "github", "umbrella key-1")

	// One that goes, too.
	r.store.set(func() { delete(r.store.docs, "acme/github") })
	r.store.told("", "")
	r.want("acme", "github", "unknown")
}

// TestCacheChangeDuringLookup: what was read before a change is not kept.
func TestCacheChangeDuringLookup(t *testing.T) {
	for _, test := range []struct{ before, first string }{{several("old"), "acme old"}, {"", "unknown"}} {
		r := newCache(t, nil)
		r.store.set(func() { delete(r.store.docs, "acme/github") })
		if test.before != "" {
			r.store.put("acme/github", test.before)
		}
		release := make(chan struct{})
		got := make(chan string)
		slow := &lateStore{fakeStore: r.store, release: release, read: make(chan struct{})}
		r.cfg.Store = slow
		go func() { got <- r.get("acme", "github") }()
		<-slow.read // the old document is on its way
		r.store.put("acme/github", several("new"))
		r.store.told("acme", "github")
		close(release)
		if first := <-got; first != test.first {
			t.Errorf("%s, want %s", first, test.first)
		}
		r.want("acme", "github", "acme new")
	}
}

// lateStore reads at once and answers when it is released.
type lateStore struct {
	*fakeStore
	once          sync.Once
	read, release chan struct{}
}

func (s *lateStore) Lookup(ctx context.Context, tenant, source string) ([]byte, error) {
	data, err := s.fakeStore.Lookup(ctx, tenant, source)
	s.once.Do(func() { close(s.read) })
	<-s.release
	return data, err
}

func TestCacheSingleFlight(t *testing.T) {
	r := newCache(t, nil)
	hold := make(chan struct{})
	r.store.set(func() { r.store.hold = hold })
	var all sync.WaitGroup
	var wrong atomic.Int64
	for i := range 200 {
		all.Go(func() {
			tenant, want := "acme", "acme key-1"
			if i%2 == 0 {
				tenant, want = "initech", "unknown"
			}
			if r.get(tenant, "github") != want {
				wrong.Add(1)
			}
		})
	}
	waitFor(t, func() bool { return r.store.now.Load() == 2 })
	close(hold)
	all.Wait()
	if wrong.Load() > 0 {
		t.Errorf("%d wrong answers", wrong.Load())
	}
	if n := r.store.lookups.Load(); n != 2 {
		t.Errorf("%d lookups for two tenants", n)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// TestCacheFlood: unknown tenants without end cost a bounded number of lookups
// and a bounded memory, and do not disturb those that are known.
func TestCacheFlood(t *testing.T) {
	r := newCache(t, func(c *Config) {
		c.Lookups = gateway.Rate{Count: 10, Per: time.Second, Burst: 50}
		c.Known, c.Unknown = 8, 100
	})
	r.want("acme", "github", "acme key-1")
	answers := map[string]int{}
	for i := range 20_000 {
		answers[r.get(fmt.Sprintf("t%d", i), "github")]++
		if i%1000 == 0 {
			r.clock.advance(100 * time.Millisecond)
			r.want("acme", "github", "acme key-1") // looked up again when it is due
		}
	}
	// 50 at once, and 10 in each of 2 seconds. That of acme does not count.
	if n := answers["unknown"]; n != 50+20 && n != 50+19 || answers["busy"] != 20_000-n {
		t.Errorf("answers %v", answers)
	}
	if n := r.store.lookups.Load(); n > 75 {
		t.Errorf("%d lookups", n)
	}
	if known, unknown := r.Len(); known != 1 || unknown > 100 {
		t.Errorf("%d known and %d unknown are kept", known, unknown)
	}
	for i := range 50 {
		r.store.put(fmt.Sprintf("known%d/github", i), "s")
		r.clock.advance(time.Second)
		r.want(fmt.Sprintf("known%d", i), "github", fmt.Sprintf("known%d key-1", i))
	}
	if known, _ := r.Len(); known != 8 {
		t.Errorf("%d known are kept, want 8", known)
	}
}

// TestCacheManyTenants: more tenants than are kept, all in use, are all found, at a
// multiple of the rate at which unknown names are; and strangers' names are limited
// as ever.
func TestCacheManyTenants(t *testing.T) {
	r := newCache(t, func(c *Config) {
		c.Lookups = gateway.Rate{Count: 10, Per: time.Second, Burst: 50}
		c.Known = 8
	})
	const tenants = 1000
	for i := range tenants {
		r.store.put(fmt.Sprintf("shop%d/github", i), "s")
	}
	for range 2 {
		for i := range tenants {
			r.want(fmt.Sprintf("shop%d", i), "github", fmt.Sprintf("shop%d key-1", i))
		}
	}
	if known, _ := r.Len(); known != 8 {
		t.Errorf("%d are kept", known)
	}
	answers := map[string]int{}
	for i := range tenants {
		answers[r.get(fmt.Sprintf("stranger%d", i), "github")]++
		if i < 40 {
			r.want(fmt.Sprintf("shop%d", i), "github", fmt.Sprintf("shop%d key-1", i))
		}
	}
	if answers["unknown"] != 50 || answers["busy"] != tenants-50 {
		t.Errorf("answers %v", answers)
	}
}

// TestCacheUnknownMemory: more names than are remembered.
func TestCacheUnknownMemory(t *testing.T) {
	r := newCache(t, func(c *Config) {
		c.Unknown = 100
		c.Lookups = gateway.Rate{Count: 1_000_000, Per: time.Second}
	})
	for i := range 1000 {
		r.want(fmt.Sprintf("t%d", i), "github", "unknown")
	}
	if _, unknown := r.Len(); unknown != 100 {
		t.Errorf("%d are remembered, want 100", unknown)
	}
	r.want("t999", "github", "unknown")
	r.wantLookups(1000)
	r.want("t0", "github", "unknown") // forgotten meanwhile
	r.wantLookups(1001)
}

func TestCacheStoreAway(t *testing.T) {
	r := newCache(t, nil)
	r.want("acme", "github", "acme key-1")
	r.store.set(func() { r.store.err = errAway })
	r.want("globex", "github", "failed")
	r.want("initech", "github", "failed") // and not unknown
	r.wantLookups(3)
	r.want("globex", "github", "failed")
	r.wantLookups(3) // remembered for a moment

	// Who is known stays so for a while, and costs a lookup in a second.
	for range 10 {
		r.clock.advance(time.Second)
		for range 10 {
			r.want("acme", "github", "acme key-1 of before")
			r.settled()
		}
	}
	r.wantLookups(13)
	r.clock.advance(10 * time.Minute)
	r.want("acme", "github", "failed")

	r.store.set(func() { r.store.err = nil })
	r.clock.advance(time.Second)
	r.want("acme", "github", "acme key-1")
	r.want("globex", "github", "globex key-1")
	r.want("initech", "github", "unknown")
}

// TestCacheUnusableSecrets: what is there and is not a secret is our fault, and
// does not leave the old one in force.
func TestCacheUnusableSecrets(t *testing.T) {
	for name, doc := range map[string]string{
		"empty": "", "padded": marker + " ", "bad list": `{"secrets":[{}]}`, "not for this sender": several("bad"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newCache(t, nil)
			r.want("acme", "github", "acme key-1")
			r.store.put("acme/github", doc)
			r.clock.advance(time.Second)
			r.want("acme", "github", "failed")
			r.store.put("acme/github", "s1")
			r.clock.advance(time.Second)
			r.want("acme", "github", "acme key-1")
		})
	}
}

func TestCacheFixed(t *testing.T) {
	r := newCache(t, func(c *Config) { c.Fixed = true })
	r.want("acme", "github", "acme key-1")
	r.want("initech", "github", "failed") // it is configured, so that it must be there
}

// TestCacheHangingStore: a store that never answers, and ignores that nobody
// waits any more, holds neither requests nor ever more goroutines.
func TestCacheHangingStore(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newCache(t, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	stuck := &stuckStore{release: make(chan struct{})}
	r.cfg.Store = stuck
	var all sync.WaitGroup
	start := time.Now()
	for i := range 300 {
		all.Go(func() {
			if got := r.get(fmt.Sprintf("t%d", i%100), "github"); got != "failed" {
				t.Errorf("%s", got)
			}
		})
	}
	all.Wait()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if n := stuck.calls.Load(); n > workers {
		t.Errorf("%d calls at a time, want at most %d", n, workers)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Route(ctx, "other", "github"); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that has gone: %v", err)
	}
	close(stuck.release)
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before+1 })
}

type stuckStore struct {
	release chan struct{}
	calls   atomic.Int64
}

func (s *stuckStore) Lookup(context.Context, string, string) ([]byte, error) {
	s.calls.Add(1)
	<-s.release
	return nil, errAway
}

func (s *stuckStore) Fresh() time.Duration { return time.Second }

func TestCachePanic(t *testing.T) {
	r := newCache(t, nil)
	r.cfg.Store = panicStore{}
	r.want("acme", "github", "failed")
	r.clock.advance(time.Second)
	r.want("acme", "github", "failed")
}

type panicStore struct{}

func (panicStore) Lookup(context.Context, string, string) ([]byte, error) { panic(marker) }
func (panicStore) Fresh() time.Duration                                   { return time.Second }

func TestCacheResults(t *testing.T) {
	r := newCache(t, func(c *Config) { c.Lookups = gateway.Rate{Count: 1, Per: time.Hour, Burst: 2} })
	r.get("acme", "github")
	r.get("acme", "github")
	r.get("initech", "github")
	r.get("initech", "github")
	r.get("a", "github")
	r.get("b", "github")
	r.store.set(func() { r.store.err = errAway })
	r.clock.advance(time.Second)
	r.get("acme", "github")
	r.clock.advance(time.Hour)
	r.get("acme", "github")
	for result, want := range map[Result]int{Found: 1, Hit: 1, Absent: 2, Remembered: 1, Limited: 1, Stale: 1, Failed: 1} {
		if got := r.count(result); got != want {
			t.Errorf("%s: %d, want %d", result, got, want)
		}
	}
	if len(Results()) != 7 {
		t.Errorf("%d results", len(Results()))
	}
}

func TestLimits(t *testing.T) {
	l := NewLimits(gateway.Rate{Count: 1, Per: time.Hour}, 2)
	now := time.Unix(1_700_000_000, 0)
	if one, again := l.Of("a"), l.Of("a"); one != again || one == l.Of("b") {
		t.Fatal("names do not have limiters of their own")
	}
	if _, ok := l.Of("a").Take(now, 1); !ok {
		t.Fatal("the first is refused")
	}
	if _, ok := l.Of("a").Take(now, 1); ok {
		t.Fatal("the second is taken")
	}
	if _, ok := l.Of("b").Take(now, 1); !ok {
		t.Fatal("the other has no room")
	}
	l.Of("c")
	if n := l.list.len(); n != 2 {
		t.Errorf("%d limiters are kept, want 2", n)
	}
	if NewLimits(gateway.Rate{}, 0).Of("a") != nil {
		t.Error("no rate limits")
	}
}

// TestStoreHangs: while the store does not answer, whoever is known waits for it
// once, and then only for what the store says has changed.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	r := newCache(t, nil)
	r.want("acme", "github", "acme key-1")
	hold := make(chan struct{})
	r.store.set(func() { r.store.hold = hold })
	for round := range 5 {
		r.clock.advance(2 * time.Second)
		begin := time.Now()
		r.want("acme", "github", "acme key-1 of before")
		if waited := time.Since(begin); (waited > 400*time.Millisecond) != (round == 0) {
			t.Errorf("round %d: it took %v", round, waited)
		}
		r.settled()
	}
	r.clock.advance(2 * time.Second)
	r.want("acme", "github", "acme key-1 of before") // which has it looked up
	r.store.put("acme/github", `{"secrets": [{"id": "new", "secret": "s3"}]}`)
	r.Forget("acme", "github")
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.want("acme", "github", "acme new")
	}()
	time.Sleep(20 * time.Millisecond) // it may wait by now; if it does not yet, the result is the same
	r.store.set(func() { r.store.hold = nil })
	close(hold)
	<-done
}

// settled waits until nothing is being looked up.
func (r *cacheRig) settled() {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		r.Cache.mu.Lock()
		n := len(r.flights)
		r.Cache.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			r.t.Fatal("something is still being looked up")
		}
	}
}
