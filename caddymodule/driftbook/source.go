package driftbook

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// Source is one source of a Book. It is safe for concurrent use.
type Source struct {
	book    *Book
	name    Name
	tracker *drift.Tracker
	load    sync.Once

	settings atomic.Pointer[settings]

	saving sync.Mutex
	saved  uint64 // Changes of what is in the file

	mu      sync.Mutex
	pending []drift.Finding
	more    int
	told    time.Time // zero: never
	timer   *time.Timer
}

// settings are those that the tracker has now.
type settings struct {
	label string
	cfg   drift.Config
}

// Name returns the source's name.
func (s *Source) Name() Name { return s.name }

// Label returns what the caller calls it.
func (s *Source) Label() string { return s.settings.Load().label }

// Report returns what is known and what was found.
func (s *Source) Report() drift.Report { return s.tracker.Report() }

// Open returns how many findings there are.
func (s *Source) Open() int { return s.tracker.Open() }

// Acknowledge takes findings off the report: those with these ids, or all if there
// are none. It returns how many those were.
func (s *Source) Acknowledge(ids ...string) int {
	n := s.tracker.Acknowledge(ids...)
	s.save(false)
	return n
}

// Forget makes learning begin anew.
func (s *Source) Forget() {
	s.tracker.Forget()
	s.save(false)
}

// set changes the settings if they are others.
func (s *Source) set(label string, cfg drift.Config) {
	cfg.Reserve = nil
	next := settings{label, cfg}
	now := s.settings.Load()
	if now != nil && now.label == label && now.cfg.Events == cfg.Events && now.cfg.Age == cfg.Age &&
		now.cfg.MaxBytes == cfg.MaxBytes && now.cfg.NoValues == cfg.NoValues {
		return
	}
	s.tracker.Configure(cfg)
	s.settings.Store(&next)
}

// Observe looks at an event, as [drift.Tracker.Observe] does, and has what it finds
// told.
func (s *Source) Observe(eventType, eventID string, at time.Time, payload any) []drift.Finding {
	found := s.tracker.Observe(eventType, eventID, at, payload)
	if len(found) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	take := min(len(found), mostTold-len(s.pending))
	s.pending = append(s.pending, found[:take]...)
	s.more += len(found) - take
	if s.timer == nil {
		wait := time.Duration(0)
		if !s.told.IsZero() {
			wait = max(s.book.cfg.Pause-time.Since(s.told), 0)
		}
		s.timer = time.AfterFunc(wait, func() { s.tell(false) })
	}
	return found
}

// tell passes on what has been found since the last time.
func (s *Source) tell(last bool) {
	s.mu.Lock()
	if s.timer != nil && last {
		s.timer.Stop()
	}
	n := Notice{Name: s.name, Findings: s.pending, More: s.more}
	s.pending, s.more, s.timer, s.told = nil, 0, nil, time.Now()
	s.mu.Unlock()
	if len(n.Findings) > 0 {
		n.Open = s.tracker.Open()
		s.book.cfg.Tell(n)
	}
}
