package gateway

import "sync/atomic"

// Budget bounds what requests may hold at one time. It is safe for concurrent
// use, and any number of routes may share one.
type Budget struct {
	maxRequests, maxBytes int64
	requests, bytes       atomic.Int64
}

// NewBudget returns a budget for so many requests in flight, holding so many
// bytes of bodies. Zero means no limit.
func NewBudget(requests int, bytes int64) *Budget {
	return &Budget{maxRequests: int64(requests), maxBytes: bytes}
}

// InUse returns what is held now, for gauges.
func (b *Budget) InUse() (requests int, bytes int64) {
	return int(b.requests.Load()), b.bytes.Load()
}

func (b *Budget) takeRequest() bool { return take(&b.requests, 1, b.maxRequests) }

func (b *Budget) takeBytes(n int64) bool { return take(&b.bytes, n, b.maxBytes) }

// take adds before it looks, so that two requests never share the last place;
// the price is that both may be refused it.
func take(used *atomic.Int64, n, limit int64) bool {
	if now := used.Add(n); limit > 0 && now > limit {
		used.Add(-n)
		return false
	}
	return true
}

// lease is what one request holds of the route's budgets.
type lease struct {
	budgets []*Budget
	entered int
	bytes   int64
}

// enter takes one request from each budget.
func (l *lease) enter() bool {
	for _, b := range l.budgets {
		if !b.takeRequest() {
			return false
		}
		l.entered++
	}
	return true
}

// room reports whether n more bytes would fit now. It takes nothing.
func (l *lease) room(n int64) bool {
	for _, b := range l.budgets {
		if b.maxBytes > 0 && b.bytes.Load()+n > b.maxBytes {
			return false
		}
	}
	return true
}

// grow takes n more bytes from each budget.
func (l *lease) grow(n int64) bool {
	for i, b := range l.budgets {
		if !b.takeBytes(n) {
			for _, done := range l.budgets[:i] {
				done.bytes.Add(-n)
			}
			return false
		}
	}
	l.bytes += n
	return true
}

// shrink gives n bytes back.
func (l *lease) shrink(n int64) {
	for _, b := range l.budgets {
		b.bytes.Add(-n)
	}
	l.bytes -= n
}

// release gives everything back. It may be called at any point.
func (l *lease) release() {
	for _, b := range l.budgets[:l.entered] {
		b.requests.Add(-1)
	}
	for _, b := range l.budgets {
		b.bytes.Add(-l.bytes)
	}
	l.entered, l.bytes = 0, 0
}
