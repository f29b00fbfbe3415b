package drift

import (
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

// When an object is a map.
const (
	// While it is learned: so many members, half of which came once, in so many
	// events; or more of them in fewer.
	mapMembers, mapEvents = 32, 64
	bigMembers, bigEvents = 256, 8
	hugeMembers           = 1024
	lookEvery             = 16 // members

	// Once it has been learned: so many findings from so many events, half of which
	// never came again; or more of them.
	mapFindings, mapFindingEvents   = 8, 6
	manyFindings, manyFindingEvents = 16, 12
	manyTypes                       = 64

	// Findings from which on a field is no enumeration.
	freeFindings = 8
)

// grow makes a map of an object that keeps getting new members, and reports whether
// it has.
func (w *walk) grow(n ref, p *node, settled bool) bool {
	if settled {
		if !w.t.growing(n) && p.kids < hugeMembers {
			return false
		}
		w.makeMap(n, p, func(v *node) bool { return v.flags&reported != 0 || v.seen <= 1 })
		w.report(n, Map, 0, 0)
		return true
	}
	if p.kids < mapMembers || p.kids%lookEvery != 0 {
		return false
	}
	once := 0
	for c := p.child; c != none; {
		v := w.t.tree.node(c)
		if v.space == member && v.seen <= 1 {
			once++
		}
		c = v.next
	}
	kids := int(p.kids)
	switch {
	case kids >= hugeMembers:
	case kids >= bigMembers && p.seen >= bigEvents && 4*once >= 3*kids:
	case n == root && kids < bigMembers: // a sender may have many types that seldom come
		return false
	case p.seen >= mapEvents && 2*once >= kids:
	default:
		return false
	}
	w.makeMap(n, p, func(v *node) bool { return v.seen <= max(p.seen/4, 1) })
	w.unsettle(p)
	return true
}

// growing reports whether an object that has been learned gets new members without
// end: of those that are reported most came once.
func (t *Tracker) growing(n ref) bool {
	total, once := 0, 0
	events := make(map[uint64]bool)
	for _, f := range t.order {
		if v := t.tree.node(f.node); (f.Kind != Field && f.Kind != EventType) || v.parent != n || v.space != member {
			continue
		}
		total++
		if f.count.Load() <= 1 {
			once++
		}
		events[f.born] = true
	}
	if n == root {
		return total >= manyTypes && 2*once >= total
	}
	return total >= mapFindings && len(events) >= mapFindingEvents && 2*once >= total ||
		total >= manyFindings && len(events) >= manyFindingEvents
}

// makeMap makes one place of all members that come from now on. Those that the
// function chooses are forgotten, with what was found in them.
func (w *walk) makeMap(n ref, p *node, forget func(*node) bool) {
	t := w.t
	p.flags |= mapLike
	for c := p.child; c != none; {
		v := t.tree.node(c)
		next := v.next
		if v.space == member && forget(v) {
			t.tree.unlink(c)
			t.tree.remove(c, t.withdraw)
		}
		c = next
	}
	if t.tree.find(n, other, "") == none {
		w.add(n, p, other, "", false, Field)
	}
}

func (w *walk) learnString(n ref, p *node, s string) {
	t := w.t
	if p.flags&(tracks|free|partial) != tracks || t.cfg.NoValues || s == "" {
		return
	}
	if c := t.tree.find(n, value, s); c != none {
		if t.tree.node(c).flags&reported != 0 {
			w.touchKey(findingKey{c, Value, 0})
		}
		return
	}
	settled := p.kids > 0 && t.settled(p, w.at)
	switch {
	case !shape.Word(s):
		if settled && !t.inAddress(n) {
			w.report(n, Value, 0, 0) // which is not shown
		}
		w.release(n, p)
	case settled && t.inAddress(n), !settled && p.kids >= maxVariety:
		w.release(n, p)
	default:
		w.add(n, p, value, s, settled, Value)
		if settled && t.openValues(n) > freeFindings {
			w.release(n, p)
		}
	}
}

// release makes a field that was perhaps an enumeration free.
func (w *walk) release(n ref, p *node) {
	t := w.t
	p.flags |= free
	for c := p.child; c != none; {
		v := t.tree.node(c)
		next := v.next
		if v.space == value {
			t.tree.unlink(c)
			t.tree.remove(c, t.withdraw)
		}
		c = next
	}
}

// openValues counts the values of a field that are reported.
func (t *Tracker) openValues(n ref) int {
	open := 0
	for c := t.tree.node(n).child; c != none; {
		v := t.tree.node(c)
		if v.space == value && v.flags&reported != 0 {
			open++
		}
		c = v.next
	}
	return open
}

// inAddress reports whether a field is a part of a postal address, whose state is
// no status.
func (t *Tracker) inAddress(n ref) bool {
	parent := t.tree.node(n).parent
	for _, name := range []string{"postal_code", "postalCode", "postcode", "zip", "zip_code", "zipCode", "city", "province_code"} {
		if t.tree.find(parent, member, name) != none {
			return true
		}
	}
	return false
}

// custom are names of objects whose members are whatever the sender's customers
// want.
var custom = map[string]bool{
	"metadata": true, "meta_data": true, "custom_properties": true, "custom_fields": true, "customfields": true, "custom_attributes": true,
	"custom_data": true, "custom": true, "labels": true, "annotations": true, "headers": true, "user_properties": true,
	"user_data": true, "user_variables": true, "user-variables": true, "traits": true, "variables": true, "merge_fields": true,
	"unique_args": true, "extra": true, "extras": true, "env": true, "passthrough": true, "client_payload": true, "inputs": true,
}

func isCustom(name string) bool { return custom[name] || custom[strings.ToLower(name)] }

// numbered reports whether a member has the next number of one that is known, as
// attachment-2 has of attachment-1: there is one more of the same.
func (t *Tracker) numbered(n ref, name string) bool {
	stem := strings.TrimRight(name, "0123456789")
	number, err := strconv.Atoi(name[len(stem):])
	return err == nil && number > 0 && stem != "" && t.tree.find(n, member, stem+strconv.Itoa(number-1)) != none
}

// classifying are the last words of names of fields that say what kind something is
// of or how it is, so that their values are a fixed vocabulary and not somebody's.
var classifying = map[string]bool{
	"status": true, "state": true, "type": true, "subtype": true, "kind": true, "action": true, "event": true, "object": true,
	"mode": true, "reason": true, "result": true, "outcome": true, "conclusion": true, "category": true, "class": true,
	"level": true, "severity": true, "priority": true, "urgency": true, "visibility": true, "role": true, "method": true,
	"phase": true, "stage": true, "step": true, "interval": true, "unit": true, "format": true, "protocol": true, "scheme": true,
	"permission": true, "funding": true, "network": true, "association": true, "side": true, "direction": true, "resolution": true,
	"availability": true, "policy": true, "algorithm": true, "encoding": true, "trigger": true, "operation": true, "verdict": true,
	"disposition": true, "cause": true, "behavior": true, "scope": true, "tier": true, "relation": true, "relationship": true,
	"frequency": true, "standing": true, "decision": true, "eventtype": true, "topic": true, "classification": true,
}

// classifies reports whether the last word of a name, in the singular, is one of
// those.
func classifies(name string) bool {
	start := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_' || c == '-' || c == '.':
			start = i + 1
		case 'A' <= c && c <= 'Z' && i > 0 && 'a' <= name[i-1] && name[i-1] <= 'z':
			start = i
		}
	}
	word := strings.ToLower(name[start:])
	return classifying[word] || classifying[strings.TrimSuffix(word, "s")]
}

// isType reports whether an event type looks like one, and not like data.
func isType(s string) bool {
	if len(s) > maxType {
		return false
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == ':' || r == '.' }) {
		if shape.Data(part) {
			return false
		}
	}
	return true
}
