package gateway

import (
	"errors"
	"net/http"
	"time"
)

// paceGrace is for how long a body may arrive slower than the MinRate: a lost
// packet or two must not end a request.
const paceGrace = 2 * time.Second

var errPace = errors.New("the body arrives more slowly than the lowest rate")

// pace bounds how long a body may take: a time for all of it and, where there
// is a rate, a time for what has not arrived yet. A sender that trickles then
// holds its place for as long as it pays for it.
type pace struct {
	start time.Time
	limit time.Duration
	rate  int64                    // bytes per second; 0: any
	conn  *http.ResponseController // nil without a rate
}

func (x *exchange) newPace() pace {
	p := pace{start: time.Now(), limit: x.route.cfg.ReadTimeout, rate: x.route.cfg.MinRate}
	if p.rate > 0 {
		p.conn = http.NewResponseController(x.w)
		x.limited = true
		if s, ok := x.r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.ReadTimeout > 0 {
			p.limit = min(p.limit, s.ReadTimeout)
		}
	}
	return p
}

// permits returns how long after the start more must have come than what has
// been received.
func (p *pace) permits(received int) time.Duration {
	if p.rate == 0 {
		return p.limit
	}
	earned := float64(received) / float64(p.rate) * float64(time.Second)
	if earned >= float64(p.limit) { // may be more than a Duration holds
		return p.limit
	}
	return min(p.limit, paceGrace+time.Duration(earned))
}

// wait sets the deadline of the next read. Without a rate there is one for all
// reads, which is set already.
func (p *pace) wait(received int) {
	if p.conn != nil {
		_ = p.conn.SetReadDeadline(p.start.Add(p.permits(received))) // else late looks at the time
	}
}

// late reports whether the next bytes should have been there by now.
func (p *pace) late(received int) bool { return time.Since(p.start) > p.permits(received) }

// cause is the error of a body that did not arrive in time.
func (p *pace) cause(received int) error {
	if p.permits(received) < p.limit {
		return errPace
	}
	return errSlow
}
