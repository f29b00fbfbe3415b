package natspub

import (
	"cmp"
	"slices"
	"time"
)

const (
	// rateTick is the time between two looks at how much was forwarded, and rateTicks
	// over how many of them the rate is taken.
	rateTick  = time.Second
	rateTicks = 5
)

// SpoolState is what a spool does.
type SpoolState string

// The states.
const (
	// SpoolIdle: the cluster takes events, and nothing waits.
	SpoolIdle SpoolState = "idle"
	// SpoolDraining: the cluster takes events, and what waits is forwarded.
	SpoolDraining SpoolState = "draining"
	// SpoolWaiting: the cluster takes no events.
	SpoolWaiting SpoolState = "waiting"
	// SpoolHolding: the cluster takes events, and not those that wait: they are too
	// large for it, or it refuses their subject.
	SpoolHolding SpoolState = "holding"
)

// spoolFailure is why forwarding has last failed, and when.
type spoolFailure struct {
	err error
	at  time.Time
}

// SpoolReport is all there is to say about a spool.
type SpoolReport struct {
	State SpoolState `json:"state"`
	SpoolStatus
	// Rate is how many events a second the cluster has taken from the spool in the last
	// seconds.
	Rate float64 `json:"rate"`
	// LastError is why forwarding has last failed, at LastErrorAt; empty if it never
	// did.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	// Sources are those that have events in the spool, the most first.
	Sources []SpoolSource `json:"sources"`
}

// SpoolSource is what a source has in a spool.
type SpoolSource struct {
	Stream string `json:"stream"`
	Tenant string `json:"tenant"`
	Source string `json:"source"`
	Events int64  `json:"events"`
	Bytes  int64  `json:"bytes"`
	// Held is since when its events wait although the cluster takes others, because it
	// refuses their subject; zero if it does not.
	Held time.Time `json:"held,omitzero"`
}

// MaxAge is how old the oldest event may be before no more are taken; zero if there is
// no such limit.
func (s *Spool) MaxAge() time.Duration { return s.cfg.MaxAge }

// Report says how the spool is, by source.
func (s *Spool) Report() SpoolReport {
	r := SpoolReport{SpoolStatus: s.Status(), Sources: []SpoolSource{}}
	r.State = r.state(s.online())
	s.mu.Lock()
	r.Rate = s.rate()
	for key, h := range s.shares {
		if h.events > 0 {
			r.Sources = append(r.Sources, SpoolSource{key.stream, key.tenant, key.source, h.events, h.bytes, s.held[key]})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(r.Sources, func(x, y SpoolSource) int {
		return cmp.Or(cmp.Compare(y.Events, x.Events), cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.Source, y.Source), cmp.Compare(x.Stream, y.Stream))
	})
	for _, l := range s.lanes {
		if f := l.failed.Load(); f != nil && f.at.After(r.LastErrorAt) {
			r.LastError, r.LastErrorAt = f.err.Error(), f.at
		}
	}
	return r
}

func (st *SpoolStatus) state(online bool) SpoolState {
	switch {
	case st.Out || !online:
		return SpoolWaiting
	case st.Events == 0:
		return SpoolIdle
	case st.waits() <= 0:
		return SpoolHolding
	}
	return SpoolDraining
}

// Drain has the spool try at once to forward what waits, also what the cluster has
// refused before, instead of at the end of a pause.
func (s *Spool) Drain() {
	for _, l := range s.lanes {
		select {
		case l.hurry <- struct{}{}:
		default:
		}
	}
}

// retryNow has what was left behind tried in the next step.
func (l *lane) retryNow() {
	for seq := range l.stuck {
		l.stuck[seq] = time.Time{}
	}
	for _, h := range l.held {
		h.tried = time.Time{}
	}
}

// taken is how many events of the spool the cluster has.
func (c *SpoolCounters) taken() uint64 { return c.Forwarded + c.Duplicates + c.Conflicts }

// sample notes how much was forwarded, for the rate.
func (s *Spool) sample(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.samples); n > 0 && now.Sub(s.samples[n-1].at) < rateTick {
		return
	}
	s.samples = append(s.samples, spoolSample{now, s.counters.taken()})
	if len(s.samples) > rateTicks+1 {
		s.samples = s.samples[1:]
	}
}

type spoolSample struct {
	at    time.Time
	taken uint64
}

// rate is for those who hold s.mu.
func (s *Spool) rate() float64 {
	if len(s.samples) == 0 {
		return 0
	}
	first := s.samples[0]
	took := time.Since(first.at).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(s.counters.taken()-first.taken) / took
}
