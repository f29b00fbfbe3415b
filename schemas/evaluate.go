package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
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
	maxFrames = 20_000 // of the walk; each takes less than a KiB of stack
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

	lacks    map[string]any // of the next finding: the object that has not all that is demanded
	demanded []string
	where    []byte
	unused   []*marks
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
			ok = e.lacking(n, object, d.required[i:i+1], d.keyword, d.name, strconv.Itoa(i))
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
