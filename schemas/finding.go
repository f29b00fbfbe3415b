package schemas

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// finding is a violation in the library's words.
type finding struct {
	pointer, keyword string
	location         string // of the keyword
	missing          []string
}

// step is a part of a JSON Pointer.
type step struct {
	name  string
	index int // -1 for a member
}

// wrong notes that a keyword does not hold, or what is below it by these names. It
// returns false, so that a caller can say so in the same breath.
func (e *evaluator) wrong(n *node, keyword string, names ...string) bool {
	if !e.report || e.stop != nil {
		return false
	}
	e.where = append(append(append(e.where[:0], n.location...), '/'), keyword...)
	for _, name := range names {
		e.where = append(append(e.where, '/'), url.PathEscape(jsonptr.Escape(name))...)
	}
	return e.note(keyword)
}

// lacking is wrong of a keyword that demands members which the object has not.
func (e *evaluator) lacking(n *node, object map[string]any, demanded []string, keyword string, names ...string) bool {
	e.lacks, e.demanded = object, demanded
	e.wrong(n, keyword, names...)
	e.lacks, e.demanded = nil, nil
	return false
}

// missing returns the first members that the object lacks of which a finding tells.
func (e *evaluator) missing() []string {
	var names []string
	for _, name := range e.demanded {
		if _, there := e.lacks[name]; !there && len(names) < maxMissing && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
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
		e.first = slices.Insert(e.first, i, finding{string(e.at), keyword, string(e.where), e.missing()})
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
			b = append(b, jsonptr.Escape(s.name[:min(len(s.name), 2*maxLocation)])...)
		}
		if len(b) > 2*maxLocation {
			return b[:2*maxLocation]
		}
	}
	return b
}
