package gateway

import (
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket kept as one number, the time at which it is full
// again (GCRA).
type bucket int64

// limit is a Rate in the terms of a bucket.
type limit struct {
	interval, burst int64 // nanoseconds: one token; all of them
}

func newLimit(r Rate) limit {
	burst := r.Burst
	if burst == 0 {
		burst = r.Count
	}
	interval := int64(r.Per) / int64(r.Count)
	return limit{interval: interval, burst: interval * int64(burst)}
}

// take takes n tokens, or returns how long it is until there are so many. More
// than all count as all.
func (l limit) take(b *bucket, now int64, n int) (wait time.Duration, ok bool) {
	// A clock that was set back must not lock anybody out for the difference.
	full := min(max(int64(*b), now), now+l.burst)
	cost := l.burst
	if int64(n) < l.burst/l.interval {
		cost = l.interval * int64(n)
	}
	if wait := full + cost - l.burst - now; wait > 0 {
		return time.Duration(wait), false
	}
	*b = bucket(full + cost)
	return 0, true
}

// A Limiter limits events to a [Rate]. It is safe for concurrent use.
type Limiter struct {
	limit limit
	*meter
}

// meter is what has been used of a limit.
type meter struct {
	mu    sync.Mutex
	state bucket
}

// NewLimiter returns a limiter with the full burst, or nil, which limits
// nothing, if the rate has no Count. The rate must be one that [New] takes.
func NewLimiter(r Rate) *Limiter { return newLimiter(r, new(meter)) }

func newLimiter(r Rate, m *meter) *Limiter {
	if r.Count <= 0 {
		return nil
	}
	return &Limiter{limit: newLimit(r), meter: m}
}

// Take takes room for so many events, more than all counting as all, or returns how
// long it is until there is as much.
func (l *Limiter) Take(now time.Time, events int) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit.take(&l.state, now.UnixNano(), events)
}

// GiveBack returns room for so many events that was taken and was not needed.
func (l *Limiter) GiveBack(events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state -= bucket(min(l.limit.interval*int64(events), l.limit.burst))
}

// RateState is what has been used of a route's limits: by each client, and by
// the source. A route that takes the place of another with the same rates is
// given the state of that, so that a new configuration is no new burst for a
// sender that has used up its own. It is safe for concurrent use, and the zero
// value is ready.
type RateState struct {
	clients clientMeters
	source  meter
}

// maxClients is how many addresses one generation of clientMeters holds: about
// 5 MB for both.
const maxClients = 32768

// clientMeters is what each client has used. Its memory is bounded: it keeps two
// generations, and whoever was not seen for a whole generation starts again with
// a full bucket. A flood of addresses can therefore win more tries for the
// flooder and cannot lock out anybody else.
type clientMeters struct {
	mu       sync.Mutex
	now, old map[netip.Addr]bucket
}

// clientLimiter limits each client by its address.
type clientLimiter struct {
	limit limit
	*clientMeters
}

func newClientLimiter(r Rate, m *clientMeters) *clientLimiter {
	if r.Count <= 0 {
		return nil
	}
	return &clientLimiter{limit: newLimit(r), clientMeters: m}
}

func (c *clientLimiter) take(addr netip.Addr, now time.Time) (time.Duration, bool) {
	key := clientKey(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.now[key]
	if !ok {
		b = c.old[key]
		if len(c.now) >= maxClients || c.now == nil {
			c.old, c.now = c.now, make(map[netip.Addr]bucket)
		}
	}
	wait, ok := c.limit.take(&b, now.UnixNano(), 1)
	c.now[key] = b
	return wait, ok
}

// clientKey is the address that stands for a client: whoever has one IPv6
// address has the 2^64 addresses of its network.
func clientKey(addr netip.Addr) netip.Addr {
	addr = plainAddr(addr)
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// plainAddr removes what lets one address be written in two ways.
func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
