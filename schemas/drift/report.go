package drift

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Kind says what was found.
type Kind string

// The kinds.
const (
	// EventType: an event type that never came before.
	EventType Kind = "event_type"
	// Field: a member that was in no object before.
	Field Kind = "field"
	// Value: a value that an enumeration never had.
	Value Kind = "value"
	// Type: a JSON type that a field never had.
	Type Kind = "type"
	// Missing: a member is not there that was in every object before.
	Missing Kind = "missing"
	// Map: an object gets new members without end. What was found in it is
	// withdrawn.
	Map Kind = "map"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{EventType, Field, Value, Type, Missing, Map} }

// Finding is something that was never there before.
type Finding struct {
	// ID names the finding. It is the same for the same finding elsewhere.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// EventType is the event's; "*" stands for all types that look like data.
	EventType string `json:"event_type"`
	// Path is a JSON Pointer in which "-" is any element of an array and "*" any
	// member whose name looks like data.
	Path string `json:"path,omitempty"`
	// Value is that of an enumeration; "" if it does not look like a word.
	Value string `json:"value,omitempty"`
	// Was are the JSON types before, and Now the new one, of a Type.
	Was []string `json:"was,omitempty"`
	Now string   `json:"now,omitempty"`
	// First and Last are when it came first and last, and Count in how many events.
	First time.Time `json:"first_seen"`
	Last  time.Time `json:"last_seen"`
	Count uint64    `json:"count"`
	// EventID is the id of the first event with it.
	EventID string `json:"event_id"`
}

// Report is what there is to say about a source.
type Report struct {
	// Since is when learning began; zero if no event has come.
	Since time.Time `json:"since,omitzero"`
	// EventTypes is how many types are known, and LearnedTypes of how many the
	// members are: there a new one is found.
	EventTypes   int `json:"event_types"`
	LearnedTypes int `json:"learned_types"`
	// TypesLearned is whether a new event type is found.
	TypesLearned bool `json:"types_learned"`
	// Places is how many fields, elements and values are known.
	Places int `json:"places"`
	// Bytes is the memory that this takes, of MaxBytes. If it is Full nothing more
	// is learned, and not everything that is new is found.
	Bytes    int  `json:"bytes"`
	MaxBytes int  `json:"max_bytes"`
	Full     bool `json:"full"`
	// Findings are in the order in which they were found. Unlisted is how many more
	// there were when no more could be kept.
	Findings []Finding `json:"findings"`
	Unlisted uint64    `json:"unlisted,omitempty"`
}

// findingSize is what a finding takes besides its texts.
const findingSize = 512

type findingKey struct {
	node ref
	kind Kind
	now  kinds
}

type finding struct {
	Finding
	node  ref
	now   kinds
	born  uint64 // the event
	size  int
	count atomic.Uint64
	last  atomic.Int64
}

// current returns the finding with its counters.
func (f *finding) current() Finding {
	c := f.Finding
	c.Count, c.Last = f.count.Load(), time.Unix(f.last.Load(), 0).UTC()
	return c
}

// Report returns what is known now.
func (t *Tracker) Report() Report {
	t.mu.RLock()
	defer t.mu.RUnlock()
	rep := Report{
		Since: t.since, Places: max(t.tree.nodes-1, 0), Bytes: t.tree.bytes, MaxBytes: t.cfg.MaxBytes, Full: t.full,
		Findings: make([]Finding, 0, len(t.order)), Unlisted: t.unlisted,
	}
	if t.empty() {
		return rep
	}
	r, now := t.tree.node(root), t.last.Load()
	rep.TypesLearned = r.kids > 0 && t.settled(r, now)
	for c := r.child; c != none; {
		v := t.tree.node(c)
		rep.EventTypes++
		if t.settled(v, now) {
			rep.LearnedTypes++
		}
		c = v.next
	}
	for _, f := range t.order {
		rep.Findings = append(rep.Findings, f.current())
	}
	return rep
}

// Open returns how many findings there are.
func (t *Tracker) Open() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.order)
}

// Acknowledge takes findings off the report, by their ids, or all if there are
// none, and returns how many those were. What was found counts as known.
func (t *Tracker) Acknowledge(ids ...string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := make(map[ref]bool)
	before := len(t.order)
	t.drop(func(f *finding) bool {
		if len(ids) > 0 && !slices.Contains(ids, f.ID) {
			return false
		}
		gone[f.node] = true
		if v := t.tree.node(f.node); f.Kind == Missing && v.flags&always != 0 {
			v.flags &^= always | missed
			t.tree.node(v.parent).required--
		}
		return true
	})
	for _, f := range t.order {
		delete(gone, f.node)
	}
	for n := range gone {
		t.tree.node(n).flags &^= reported
	}
	if len(ids) == 0 {
		t.unlisted = 0
	}
	if n := before - len(t.order); n > 0 {
		t.changes.Add(1)
		return n
	}
	return 0
}

