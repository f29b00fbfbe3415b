package verifiers

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
)

// maxNesting is how deep encoding/json nests.
const maxNesting = 10000

var (
	errNotUTF8 = fmt.Errorf("decoding JSON: not UTF-8: %w", ErrMalformed)
	errNotJSON = fmt.Errorf("decoding JSON: %w", ErrMalformed)
)

// span is where a value is in a JSON text. The zero span is no value.
type span struct{ start, end int }

func (s span) of(text []byte) []byte { return text[s.start:s.end:s.end] }

// order is what a scanner is asked to do besides checking the text.
type order struct {
	want   *Pointers   // members to find; not nil
	limits *JSONLimits // what strict is; nil: what encoding/json takes
	tree   treeKind
}

// treeKind says what a scanner decodes.
type treeKind uint8

const (
	noTree    treeKind = iota
	someTrees          // the arrays and objects at Pointers.trees
	wholeTree
)

// finding is what a scanner has found.
type finding struct {
	found []span // by pointer
	// twice are the pointers, as bits, with members that are there more than once.
	// Of those the last counts.
	twice uint64
	// fault is why the text is not strict.
	fault *StrictError
	// lists are the arrays at Pointers.lists.
	lists []list
	// trees are what was decoded of Pointers.trees, and tree all, if whole.
	trees []subtree
	tree  any
	whole bool
}

type list struct {
	pointer  uint64 // its bit
	elements []span
	count    int // how many there are, also beyond MaxElements
}

type subtree struct {
	pointer string
	value   any
}

// scanner reads a JSON text once. It checks all of it, notes where the values are
// that are looked for, and builds only what it is asked to. Of members with the
// same name the last counts. It does not recurse where nothing is looked for or
// built.
type scanner struct {
	text  []byte
	pos   int
	depth int

	order
	bounds // those in force, of order.limits
	finding
	seen    int  // values
	escaped bool // the last string has an escape
	badText bool // it is not UTF-8

	frames []frame
	names  []memberName
	slots  []uint32
	buffer []byte

	// building is on while values are decoded: they are on the stack then, and the
	// names of members too. copied is the text as a string, of which they are parts.
	building bool
	copied   string
	stack    []any
	keys     []string

	// objects has a bit for each level that is open: set in an object, and not in
	// an array.
	objects [maxNesting/64 + 1]uint64
}

var scanners = sync.Pool{New: func() any { return new(scanner) }}

// Scanners that have become larger are not used again.
const (
	pooledNames = 4 << 10
	pooledStack = 4 << 10
)

// read reads a text. The error is, or wraps, ErrMalformed if it is not JSON, and
// then a StrictError if there are limits; other faults are in the finding.
func (o order) read(text []byte) (finding, error) {
	s := scanners.Get().(*scanner) //nolint:forcetypeassert // nothing else is in it
	defer s.free()
	s.text, s.order, s.bounds = text, o, o.limits.bounds()
	if n := len(o.want.texts); n > 0 {
		s.found = make([]span, n)
	}
	if s.framed && len(text) > longestStrict {
		s.violate(FaultString, 0, longestStrict)
	}
	if o.tree == wholeTree && s.fault == nil {
		s.building, s.copied = true, string(text)
	}
	if !s.all() {
		if o.limits == nil && s.badText {
			return finding{}, errNotUTF8
		}
		if o.limits == nil {
			return finding{}, errNotJSON
		}
		e := s.unreadable()
		return finding{fault: e}, e
	}
	if s.building {
		s.finding.tree, s.whole = s.stack[0], true
	}
	return s.finding, nil
}

func (s *scanner) free() {
	if cap(s.names) > pooledNames || cap(s.slots) > 8*pooledNames || cap(s.buffer) > 16*pooledNames ||
		cap(s.stack) > pooledStack || cap(s.keys) > pooledStack || cap(s.frames) > pooledNames {
		return
	}
	s.stop()
	s.text, s.pos, s.depth, s.order, s.finding = nil, 0, 0, order{}, finding{}
	s.seen, s.badText, s.copied = 0, false, ""
	s.frames, s.names, s.slots, s.buffer = s.frames[:0], s.names[:0], s.slots[:0], s.buffer[:0]
	scanners.Put(s)
}

func (s *scanner) all() bool {
	if !s.value(s.want.all(), 0) {
		return false
	}
	s.space()
	return s.pos == len(s.text)
}

