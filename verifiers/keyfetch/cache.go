package keyfetch

import (
	"context"
	"net/http"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// entry is what is known about one URL. Its fields are guarded by the fetcher's
// mutex.
type entry struct {
	doc     []byte    // the last good answer; nil if there was none
	fetched time.Time // when doc was fetched
	err     error     // of the last exchange, nil if it was good
	failed  time.Time // when err happened
	used    time.Time // for eviction
	flight  *flight   // the exchange under way, if any
}

// flight is an exchange that several callers may wait for.
type flight struct {
	done chan struct{} // closed when doc and err are set
	doc  []byte
	err  error
}

// Fetch returns the document at rawURL, which is read-only and shared. The
// error is an [*Error]. A document that is no longer fresh is returned at once
// while a new one is fetched.
func (f *Fetcher) Fetch(ctx context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, &Error{Kind: verifiers.ErrUntrusted, Cause: err}
	}
	doc, flight, err := f.lookup(pin, rawURL)
	if flight != nil {
		select {
		case <-flight.done:
			doc, err = flight.doc, flight.err
		case <-ctx.Done():
			return nil, &Error{Kind: ErrConnect, Cause: ctx.Err()}
		}
	}
	if err == nil && int64(len(doc)) > maxBytes(pin) {
		return nil, &Error{Kind: ErrTooLarge}
	}
	return doc, err
}

// lookup returns what is remembered, or an exchange to wait for.
func (f *Fetcher) lookup(pin verifiers.Pin, rawURL string) ([]byte, *flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, nil, &Error{Kind: ErrClosed}
	}
	now := f.cfg.Time()
	e := f.entries[rawURL]
	if e == nil {
		f.makeRoom()
		e = &entry{}
		f.entries[rawURL] = e
	}
	e.used = now
	age := now.Sub(e.fetched)
	if e.doc != nil && age < f.cfg.Fresh {
		return e.doc, nil, nil
	}
	lately := e.err != nil && now.Sub(e.failed) < f.cfg.Negative
	if e.flight == nil && !lately {
		f.start(e, pin, rawURL)
	}
	switch {
	case e.doc != nil && age < f.cfg.Stale:
		return e.doc, nil, nil
	case e.flight != nil:
		return nil, e.flight, nil
	default:
		return nil, nil, e.err
	}
}

// start begins an exchange. It does not belong to the request that wanted it
// first, since others wait for it too.
func (f *Fetcher) start(e *entry, pin verifiers.Pin, rawURL string) {
	fl := &flight{done: make(chan struct{})}
	e.flight = fl
	f.work.Go(func() {
		doc, err := f.get(f.ctx, pin, rawURL, func(status int) bool { return status == http.StatusOK })
		f.mu.Lock()
		defer f.mu.Unlock()
		now := f.cfg.Time()
		e.flight = nil
		if err == nil {
			e.doc, e.fetched, e.err = doc, now, nil
		} else {
			e.err, e.failed = err, now
		}
		fl.doc, fl.err = doc, err
		close(fl.done)
	})
}

// makeRoom forgets one URL if there are too many: one without a document if
// there is one, and of those the one that was used longest ago. So URLs that
// strangers make up do not drive out documents that are in use. A URL that is
// being fetched stays, so that it is fetched once; there are never more of
// these than requests under way.
func (f *Fetcher) makeRoom() {
	if len(f.entries) < f.cfg.Entries {
		return
	}
	var oldest string
	var found *entry
	for url, e := range f.entries {
		if e.flight != nil {
			continue
		}
		empty := e.doc == nil
		if found == nil || empty && found.doc != nil || empty == (found.doc == nil) && e.used.Before(found.used) {
			oldest, found = url, e
		}
	}
	if found != nil {
		delete(f.entries, oldest)
	}
}

// Interface guards.
var _ verifiers.Fetcher = (*Fetcher)(nil)
