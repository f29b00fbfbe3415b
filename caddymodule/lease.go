package caddymodule

import "sync"

// lease keeps something for as long as its owner or a request needs it. On a
// reload Caddy cleans the old modules up while their last requests are still
// being served, and some are yet to come.
type lease struct {
	mu     sync.Mutex
	users  int
	closed bool // the owner has ended
	ended  bool // done was called
	done   func()
}

// newLease returns a lease that calls done once, after close and after the last
// user.
func newLease(done func()) *lease { return &lease{done: done} }

// acquire returns whether there is still something to use; if so, giveBack must
// follow.
func (l *lease) acquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.users++
	return true
}

func (l *lease) giveBack() {
	l.mu.Lock()
	l.users--
	last := l.endIfUnused()
	l.mu.Unlock()
	if last {
		l.done()
	}
}

func (l *lease) close() {
	l.mu.Lock()
	l.closed = true
	last := l.endIfUnused()
	l.mu.Unlock()
	if last {
		l.done()
	}
}

// endIfUnused returns whether it is for the caller to call done.
func (l *lease) endIfUnused() bool {
	if !l.closed || l.ended || l.users > 0 {
		return false
	}
	l.ended = true
	return true
}
