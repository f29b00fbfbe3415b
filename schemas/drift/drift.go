// Package drift learns what the payloads of one source look like and finds what
// was never there before: event types, fields, values of enumerations, JSON types;
// and fields that were always there and are not any more. It needs no schema.
//
// # Learning
//
// Each place learns by itself: the source its event types, an object its members,
// a field its JSON types, an enumeration its values. A place is learned when it
// has come in so many events in a row without anything new (Config.Events, and at
// least half of all in which it came), and is old enough (Config.Age). What comes
// so seldom that this would take for ever is learned after 30 days with a tenth of
// the events. Until then what is new is learned in silence; after that it is a
// finding, once. What is below a finding is learned like everything else: a new
// object is one finding, and its members are none.
//
// Elements of an array are one place, "-". All members whose names look like data,
// such as identifiers, dates and addresses, are one place, "*". So are the members
// that were not seen before of an object that keeps getting new ones: it is a map.
// Objects with names that senders use for whatever their customers want, such as
// metadata, are not looked into.
//
// # What it keeps and shows
//
// Of payloads it keeps names of members that do not look like data, and of
// enumerations their values: short strings without spaces, few and always the same,
// in fields whose names say that they are a status, a type, an action or the like.
// Nothing else of a payload is kept or shown.
//
// # Bounds
//
// Memory is bounded by Config.MaxBytes. When it is full nothing more is learned,
// and what had not been learned is not reported; what is reported stays. Looked at
// are the first 65 536 values of a payload, 32 levels deep.
package drift

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of a Config.
const (
	DefaultEvents   = 1000
	DefaultAge      = 24 * time.Hour
	DefaultMaxBytes = 4 << 20
)

// Bounds.
const (
	// MaxFindings is how many findings a tracker keeps. More are found when some of
	// these have been acknowledged.
	MaxFindings = 256

	maxValues    = 1 << 16 // of a payload
	maxDepth     = 32
	maxID        = 128 // bytes of a sample event's id
	maxType      = 128 // bytes of an event type
	maxSkipped   = 16
	maxTouched   = 64 // findings in one event that are counted
	maxVariety   = 24 // values of an enumeration
	seldomAge    = 30 * 24 * time.Hour
	seldomEvents = 10 // so many times fewer

	// clockSlack is by how many seconds an event may be older than the last, for
	// which it waited. If it is by more then the clock was wrong.
	clockSlack = 3600
)

// Config describes a Tracker.
type Config struct {
	// Events is how many events in a row must have nothing new; 0 means
	// DefaultEvents.
	Events int
	// Age is how long a place is learned at least; 0 means DefaultAge, and what is
	// negative no time.
	Age time.Duration
	// MaxBytes bounds the memory; 0 means DefaultMaxBytes. It is at least 64 KiB.
	MaxBytes int
	// NoValues means that values of enumerations are neither kept nor shown.
	NoValues bool
	// Reserve, if not nil, is asked before so many more bytes are used, and told with
	// a negative number when they are given back. It must not call the Tracker.
	Reserve func(bytes int) bool
}

func (c Config) complete() Config {
	if c.Events <= 0 {
		c.Events = DefaultEvents
	}
	if c.Age == 0 {
		c.Age = DefaultAge
	}
	c.Age = max(c.Age, 0)
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	c.MaxBytes = max(c.MaxBytes, 64<<10)
	return c
}

// Tracker is what is known of one source. It is safe for concurrent use: events
// with nothing new are looked at side by side.
type Tracker struct {
	seq     atomic.Uint64 // of events
	changes atomic.Uint64
	skipped atomic.Uint64 // events that were not counted, in a row
	last    atomic.Int64  // Unix seconds of the last event

	mu   sync.RWMutex
	cfg  Config
	tree tree
	pass uint32 // of learning

	since    time.Time
	full     bool
	unlisted uint64
	findings map[findingKey]*finding
	order    []*finding // as they were found
}

// New returns a Tracker that knows nothing.
func New(cfg Config) *Tracker {
	t := &Tracker{cfg: cfg.complete()}
	t.clear()
	return t
}

