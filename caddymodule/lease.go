package caddymodule

import "sync"

// lease keeps something for as long as its owner or a request needs it. On a
// reload Caddy cleans the old modules up while their last requests are still
// being served.
type lease struct {
	mu     sync.Mutex
	users  int
	closed bool
	done   func()
}

// newLease returns a lease that calls done once, after close and after the last
// user.
func newLease(done func()) *lease { return &lease{done: done} }

func (l *lease) acquire() {
	l.mu.Lock()
	l.users++
	l.mu.Unlock()
}

func (l *lease) giveBack() {
	l.mu.Lock()
	l.users--
	last := l.closed && l.users == 0
	if last {
		l.closed = false // a straggler must not end it twice
	}
	l.mu.Unlock()
	if last {
		l.done()
	}
}

func (l *lease) close() {
	l.mu.Lock()
	last := l.users == 0
	l.closed = !last
	l.mu.Unlock()
	if last {
		l.done()
	}
}
