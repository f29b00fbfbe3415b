package tenants

import (
	"sync"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Limits are limiters by name, all with one rate. They outlive the routes that
// use them, and those that were not used for longest go first. They are safe for
// concurrent use.
type Limits struct {
	rate gateway.Rate
	mu   sync.Mutex
	list *lru[*gateway.Limiter]
}

// NewLimits returns limits for so many names; 0 means 8192. A rate without a
// Count limits nothing.
func NewLimits(rate gateway.Rate, names int) *Limits {
	if names <= 0 {
		names = 2 * defaultKnown
	}
	return &Limits{rate: rate, list: newLRU[*gateway.Limiter](names)}
}

// Of returns the limiter of a name; nil if there is no limit.
func (l *Limits) Of(name string) *gateway.Limiter {
	if l.rate.Count <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if found, ok := l.list.get(name); ok {
		return found
	}
	made := gateway.NewLimiter(l.rate)
	l.list.put(name, made)
	return made
}