// value reads one value. The bits of active are the pointers that lead to it or
// into it, by their first level tokens.
func (s *scanner) value(active uint64, level int) bool {
	s.space()
	start := s.pos
	here := active & s.want.endingAt(level)
	deeper := active &^ here
	alone := s.alone(here)
	switch {
	case s.at('{') && (s.building || alone || deeper != 0):
		s.building = s.building || alone
		if s.count(); !s.object(deeper, level) {
			return false
		}
	case s.at('[') && (s.building || alone || deeper != 0 || here&s.want.lists != 0):
		s.building = s.building || alone
		if s.count(); !s.array(deeper, level, here&s.want.lists) {
			return false
		}
	case s.building:
		if s.count(); !s.scalar() {
			return false
		}
	default:
		if !s.skip() {
			return false
		}
	}
	if s.building && s.order.tree == someTrees {
		s.keep(here & s.want.trees)
		if alone {
			s.stop()
		}
	}
	for ; here != 0; here &= here - 1 {
		s.found[bits.TrailingZeros64(here)] = span{start, s.pos}
	}
	return true
}

// alone reports whether the value is to be decoded though what it is in is not.
func (s *scanner) alone(here uint64) bool {
	return s.order.tree == someTrees && !s.building && here&s.want.trees != 0 && (s.at('{') || s.at('['))
}

func (s *scanner) object(active uint64, level int) bool {
	if !s.open(true) {
		return false
	}
	stack, keys := len(s.stack), len(s.keys)
	var met uint64
	for s.space(); !s.at('}'); {
		next, ok := s.name(active, level)
		if !ok {
			return false
		}
		if next&met != 0 {
			s.forget(next & met)
		}
		met |= next
		if !s.value(next, level+1) {
			return false
		}
		if more, ok := s.more('}'); !ok {
			return false
		} else if !more {
			break
		}
	}
	s.pos++
	s.close()
	if s.building {
		s.makeObject(stack, keys)
	}
	return true
}

// more is after a value in an array or object. It goes on to the next one, or stays
// at the end.
func (s *scanner) more(end byte) (more, ok bool) {
	s.space()
	switch {
	case s.at(end):
		return false, true
	case s.at(','):
		s.pos++
		s.space()
		return true, !s.at(end)
	}
	return false, false
}

// forget drops what was found under names that are there once more.
func (s *scanner) forget(pointers uint64) {
	s.twice |= pointers
	s.lists = slices.DeleteFunc(s.lists, func(l list) bool { return l.pointer&pointers != 0 })
	for ; pointers != 0; pointers &= pointers - 1 {
		i := bits.TrailingZeros64(pointers)
		s.found[i] = span{}
		s.trees = slices.DeleteFunc(s.trees, func(t subtree) bool { return t.pointer == s.want.texts[i] })
	}
}

// array reads an array, of which the elements are noted if it is a list that is
// looked for. Each of those is read by itself later, and strictly then.
func (s *scanner) array(active uint64, level int, lists uint64) bool {
	if !s.open(false) {
		return false
	}
	stack := len(s.stack)
	noted := list{pointer: lists}
	held, seen := s.bounds, s.seen
	if lists != 0 {
		s.abandon()
		s.bounds = lax
	}
	s.space()
	for i := 0; !s.at(']'); i++ {
		s.space()
		start := s.pos
		if !s.value(s.want.indexed(active, level, i), level+1) {
			return false
		}
		if lists != 0 {
			if noted.count++; noted.count <= MaxElements {
				noted.elements = append(noted.elements, span{start, s.pos})
			}
		}
		if more, ok := s.more(']'); !ok {
			return false
		} else if !more {
			break
		}
	}
	if lists != 0 {
		s.bounds, s.seen = held, seen
		s.lists = append(s.lists, noted)
	}
	s.pos++
	s.close()
	if s.building {
		s.makeArray(stack)
	}
	return true
}

// name reads a member's name and the colon, and returns which of the active pointers
// go on there.
func (s *scanner) name(active uint64, level int) (next uint64, ok bool) {
	start := s.pos
	if !s.at('"') || !s.str() {
		return 0, false
	}
	escaped, end := s.escaped, s.pos
	if s.framed {
		s.member(start)
	}
	if active != 0 || s.building && escaped {
		name := s.text[start+1 : end-1]
		if escaped {
			name = unescape(nil, name)
		}
		next = s.want.named(active, level, name)
		if s.building && escaped {
			s.keys = append(s.keys, string(name))
		}
	}
	if s.building && !escaped {
		s.keys = append(s.keys, s.string(start+1, end-1))
	}
	if s.space(); !s.at(':') {
		return 0, false
	}
	s.pos++
	return next, true
}

// scalar returns the text of a value that a source can have.
func scalar(raw []byte) (string, error) {
	switch {
	case len(raw) == 0, raw[0] == 'n':
		return "", ErrMissing
	case raw[0] == '{', raw[0] == '[':
		return "", ErrMalformed
	case raw[0] != '"':
		return string(raw), nil
	}
	return unquote(raw), nil
}

// unquote returns the text of a string that was read.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	if !slices.Contains(raw, '\\') {
		return string(raw)
	}
	return string(unescape(nil, raw))
}
