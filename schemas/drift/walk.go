package drift

import (
	"encoding/json"
	"math"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

// walk is one look at an event: first without changing anything, beside others,
// and then, if there is something new or to be counted, alone.
type walk struct {
	t    *Tracker
	seq  uint64
	at   int64
	left int // values
	id   string

	news  bool // there is something that is not known
	count bool // a place has not come often enough yet

	found []Finding

	// touched are the findings that the event has. They are counted at the end, since
	// where there are news all of it is looked at again.
	touched  [maxTouched]*finding
	nTouched int
}

// scanEvent sets news and count. Nothing more is looked at once there are news.
func (w *walk) scanEvent(eventType string, payload any) {
	r := w.t.tree.node(root)
	w.count = r.flags&counted == 0
	n := w.eventType(r, eventType)
	if n == none {
		w.news = r.flags&partial == 0
		return
	}
	w.scan(n, payload, 0)
}

// eventType returns the node of an event type.
func (w *walk) eventType(r *node, name string) ref {
	if n := w.t.tree.find(root, member, name); n != none {
		return n
	}
	if r.flags&mapLike != 0 || !isType(name) {
		return w.t.tree.find(root, other, "")
	}
	return none
}

// member returns the node of an object's member.
func (w *walk) member(n ref, p *node, name string) ref {
	if c := w.t.tree.find(n, member, name); c != none {
		return c
	}
	if p.flags&mapLike != 0 || shape.Data(name) {
		return w.t.tree.find(n, other, "")
	}
	return none
}

func (w *walk) scan(n ref, v any, depth int) {
	w.left--
	t := w.t
	p := t.tree.node(n)
	k := kindOf(v)
	if p.kinds&k == 0 {
		w.news = true
		return
	}
	if p.flags&counted == 0 && weighs(k, p.kinds) {
		w.count = true
	}
	if p.flags&reported != 0 {
		w.touch(n, k)
	}
	if depth == maxDepth {
		return
	}
	switch v := v.(type) {
	case string:
		w.scanString(n, p, v)
	case []any:
		if len(v) == 0 {
			return
		}
		c := t.tree.find(n, element, "")
		if c == none {
			w.news = p.flags&partial == 0
			return
		}
		for _, e := range v {
			if w.scan(c, e, depth+1); w.news || w.left < 0 {
				return
			}
		}
	case map[string]any:
		if p.flags&opaque == 0 {
			w.scanObject(n, p, v, depth)
		}
	}
}

func (w *walk) scanString(n ref, p *node, s string) {
	if p.flags&(tracks|free|partial) != tracks || w.t.cfg.NoValues || s == "" {
		return
	}
	c := w.t.tree.find(n, value, s)
	switch {
	case c == none:
		w.news = true
	case w.t.tree.node(c).flags&reported != 0:
		w.touchKey(findingKey{c, Value, 0})
	}
}

func (w *walk) scanObject(n ref, p *node, object map[string]any, depth int) {
	t := w.t
	required := uint16(0)
	for name, v := range object {
		c := w.member(n, p, name)
		if c == none {
			if p.flags&partial != 0 {
				continue
			}
			w.news = true
			return
		}
		if t.tree.node(c).flags&always != 0 {
			required++
		}
		if w.scan(c, v, depth+1); w.news || w.left < 0 {
			return
		}
	}
	if required == p.required {
		return
	}
	for c := p.child; c != none; {
		v := t.tree.node(c)
		if v.flags&always != 0 && !has(object, t.tree.name(v)) {
			if v.flags&missed == 0 {
				w.news = true
				return
			}
			w.touchMissing(c)
		}
		c = v.next
	}
}

// learnEvent takes over what is new, and finds what is to be reported.
func (w *walk) learnEvent(eventType string, payload any) {
	t := w.t
	t.pass++
	if t.since.IsZero() {
		t.begin(w.at)
	}
	r := t.tree.node(root)
	w.see(r)
	n := w.eventType(r, eventType)
	if n == none {
		s := member
		if r.flags&mapLike != 0 || !isType(eventType) {
			s = other
		}
		name, settled := eventType, r.kids > 0 && t.settled(r, w.at)
		if s == other {
			name = ""
		}
		if n = w.add(root, r, s, name, settled, EventType); n == none {
			return
		}
		if s == member && w.grow(root, r, settled) {
			if n = w.eventType(r, eventType); n == none {
				return
			}
		}
	}
	w.learn(n, payload, 0)
}

// see counts an event for a place, once.
func (w *walk) see(p *node) {
	if p.last == w.t.pass {
		return
	}
	p.last = w.t.pass
	if int64(p.born) > w.at {
		p.born = seconds(w.at) // the clock was ahead, and would be waited for
	}
	switch p.seen {
	case 0:
		p.seen, p.calm = 1, 0
	case math.MaxUint32:
	default:
		p.seen++
		p.calm++
	}
	if w.t.calm(p, w.t.cfg.Events) {
		p.flags |= counted
	}
}

// unsettle makes a place learn on, since there is something new in it.
func (*walk) unsettle(p *node) {
	p.calm = 0
	p.flags &^= counted
}

// restart makes a place learn from the beginning.
func (w *walk) restart(p *node) {
	w.unsettle(p)
	p.seen, p.born = 0, seconds(w.at)
}

func (w *walk) learn(n ref, v any, depth int) {
	w.left--
	t := w.t
	p := t.tree.node(n)
	k := kindOf(v)
	if p.kinds&k == 0 {
		w.newKind(n, p, k)
	}
	if weighs(k, p.kinds) {
		w.see(p)
	}
	if p.flags&reported != 0 {
		w.touch(n, k)
	}
	if depth == maxDepth {
		return
	}
	switch v := v.(type) {
	case string:
		w.learnString(n, p, v)
	case []any:
		w.learnArray(n, p, v, depth)
	case map[string]any:
		if p.flags&opaque == 0 {
			w.learnObject(n, p, v, depth)
		}
	}
}

func (w *walk) newKind(n ref, p *node, k kinds) {
	was := p.kinds
	p.kinds |= k
	if was == 0 {
		return
	}
	if w.t.settled(p, w.at) {
		w.report(n, Type, k, was)
	} else {
		w.unsettle(p)
	}
	if k > was {
		// Of what it can be only this has something in it, which is not known yet.
		w.restart(p)
	}
}

func (w *walk) learnArray(n ref, p *node, list []any, depth int) {
	if len(list) == 0 {
		return
	}
	c := w.t.tree.find(n, element, "")
	if c == none {
		// That an array has elements is nothing new, also if it never had any.
		if c = w.add(n, p, element, "", false, Field); c == none {
			return
		}
		w.t.tree.node(c).flags |= p.flags & tracks
	}
	for _, e := range list {
		if w.learn(c, e, depth+1); w.left < 0 {
			return
		}
	}
}

func (w *walk) learnObject(n ref, p *node, object map[string]any, depth int) {
	t := w.t
	first := p.flags&objects == 0
	p.flags |= objects
	if p.child == none && len(object) > 0 && !first {
		w.restart(p) // it was always empty
	}
	settled := !first && t.settled(p, w.at)
	for name, v := range object {
		c := w.member(n, p, name)
		if c == none {
			c = w.addMember(n, p, name, first, settled)
		}
		if c == none {
			continue
		}
		if w.learn(c, v, depth+1); w.left < 0 {
			return
		}
	}
	for c := p.child; c != none && p.required > 0; {
		v := t.tree.node(c)
		if v.flags&(always|missed) == always && !has(object, t.tree.name(v)) {
			if settled {
				v.flags |= missed
				w.report(c, Missing, 0, 0)
			} else {
				v.flags &^= always
				p.required--
				w.unsettle(p)
			}
		}
		if v.flags&missed != 0 && !has(object, t.tree.name(v)) {
			w.touchMissing(c)
		}
		c = v.next
	}
}

// addMember makes the node of a member, or of all whose names are data.
func (w *walk) addMember(n ref, p *node, name string, first, settled bool) ref {
	s, key := member, name
	if p.flags&mapLike != 0 || shape.Data(name) {
		s, key = other, ""
	}
	oneMore := settled && s == member && w.t.numbered(n, name)
	calm := p.calm
	c := w.add(n, p, s, key, settled && !oneMore, Field)
	if oneMore {
		p.calm = calm // that is nothing to learn
	}
	if c == none || s == other {
		return c
	}
	v := w.t.tree.node(c)
	if first {
		v.flags |= always
		p.required++
	}
	if isCustom(name) {
		v.flags |= opaque
	}
	if classifies(name) {
		v.flags |= tracks
	}
	if w.grow(n, p, settled) {
		return w.member(n, p, name)
	}
	return c
}

// add makes a node, and reports it if what it is in has been learned.
func (w *walk) add(n ref, p *node, s space, name string, settled bool, kind Kind) ref {
	t := w.t
	if p.flags&partial != 0 {
		return none
	}
	c := t.tree.add(t.limit(settled), n, s, name)
	if c == none {
		t.full = true
		p.flags |= partial
		return none
	}
	t.tree.node(c).born = seconds(w.at)
	switch {
	case settled:
		w.report(c, kind, 0, 0)
	case s != element && p.seen > 1:
		w.unsettle(p)
	}
	return c
}

func kindOf(v any) kinds {
	switch v.(type) {
	case nil:
		return kindNull
	case bool:
		return kindBool
	case string:
		return kindString
	case []any:
		return kindArray
	case map[string]any:
		return kindObject
	case json.Number, float64:
	}
	return kindNumber
}

// weighs reports whether a value of this kind is of the weightiest of a place. Only
// those count for how well it is known: an object that is mostly null is known from
// the objects.
func weighs(k, of kinds) bool { return k<<1 > of }

func has(object map[string]any, name string) bool {
	_, ok := object[name]
	return ok
}

// seconds returns a Unix time as nodes keep it.
func seconds(at int64) uint32 { return uint32(min(max(at, 0), math.MaxUint32)) }
