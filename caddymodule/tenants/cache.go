package tenants

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	defaultKnown   = 4096
	defaultUnknown = 8192
	defaultTimeout = 2 * time.Second
	defaultStale   = 10 * time.Minute
	// notThere is how long it is remembered that there is no such tenant, and
	// failed how long that a lookup has failed.
	notThere = 2 * time.Second
	failed   = time.Second
	// workers is how many lookups run at a time.
	workers = 16
	// sayAgain is the time between two lines about a store that fails.
	sayAgain = 10 * time.Second
)

// defaultLookups is how many tenants may be looked up that are not known.
var defaultLookups = gateway.Rate{Count: 500, Per: time.Second, Burst: 1000}

// Result is how the search for a tenant's route ended, for metrics.
type Result string

// The results.
const (
	// Hit: it was known.
	Hit Result = "hit"
	// Found, Absent and Failed: it was looked up.
	Found  Result = "found"
	Absent Result = "absent"
	Failed Result = "failed"
	// Remembered: it was remembered that there is none, or that the lookup has
	// failed.
	Remembered Result = "remembered"
	// Stale: the lookup has failed, and what was known before is used.
	Stale Result = "stale"
	// Limited: too much is being looked up already.
	Limited Result = "limited"
)

// Results lists them all.
func Results() []Result { return []Result{Hit, Found, Absent, Failed, Remembered, Stale, Limited} }

// Config describes a Cache.
type Config struct {
	// Store has the secrets. Required.
	Store Store
	// Make makes a route of what was found. Its error holds no secret. Required.
	Make func(tenant, source string, keys verifiers.Keys) (*gateway.Route, error)
	// Fixed means that there is one tenant and one source, which the operator has
	// named: that there is no secret is then a fault and not an unknown tenant.
	Fixed bool
	// Known is how many tenants' routes are kept at most, and Unknown how many
	// names of which it is known that there is no secret. 0 means 4096 and 8192.
	Known, Unknown int
	// Lookups limits how often names are looked up that are not known, and of which
	// it turns out that they have no secret; at one time it limits all. The zero Rate
	// means 500 a second, and 1000 at once.
	Lookups gateway.Rate
	// Timeout bounds one lookup; 0 means 2 s.
	Timeout time.Duration
	// Stale is how long a tenant's secrets are used while the store fails; 0 means
	// 10 min.
	Stale time.Duration
	// Observe, if not nil, is told how each search ended.
	Observe func(Result)
	// Logger gets failures of the store. Nil means that nobody does.
	Logger *slog.Logger
	// Time is the clock; nil means time.Now.
	Time func() time.Time
}

// Cache finds routes of tenants. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	lookups *gateway.Limiter
	slots   chan struct{}

	mu      sync.Mutex
	known   *lru[*entry]
	unknown *lru[absence]
	flights map[string]*flight
	said    time.Time
}

// entry is a tenant's route.
type entry struct {
	route   *gateway.Route
	digest  [sha256.Size]byte // of the document that it was made of
	looked  time.Time         // when the store has last answered
	due     time.Time         // when it is to be asked again
	doubt   error             // why the store did not answer since
	changed bool              // the store has said so; guarded by Cache.mu
}

// absence is what is remembered of names that have no route.
type absence struct {
	err   error
	until time.Time
}

// flight is a lookup on its way.
type flight struct {
	tenant, source string
	done           chan struct{} // closed when the fields below are set
	route          *gateway.Route
	err            error
	changed        bool // something has changed meanwhile; guarded by Cache.mu
	limited        bool // it counts as a lookup of a name that is not known
}

