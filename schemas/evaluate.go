package schemas

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

// The library compiles schemas; here is the walk along them. The library's own
// cannot be interrupted, and keeps an account of all that it has tried. This one
// counts steps and ends when they are spent, goes no deeper than a bound, and
// first looks only whether the payload fits: what is wrong is put together in a
// second walk, for those that do not.

// Bounds of a walk.
const (
	// DefaultMaxSteps is Config.MaxSteps if that is 0.
	DefaultMaxSteps = 20_000_000

	maxDepth  = 256    // of the payload, where its schema looks at it
	maxFrames = 20_000 // of the walk; each takes half a KiB of stack
	unit      = 64     // bytes of text for a step
	markCost  = 8      // steps to remember a member or an item, which takes memory
	unbounded = math.MaxInt
)

// ErrTooExpensive is [Invalid].Err for a payload whose validation would take more
// than Config.MaxSteps.
var ErrTooExpensive = errors.New("validating it takes more steps than are allowed")

// evaluator is one walk through a payload.
type evaluator struct {
	left    int // steps
	frames  int // that the walk is deep
	depth   int // that the place in the payload is deep
	longest int // how many schemas can apply to one place without a repetition
	scopes  []*resource

	stop  error    // why the walk ended before its time
	bound *finding // set with errBound

	second bool // path is kept, and members are looked at in the order of their names
	report bool // what is wrong is noted
	path   []step
	first  []finding
	count  int
	at     []byte // of the next finding
	where  []byte
	unused []*marks
}

type step struct {
	name  string
	index int // -1 for a member
}

// finding is a violation in the library's words.
type finding struct {
	pointer, keyword string
	location         string // of the keyword
}

// errBound says that the payload is beyond a bound other than that of the steps.
var errBound = errors.New("the payload is beyond a bound")

// validate walks through a payload and returns the first findings and the number
// of the others, or why it cannot judge. It never lets a payload pass because of a
// mistake in it.
func (n *node) validate(payload any, maxSteps, longest int) (found []finding, more int, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, more, err = nil, 0, fmt.Errorf("%w: %T", errBroken, p)
		}
	}()
	e := evaluators.Get().(*evaluator)
	*e = evaluator{left: maxSteps, longest: longest}
	fits, stop, bound := e.eval(n, payload, nil, 0), e.stop, e.bound
	*e = evaluator{}
	evaluators.Put(e)
	switch {
	case fits && stop == nil:
		return nil, 0, nil
	case stop != nil && bound == nil:
		return nil, 0, stop
	}
	return n.explain(payload, maxSteps, longest)
}

// evaluators are for reuse; nothing of a payload stays in them.
var evaluators = sync.Pool{New: func() any { return new(evaluator) }}

// explain finds out why a payload does not fit.
func (n *node) explain(payload any, maxSteps, longest int) (found []finding, more int, err error) {
	e := &evaluator{left: maxSteps, longest: longest, report: true, second: true}
	fits := e.eval(n, payload, nil, 0)
	switch {
	case e.bound != nil:
		return []finding{*e.bound}, 0, nil
	case e.stop != nil && (e.count == 0 || !errors.Is(e.stop, ErrTooExpensive)):
		return nil, 0, e.stop
	case fits || e.count == 0:
		return nil, 0, errBroken
	}
	return e.first, e.count - len(e.first), nil
}

// spend takes steps and reports whether there are that many.
func (e *evaluator) spend(steps int) bool {
	if e.left -= steps; e.left < 0 {
		e.end(ErrTooExpensive)
		return false
	}
	return true
}

// end ends the walk: nothing has steps any more.
func (e *evaluator) end(why error) {
	if e.stop == nil {
		e.stop = why
	}
	e.left = math.MinInt / 2
}

// refuse ends the walk at a payload that is beyond a bound.
func (e *evaluator) refuse(keyword string) {
	if e.stop == nil {
		e.bound = &finding{pointer: string(e.appendPointer(nil)), keyword: keyword}
	}
	e.end(errBound)
}

func (e *evaluator) tooDeep(below int) bool {
	if e.depth+below <= maxDepth {
		return false
	}
	e.refuse("depth")
	return true
}

// eval reports whether a value fits a schema. What the schema looks at is added to
// seen, if there is one; chain is how many schemas led here at this same place.
func (e *evaluator) eval(n *node, v any, seen *marks, chain int) bool {
	if !e.spend(n.cost) {
		return false
	}
	switch {
	case chain > e.longest:
		e.end(errEndless)
		return false
	case e.frames == maxFrames:
		e.end(ErrTooExpensive)
		return false
	}
	e.frames++
	entered := n.scope != nil && (len(e.scopes) == 0 || e.scopes[len(e.scopes)-1] != n.scope)
	if entered {
		e.scopes = append(e.scopes, n.scope)
	}
	var own *marks
	if seen != nil || n.unevaluated != nil {
		own = e.newMarks()
	}
	ok := e.check(n, v, own, chain)
	if ok && seen != nil {
		e.merge(seen, own)
	}
	e.release(own)
	if entered {
		e.scopes = e.scopes[:len(e.scopes)-1]
	}
	e.frames--
	return ok
}

