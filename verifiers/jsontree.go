package verifiers

import (
	"encoding/json"
	"math/bits"
)

// What is built is what encoding/json builds with UseNumber: nil, bool, string,
// json.Number, []any and map[string]any. It differs in how: arrays and objects are
// made when their size is known, and where all of a text is decoded, strings are
// parts of one copy of it.

// abandon ends building: the text is not strict, or is one of many events.
func (s *scanner) abandon() {
	s.order.tree, s.trees = noTree, nil
	s.stop()
}

// stop ends building here.
func (s *scanner) stop() {
	clear(s.stack)
	clear(s.keys)
	s.building, s.stack, s.keys = false, s.stack[:0], s.keys[:0]
}

func (s *scanner) string(start, end int) string {
	if s.copied != "" {
		return s.copied[start:end]
	}
	return string(s.text[start:end])
}

// scalar decodes what is neither an array nor an object.
func (s *scanner) scalar() bool {
	start := s.pos
	if start == len(s.text) {
		return false
	}
	c := s.text[start]
	if c == '"' {
		if !s.str() {
			return false
		}
		if !s.building {
			return true
		}
		if s.escaped {
			s.stack = append(s.stack, string(unescape(nil, s.text[start+1:s.pos-1])))
		} else {
			s.stack = append(s.stack, s.string(start+1, s.pos-1))
		}
		return true
	}
	if !s.literal(c) {
		return false
	}
	if !s.building {
		return true
	}
	switch c {
	case 'n':
		s.stack = append(s.stack, nil)
	case 't', 'f':
		s.stack = append(s.stack, c == 't')
	default:
		s.stack = append(s.stack, json.Number(s.string(start, s.pos)))
	}
	return true
}

// makeArray puts what is on the stack from there on into an array.
func (s *scanner) makeArray(from int) {
	list := make([]any, len(s.stack)-from)
	copy(list, s.stack[from:])
	clear(s.stack[from:])
	s.stack = append(s.stack[:from], list)
}

// makeObject puts it into an object.
func (s *scanner) makeObject(from, keys int) {
	object := make(map[string]any, len(s.stack)-from)
	for i, name := range s.keys[keys:] {
		object[name] = s.stack[from+i]
	}
	clear(s.stack[from:])
	clear(s.keys[keys:])
	s.stack, s.keys = append(s.stack[:from], object), s.keys[:keys]
}

// keep notes the value on top of the stack as that of pointers.
func (s *scanner) keep(pointers uint64) {
	for ; pointers != 0; pointers &= pointers - 1 {
		s.trees = append(s.trees, subtree{s.want.texts[bits.TrailingZeros64(pointers)], s.stack[len(s.stack)-1]})
	}
}