// New returns a cache.
func New(cfg Config) *Cache {
	if cfg.Known <= 0 {
		cfg.Known = defaultKnown
	}
	if cfg.Unknown <= 0 {
		cfg.Unknown = defaultUnknown
	}
	if cfg.Lookups.Count <= 0 {
		cfg.Lookups = defaultLookups
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Stale <= 0 {
		cfg.Stale = defaultStale
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Result) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	c := &Cache{
		cfg:     cfg,
		lookups: gateway.NewLimiter(cfg.Lookups),
		slots:   make(chan struct{}, workers),
		known:   newLRU[*entry](cfg.Known),
		unknown: newLRU[absence](cfg.Unknown),
		flights: make(map[string]*flight),
	}
	if n, ok := cfg.Store.(Notifier); ok {
		n.Notify(c.Forget)
	}
	return c
}

// Route returns the route of a source of a tenant. The names may be anything:
// what is not one is [gateway.ErrUnknownTenant], and is not looked up. The errors
// are those of a [gateway.Resolver]; with [gateway.ErrOldSecrets] comes the route
// that was known before.
func (c *Cache) Route(ctx context.Context, tenant, source string) (*gateway.Route, error) {
	if !gateway.IsName(tenant) || !gateway.IsName(source) {
		return nil, fmt.Errorf("%w: the request names none", gateway.ErrUnknownTenant)
	}
	key := keyOf(tenant, source)
	now := c.cfg.Time()
	c.mu.Lock()
	e, isKnown := c.known.get(key)
	if isKnown && now.Before(e.due) {
		c.mu.Unlock()
		c.cfg.Observe(Hit)
		return e.route, e.doubt
	}
	if !isKnown {
		if a, ok := c.unknown.get(key); ok && now.Before(a.until) {
			c.mu.Unlock()
			c.cfg.Observe(Remembered)
			return nil, a.err
		}
	}
	f := c.flights[key]
	if f == nil {
		// Whoever is known is looked up again, however many unknown names others
		// send.
		if !isKnown {
			if _, ok := c.lookups.Take(now, 1); !ok {
				c.mu.Unlock()
				c.cfg.Observe(Limited)
				return nil, gateway.ErrTooManyLookups
			}
		}
		f = &flight{tenant: tenant, source: source, done: make(chan struct{}), limited: !isKnown}
		c.flights[key] = f
		go c.look(f) //nolint:gosec // it is for all that ask now, and outlives each of them
	}
	// While the store is not well nobody waits for it who need not.
	usable := isKnown && e.doubt != nil && !e.changed && now.Sub(e.looked) < c.cfg.Stale
	c.mu.Unlock()
	if usable {
		c.cfg.Observe(Stale)
		return e.route, e.doubt
	}
	return c.wait(ctx, f)
}

// Forget has a source of a tenant looked up again; with two empty texts, all. A
// text that is empty alone stands for any.
func (c *Cache) Forget(tenant, source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Time()
	if tenant == "" || source == "" {
		for _, f := range c.flights {
			f.changed = true
		}
		c.known.each(func(e *entry) { e.due, e.changed = now, true })
		c.unknown.clear()
		return
	}
	key := keyOf(tenant, source)
	if f := c.flights[key]; f != nil {
		f.changed = true
	}
	if e, ok := c.known.get(key); ok {
		e.due, e.changed = now, true
	}
	c.unknown.remove(key)
}

// Len returns how many tenants' routes are kept, and of how many names it is
// remembered that they have none.
func (c *Cache) Len() (known, unknown int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.len(), c.unknown.len()
}

// wait returns what the lookup finds. A store that does not come back is not
// waited for.
func (c *Cache) wait(ctx context.Context, f *flight) (*gateway.Route, error) {
	end := time.NewTimer(c.cfg.Timeout + time.Second/4)
	defer end.Stop()
	select {
	case <-f.done:
		return f.route, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-end.C:
		c.cfg.Observe(Failed)
		return nil, errNoAnswer
	}
}

var (
	errNoAnswer = errors.New("looking up the tenant's secrets: the store does not answer")
	errNoSecret = errors.New("looking up the secrets: there are none")
)

// look asks the store. It does not end with the request that has begun it: others
// wait for it.
func (c *Cache) look(f *flight) {
	var keys verifiers.Keys
	var digest [sha256.Size]byte
	err := errNoAnswer
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("looking up the tenant's secrets: panic: %T", p)
		}
		c.land(f, keys, digest, err)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.Timeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return
	}
	var data []byte
	if data, err = c.cfg.Store.Lookup(ctx, f.tenant, f.source); err != nil {
		return
	}
	digest = sha256.Sum256(data)
	if keys, err = ParseDocument(data); err != nil {
		err = &unusable{err}
	}
}