func (e *evaluator) check(n *node, v any, own *marks, chain int) bool {
	if n.never {
		return e.forbidden(n, "false")
	}
	kind := kindOf(v)
	if kind == 0 {
		e.end(errBroken)
		return false
	}
	if !e.isKind(n, v, kind) {
		return e.wrong(n, "type") // all else would follow from it
	}
	ok := true
	if n.constant != nil && !e.permits(n.constant, v) {
		ok = e.wrong(n, "const")
	}
	if (ok || e.report) && n.enum != nil && !e.permits(n.enum, v) {
		ok = e.wrong(n, "enum")
	}
	if (ok || e.report) && n.format != nil && kind == kindString && !e.isFormat(n, v) {
		ok = e.wrong(n, "format")
	}
	if !ok && !e.report {
		return false
	}
	switch v := v.(type) {
	case map[string]any:
		if n.object != nil {
			ok = e.object(n, v, own) && ok
		}
	case []any:
		if n.array != nil {
			ok = e.array(n, v, own) && ok
		}
	case string:
		if n.text != nil {
			ok = e.text(n, v) && ok
		}
	case json.Number, float64:
		if n.number != nil {
			ok = e.number(n, numberText(v)) && ok
		}
	}
	if n.logic != nil && (ok || e.report) {
		ok = e.logic(n, v, kind, own, chain) && ok
	}
	if n.unevaluated != nil && (ok || e.report) {
		ok = e.rest(n, v, own) && ok
	}
	return ok
}

func (e *evaluator) isKind(n *node, v any, kind kinds) bool {
	if n.kinds&kind != 0 {
		return true
	}
	if kind != kindNumber || n.kinds&kindInteger == 0 {
		return false
	}
	text := numberText(v)
	e.spend(len(text) / 16)
	integer, ok := integerText(text)
	if !ok {
		e.refuse("number")
	}
	return integer
}

func (e *evaluator) isFormat(n *node, v any) bool {
	text, _ := v.(string)
	steps := 1 + len(text)/8
	if n.slow {
		steps = 16 * len(text)
	}
	return e.spend(steps) && n.format(v)
}

// logic is what is said of the same place by other schemas.
func (e *evaluator) logic(n *node, v any, kind kinds, own *marks, chain int) bool {
	l, ok := n.logic, true
	for i := range l.refs {
		if !e.eval(e.target(&l.refs[i]), v, own, chain+1) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	if l.not != nil && e.quiet(l.not, v, nil, chain) {
		if ok = e.wrong(n, "not"); !e.report {
			return false
		}
	}
	for _, part := range l.allOf {
		if !e.eval(part, v, own, chain+1) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	for _, c := range l.choices {
		if !e.choose(n, c, v, kind, own, chain) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	if object, isObject := v.(map[string]any); isObject {
		for i := range l.dependent {
			if d := &l.dependent[i]; !e.depends(n, d, object, own, chain) {
				if ok = false; !e.report {
					return false
				}
			}
		}
	}
	if l.condition != nil {
		next := l.then
		if !e.quiet(l.condition, v, own, chain) {
			next = l.otherwise
		}
		if next != nil && !e.eval(next, v, own, chain+1) {
			ok = false
		}
	}
	return ok
}

func (e *evaluator) depends(n *node, d *dependent, object map[string]any, own *marks, chain int) bool {
	if _, there := object[d.name]; !there || !e.spend(1+len(d.required)) {
		return !there
	}
	ok := true
	for i, name := range d.required {
		if _, there := object[name]; !there {
			ok = e.wrong(n, d.keyword, d.name, strconv.Itoa(i))
		}
	}
	if d.node != nil {
		ok = e.eval(d.node, object, own, chain+1) && ok
	}
	return ok
}

// quiet evaluates a schema that need not hold.
func (e *evaluator) quiet(n *node, v any, own *marks, chain int) bool {
	report := e.report
	e.report = false
	ok := e.eval(n, v, own, chain+1)
	e.report = report
	return ok
}

// child evaluates a member or item of the value where the walk is.
func (e *evaluator) child(n *node, v any, at step) bool {
	e.depth++
	if e.second {
		e.path = append(e.path[:e.depth-1], at)
	}
	ok := !e.tooDeep(0) && e.eval(n, v, nil, 0)
	e.depth--
	return ok
}

func (e *evaluator) member(n *node, v any, name string) bool { return e.child(n, v, step{name, -1}) }

// members yields the members of an object; a walk that does not need them in the
// order of their names must look at all of them, so that its steps are the same.
func (e *evaluator) members(object map[string]any) iter.Seq2[string, any] {
	if !e.second {
		return maps.All(object)
	}
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !yield(name, object[name]) {
				return
			}
		}
	}
}

// wrong notes that a keyword does not hold, or what is below it by these names. It
// returns false, so that a caller can say so in the same breath.
func (e *evaluator) wrong(n *node, keyword string, names ...string) bool {
	if !e.report || e.stop != nil {
		return false
	}
	e.where = append(append(append(e.where[:0], n.location...), '/'), keyword...)
	for _, name := range names {
		e.where = append(append(e.where, '/'), url.PathEscape(escapePointer(name))...)
	}
	return e.note(keyword)
}

// forbidden notes that there is a value where the schema is false.
func (e *evaluator) forbidden(n *node, keyword string) bool {
	if e.report && e.stop == nil {
		e.where = append(e.where[:0], n.location...)
		e.note(keyword)
	}
	return false
}

// note notes what is in where. It keeps the first findings only, since a large
// payload may have millions.
func (e *evaluator) note(keyword string) bool {
	e.at = e.appendPointer(e.at[:0])
	if !e.spend(1 + (len(e.at)+len(e.where))/unit) {
		return false
	}
	e.count++
	i, known := slices.BinarySearchFunc(e.first, struct{}{}, func(f finding, _ struct{}) int {
		return cmp.Or(compareText(f.pointer, e.at), compareText(f.location, e.where))
	})
	if !known && i < maxViolations {
		e.first = slices.Insert(e.first, i, finding{string(e.at), keyword, string(e.where)})
		e.first = e.first[:min(len(e.first), maxViolations)]
	}
	return false
}

func compareText(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	}
	return 0
}

