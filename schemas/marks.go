package schemas

import "maps"

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