// withdraw takes the findings at a node off the report, because it goes.
func (t *Tracker) withdraw(n ref) {
	if t.tree.node(n).flags&reported != 0 {
		t.drop(func(f *finding) bool { return f.node == n })
	}
}

// drop takes away the findings for which the function says so.
func (t *Tracker) drop(which func(*finding) bool) {
	t.order = slices.DeleteFunc(t.order, func(f *finding) bool {
		if !which(f) {
			return false
		}
		delete(t.findings, findingKey{f.node, f.Kind, f.now})
		t.tree.give(f.size)
		return true
	})
}

func (t *Tracker) begin(at int64) {
	t.since = time.Unix(at, 0).UTC()
	t.tree.node(root).born = seconds(at)
}

// report makes a finding of a node; of a Type these are the JSON types.
func (w *walk) report(n ref, kind Kind, now, was kinds) {
	t := w.t
	key := findingKey{n, kind, now}
	if t.findings[key] != nil {
		return
	}
	at := time.Unix(w.at, 0).UTC()
	f := &finding{node: n, now: now, born: w.seq, Finding: Finding{Kind: kind, First: at, Last: at, Count: 1, EventID: cut(w.id, maxID)}}
	f.EventType, f.Path, f.Value = t.place(n)
	if kind == Type {
		f.Was, f.Now = was.names(), now.names()[0]
	}
	f.ID = f.digest()
	f.size = findingSize + len(f.EventID) + len(f.EventType) + len(f.Path) + len(f.Value)
	if len(t.order) >= MaxFindings {
		t.unlisted++
		return
	}
	if !t.tree.take(f.size, t.cfg.MaxBytes) {
		t.full = true
		t.unlisted++
		return
	}
	f.count.Store(1)
	f.last.Store(w.at)
	t.add(f)
	w.found = append(w.found, f.Finding)
}

// add takes a finding into the report.
func (t *Tracker) add(f *finding) {
	t.findings[findingKey{f.node, f.Kind, f.now}] = f
	t.order = append(t.order, f)
	t.tree.node(f.node).flags |= reported
}

// sorted returns what was found, in an order that does not depend on that of
// members, and puts it into the report like this.
func (w *walk) sorted() []Finding {
	if len(w.found) < 2 {
		return w.found
	}
	byPlace := func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.EventType, b.EventType), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	}
	slices.SortFunc(w.found, func(a, b Finding) int { return byPlace(&a, &b) })
	list := w.t.order
	from := len(list)
	for from > 0 && list[from-1].born == w.seq {
		from--
	}
	slices.SortFunc(list[from:], func(a, b *finding) int { return byPlace(&a.Finding, &b.Finding) })
	return w.found
}

// touch counts the findings at a place for a value of this JSON type.
func (w *walk) touch(n ref, k kinds) {
	for _, key := range [...]findingKey{{n, Field, 0}, {n, EventType, 0}, {n, Type, k}} {
		w.touchKey(key)
	}
}

func (w *walk) touchMissing(n ref) { w.touchKey(findingKey{n, Missing, 0}) }

func (w *walk) touchKey(key findingKey) {
	f := w.t.findings[key]
	if f == nil || f.born == w.seq || w.nTouched == maxTouched || slices.Contains(w.touched[:w.nTouched], f) {
		return
	}
	w.touched[w.nTouched] = f
	w.nTouched++
}

// countTouched counts the event for the findings that it has.
func (w *walk) countTouched() {
	for _, f := range w.touched[:w.nTouched] {
		f.count.Add(1)
		for last := f.last.Load(); last < w.at && !f.last.CompareAndSwap(last, w.at); last = f.last.Load() {
		}
	}
}

// place says where a node is.
func (t *Tracker) place(n ref) (eventType, path, val string) {
	var steps []string
	for {
		v := t.tree.node(n)
		switch {
		case n == root:
			return "", "", ""
		case v.parent == root:
			eventType = t.tree.name(v)
			if v.space == other {
				eventType = "*"
			}
			slices.Reverse(steps)
			return eventType, cut(strings.Join(steps, ""), maxPath), val
		case v.space == value:
			val = t.tree.name(v)
		case v.space == element:
			steps = append(steps, "/-")
		case v.space == other:
			steps = append(steps, "/*")
		default:
			steps = append(steps, "/"+t.tree.name(v))
		}
		n = v.parent
	}
}

// maxPath is how many bytes of a path are shown.
const maxPath = 512

func (f *Finding) digest() string {
	h := sha256.New()
	for _, s := range []string{string(f.Kind), f.EventType, f.Path, f.Value, f.Now} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

var kindNames = [...]string{"null", "boolean", "number", "string", "array", "object"}

// names are the JSON types.
func (k kinds) names() (list []string) {
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
