package schemas

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Bounds of a payload. The library recurses with the payload, computes with
// numbers of any size exactly, and keeps the whole pointer to every value that
// does not fit; an overflowing stack or no memory would end the process.
const (
	maxDepth    = 256
	maxNumber   = 1000
	maxAccount  = 128 << 20 // bytes
	accountUnit = 64        // bytes for a value apart from its pointer
)

// meter walks through a payload.
type meter struct {
	path    []step
	account int
	problem *Violation // the first in the order of the pointers
}

type step struct {
	name  string
	index int // -1 for a member
}

// checkLimits returns how a payload is beyond the bounds, or nil.
func checkLimits(payload any) *Violation {
	var m meter
	m.walk(payload, 0)
	if m.account > maxAccount {
		return &Violation{Keyword: "size"}
	}
	return m.problem
}

// walk looks at a value with a pointer of so many bytes.
func (m *meter) walk(v any, pointer int) {
	if m.account += accountUnit + pointer; m.account > maxAccount {
		return
	}
	switch v := v.(type) {
	case json.Number:
		if !smallNumber(string(v)) {
			m.report("number")
		}
	case map[string]any:
		if len(m.path) == maxDepth {
			m.report("depth")
			return
		}
		for name, child := range v {
			m.path = append(m.path, step{name, -1})
			m.walk(child, pointer+1+len(name))
			m.path = m.path[:len(m.path)-1]
		}
	case []any:
		if len(m.path) == maxDepth {
			m.report("depth")
			return
		}
		for i, child := range v {
			m.path = append(m.path, step{"", i})
			m.walk(child, pointer+8)
			m.path = m.path[:len(m.path)-1]
		}
	}
}

func (m *meter) report(keyword string) {
	var b strings.Builder
	for _, s := range m.path {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(escapePointer(s.name))
		}
		if b.Len() > 2*maxLocation {
			break
		}
	}
	pointer := clean(b.String())
	if m.problem == nil || pointer < m.problem.Pointer {
		m.problem = &Violation{Pointer: pointer, Keyword: keyword}
	}
}

// smallNumber checks the length and the exponent.
func smallNumber(s string) bool {
	if len(s) <= 3 {
		return true
	}
	digits, exponent, ok := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		digits, exponent, ok = s[:i], s[i+1:], true
	}
	if len(digits) > maxNumber {
		return false
	}
	if !ok {
		return true
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && -maxNumber <= n && n <= maxNumber
}