// unusable is the error of a document that was read. What was known before is not
// used any more: it may have been replaced for a reason.
type unusable struct{ err error }

func (u *unusable) Error() string { return "the tenant's secrets: " + u.err.Error() }
func (u *unusable) Unwrap() error { return u.err }

// land ends a lookup.
func (c *Cache) land(f *flight, keys verifiers.Keys, digest [sha256.Size]byte, err error) {
	key, now := keyOf(f.tenant, f.source), c.cfg.Time()
	c.mu.Lock()
	before, _ := c.known.get(key)
	c.mu.Unlock()
	after := &entry{digest: digest, looked: now, due: now.Add(c.cfg.Store.Fresh())}
	switch {
	case err != nil:
	case before != nil && before.digest == digest:
		after.route = before.route
	default:
		// Outside the lock: it takes a little.
		if after.route, err = c.cfg.Make(f.tenant, f.source, keys); err != nil {
			err = &unusable{err}
		}
	}
	c.mu.Lock()
	delete(c.flights, key)
	if f.changed {
		after.due = now
	}
	result := c.settle(f, key, before, after, now, err)
	speaks := (result == Stale || result == Failed) && now.Sub(c.said) >= sayAgain
	if speaks {
		c.said = now
	}
	c.mu.Unlock()
	if f.limited && result == Found {
		// The limit is for names that strangers think of. Of tenants there may be
		// more than are kept, all of them in use.
		c.lookups.GiveBack(1)
	}
	c.cfg.Observe(result) // before those who wait go on and see the count
	close(f.done)
	switch {
	case !speaks:
	case result == Stale:
		c.cfg.Logger.Error("the secrets of tenants cannot be looked up; those that are known are used for a while",
			"tenant", f.tenant, "source", f.source, "error", err)
	default:
		c.cfg.Logger.Error("the secrets of a tenant cannot be used; its senders are asked to try again",
			"tenant", f.tenant, "source", f.source, "error", err)
	}
}

// settle remembers what a lookup has found and sets what those get that wait for
// it.
func (c *Cache) settle(f *flight, key string, before, after *entry, now time.Time, err error) Result {
	_, bad := errors.AsType[*unusable](err)
	switch {
	case err == nil:
		c.unknown.remove(key)
		c.known.put(key, after)
		f.route = after.route
		return Found
	case errors.Is(err, ErrNotThere):
		f.err = fmt.Errorf("%w: there is no secret for %s/%s", gateway.ErrUnknownTenant, f.tenant, f.source)
		if c.cfg.Fixed {
			f.err = errNoSecret
		}
		c.forgo(f, key, now.Add(notThere))
		return Absent
	case !bad && before != nil && now.Sub(before.looked) < c.cfg.Stale:
		old := *before
		old.changed = false
		old.due, old.doubt = now.Add(failed), fmt.Errorf("%w: %w", gateway.ErrOldSecrets, err)
		c.known.put(key, &old)
		f.route, f.err = old.route, old.doubt
		return Stale
	}
	f.err = err
	c.forgo(f, key, now.Add(failed))
	return Failed
}

func (c *Cache) forgo(f *flight, key string, until time.Time) {
	c.known.remove(key)
	if !f.changed {
		c.unknown.put(key, absence{f.err, until})
	}
}

// keyOf is one for each pair of names: neither holds a slash.
func keyOf(tenant, source string) string { return tenant + "/" + source }