// clear forgets everything.
func (t *Tracker) clear() {
	t.tree.give(t.tree.bytes)
	t.tree = tree{seed: maphash.MakeSeed(), reserve: t.cfg.Reserve}
	t.findings, t.order = make(map[findingKey]*finding), nil
	t.full, t.unlisted, t.since, t.pass = false, 0, time.Time{}, 0
	if t.tree.add(t.cfg.MaxBytes, none, member, "") == none {
		t.full = true
	}
}

// Configure changes the settings. What has been learned stays, also if it is more
// than MaxBytes now. What did not fit is learned if there is more room.
func (t *Tracker) Configure(cfg Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.cfg
	t.cfg = cfg.complete()
	t.cfg.Reserve = was.Reserve // of what it has
	if t.cfg.MaxBytes > was.MaxBytes {
		t.resume()
	}
}

// resume makes places learn from the beginning of which something did not fit.
func (t *Tracker) resume() {
	if t.empty() || !t.full {
		return
	}
	t.full = false
	t.tree.each(func(_ ref, v *node) {
		if v.flags&partial != 0 {
			v.flags &^= partial | counted
			v.seen, v.calm, v.born = 0, 0, seconds(t.last.Load())
		}
	})
	t.changes.Add(1)
}

// Forget makes learning begin anew, also of what is reported.
func (t *Tracker) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.changes.Add(1)
}

// Close gives the memory back. The Tracker knows nothing after that, and learns
// nothing.
func (t *Tracker) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.tree.give(t.tree.bytes)
	t.tree = tree{}
}

// empty reports whether there is no memory at all.
func (t *Tracker) empty() bool { return t.tree.nodes == 0 }

// Changes is a number that is another when Snapshot would return something else.
// Counters of findings alone do not change it.
func (t *Tracker) Changes() uint64 { return t.changes.Load() }

// Observe looks at an event: its type, its id, when it came, and its payload,
// decoded as by encoding/json with UseNumber, which is neither changed nor kept.
// It returns what was found for the first time, mostly nothing; the slice is the
// caller's.
func (t *Tracker) Observe(eventType, eventID string, at time.Time, payload any) []Finding {
	w := walk{t: t, seq: t.seq.Add(1), at: at.Unix(), left: maxValues, id: eventID}
	if last := t.last.Load(); w.at > last || w.at < last-clockSlack {
		t.last.Store(w.at) // what reports go by: that it may be an earlier one of two is no matter
	}
	t.scan(&w, eventType, payload)
	switch {
	case w.news:
		w.nTouched = 0
		t.mu.Lock()
	case w.count:
		// What only counts may be left out rather than wait, but not for ever.
		if !t.mu.TryLock() {
			if t.skipped.Add(1) < maxSkipped {
				return nil
			}
			t.mu.Lock()
		}
		t.skipped.Store(0)
	default:
		return nil
	}
	defer t.mu.Unlock()
	if t.empty() {
		return nil
	}
	news := w.news
	w.left, w.news, w.count = maxValues, false, false
	w.learnEvent(eventType, payload)
	if news {
		w.countTouched()
	}
	t.changes.Add(1)
	return w.sorted()
}

// scan looks for what is not known, beside others.
func (t *Tracker) scan(w *walk, eventType string, payload any) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.empty() {
		return
	}
	if w.scanEvent(eventType, payload); !w.news {
		w.countTouched()
	}
}

// settled reports whether a place has been learned, before the event that is looked
// at.
func (t *Tracker) settled(n *node, at int64) bool {
	if n.flags&partial != 0 {
		return false
	}
	age := time.Duration(at-int64(n.born)) * time.Second
	return t.calm(n, t.cfg.Events) && age >= t.cfg.Age ||
		t.calm(n, max(t.cfg.Events/seldomEvents, 1)) && age >= seldomAge
}

// calm reports whether a place has come often enough without anything new.
func (t *Tracker) calm(n *node, events int) bool {
	calm, seen := int64(n.calm), int64(n.seen)
	if n.last == t.pass {
		calm, seen = max(calm-1, 0), seen-1 // this event is what is to be judged
	}
	return calm >= max(int64(events), seen/2)
}

// limit is how many bytes the tree may have: what learns leaves some for what is
// found later.
func (t *Tracker) limit(reporting bool) int {
	if reporting {
		return t.cfg.MaxBytes
	}
	return t.cfg.MaxBytes - t.cfg.MaxBytes/8
}