// appendPointer appends a JSON Pointer to where the walk is, and may leave out
// what is beyond what is said of it.
func (e *evaluator) appendPointer(b []byte) []byte {
	if !e.second {
		return b
	}
	for _, s := range e.path[:e.depth] {
		b = append(b, '/')
		if s.index >= 0 {
			b = strconv.AppendInt(b, int64(s.index), 10)
		} else {
			b = append(b, escapePointer(s.name[:min(len(s.name), 2*maxLocation)])...)
		}
		if len(b) > 2*maxLocation {
			return b[:2*maxLocation]
		}
	}
	return b
}

// marks are the members or items of a value that schemas have looked at.
type marks struct {
	all   bool
	names map[string]struct{}
	upto  int // the items before it
	items map[int]struct{}
}

func (e *evaluator) markName(m *marks, name string) {
	if m == nil || m.all || !e.spend(markCost) {
		return
	}
	if m.names == nil {
		m.names = make(map[string]struct{})
	}
	m.names[name] = struct{}{}
}

func (e *evaluator) markItem(m *marks, index int) {
	if m == nil || m.all || !e.spend(markCost) {
		return
	}
	if m.items == nil {
		m.items = make(map[int]struct{})
	}
	m.items[index] = struct{}{}
}

// merge adds what a schema that fits has looked at; other is not used any more.
func (e *evaluator) merge(m, other *marks) {
	if !e.spend(len(other.names) + len(other.items)) {
		return
	}
	m.all = m.all || other.all
	m.upto = max(m.upto, other.upto)
	if len(m.names) < len(other.names) {
		m.names, other.names = other.names, m.names
	}
	maps.Copy(m.names, other.names)
	if len(m.items) < len(other.items) {
		m.items, other.items = other.items, m.items
	}
	maps.Copy(m.items, other.items)
}

func (e *evaluator) newMarks() *marks {
	if last := len(e.unused) - 1; last >= 0 {
		m := e.unused[last]
		e.unused = e.unused[:last]
		return m
	}
	return new(marks)
}

// release keeps marks for other values, but no large maps, which take long to
// clear.
func (e *evaluator) release(m *marks) {
	if m == nil {
		return
	}
	if len(m.names) > unit {
		m.names = nil
	}
	if len(m.items) > unit {
		m.items = nil
	}
	clear(m.names)
	clear(m.items)
	*m = marks{names: m.names, items: m.items}
	e.unused = append(e.unused, m)
}

// rest is unevaluatedProperties and unevaluatedItems.
func (e *evaluator) rest(n *node, v any, own *marks) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		if n.unevaluated.members == nil {
			return true
		}
		if !own.all {
			for name, value := range e.members(v) {
				if _, known := own.names[name]; !known {
					ok = e.remaining(n.unevaluated.members, value, step{name, -1}, "unevaluatedProperties") && ok
				}
			}
		}
	case []any:
		if n.unevaluated.items == nil {
			return true
		}
		if !own.all {
			for i := own.upto; i < len(v) && e.spend(1); i++ {
				if _, known := own.items[i]; !known {
					if ok = e.remaining(n.unevaluated.items, v[i], step{"", i}, "unevaluatedItems") && ok; !ok && !e.report {
						return false
					}
				}
			}
		}
	default:
		return true
	}
	own.all = true
	return ok
}

// remaining evaluates what no other schema has looked at; where that is not to be
// there at all, the keyword says so.
func (e *evaluator) remaining(n *node, v any, at step, keyword string) bool {
	if !n.never || !e.report {
		return e.child(n, v, at)
	}
	e.depth++
	e.path = append(e.path[:e.depth-1], at)
	e.forbidden(n, keyword)
	e.depth--
	return false
}
