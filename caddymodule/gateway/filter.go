package gateway

import (
	"math"
	"strings"
)

// wanted applies the operator's filters. Globs come first: they cost next to
// nothing.
func (x *exchange) wanted() bool {
	cfg, eventType := &x.route.cfg, x.event.Type
	if matchAny(cfg.Drop, eventType) {
		return false
	}
	accepted := len(cfg.Accept)+len(cfg.AcceptIf) == 0 || matchAny(cfg.Accept, eventType)
	if len(cfg.AcceptIf)+len(cfg.DropIf) == 0 || !accepted && len(cfg.AcceptIf) == 0 {
		return accepted
	}
	if x.isNotStrict() {
		return true // no condition can be told
	}
	facts := &Facts{Event: x.event, req: &x.req, left: math.MaxInt64}
	return (accepted || x.anyHolds(cfg.AcceptIf, facts, true)) && !x.anyHolds(cfg.DropIf, facts, false)
}

// anyHolds reports whether one of the conditions holds. One of which that cannot
// be told counts as unknown.
func (x *exchange) anyHolds(conditions []Condition, facts *Facts, unknown bool) bool {
	for _, c := range conditions {
		holds, ok := x.timed(c, facts)
		if !ok {
			x.res.FilterErrors++
			holds = unknown
		}
		if holds {
			return true
		}
	}
	return false
}

// timed asks a condition, and takes the time that it takes from what is left for all
// of them, so that a request is not too late for its conditions.
func (x *exchange) timed(c Condition, facts *Facts) (holds, ok bool) {
	if x.judging == nil {
		return tell(c, facts)
	}
	start := x.route.now()
	facts.left = max(0, *x.judging)
	holds, ok = tell(c, facts)
	*x.judging -= x.route.now().Sub(start)
	return holds, ok
}

// tell asks a condition. That it is broken must not end the exchange: the event
// is authentic, and nobody said that it is not wanted.
func tell(c Condition, facts *Facts) (holds, ok bool) {
	defer func() {
		if recover() != nil {
			holds, ok = false, false
		}
	}()
	holds, err := c.Holds(facts)
	return holds, err == nil
}

func matchAny(globs []string, s string) bool {
	for _, g := range globs {
		if match(g, s) {
			return true
		}
	}
	return false
}

// match reports whether s fits the glob, in which "*" is any run of characters.
// Its time is linear in the product of the lengths at worst, because only the
// last star is ever tried again.
func match(glob, s string) bool {
	star, mark := -1, 0
	g, i := 0, 0
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, mark = g, i
			g++
		case g < len(glob) && glob[g] == s[i]:
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
