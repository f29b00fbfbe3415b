package verifiers

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"slices"
	"unicode/utf8"
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

// scanner reads a JSON text once. It checks all of it, as strictly as
// encoding/json does, and builds nothing: it notes where the values are that
// are looked for. Of members with the same name the last counts.
type scanner struct {
	text  []byte
	pos   int
	depth int

	want  *Pointers
	found []span // by pointer

	// lists is the pointer, as a bit, whose array's elements are noted too.
	lists    uint64
	isList   bool
	elements [][]byte
	most     int // how many elements are noted
	count    int // how many there are

	// objects has a bit for each level that skip is in: set in an object, and
	// not in an array.
	objects [maxNesting/64 + 1]uint64
}

// scanJSON checks the text and returns where the wanted values are.
func scanJSON(text []byte, want *Pointers) ([]span, error) {
	s := scanner{text: text, want: want}
	if len(want.texts) > 0 {
		s.found = make([]span, len(want.texts))
	}
	if err := s.scan(); err != nil {
		return nil, err
	}
	return s.found, nil
}

func (s *scanner) scan() error {
	if !utf8.Valid(s.text) {
		return errNotUTF8
	}
	if !s.value(s.want.all(), 0) {
		return errNotJSON
	}
	if s.space(); s.pos != len(s.text) {
		return errNotJSON
	}
	return nil
}

// value reads one value. The bits of active are the pointers that lead to it or
// into it, by their first level tokens.
func (s *scanner) value(active uint64, level int) bool {
	s.space()
	start := s.pos
	here := active & s.want.endingAt(level)
	deeper := active &^ here
	list := here&s.lists != 0 && s.at('[')
	switch {
	case deeper == 0 && !list:
		if !s.skip() {
			return false
		}
	case s.at('{'):
		if !s.object(deeper, level) {
			return false
		}
	case s.at('['):
		if !s.array(deeper, level, list) {
			return false
		}
	default:
		if !s.skip() {
			return false
		}
	}
	for ; here != 0; here &= here - 1 {
		s.found[bits.TrailingZeros64(here)] = span{start, s.pos}
	}
	return true
}

func (s *scanner) object(active uint64, level int) bool {
	if s.depth++; s.depth > maxNesting {
		return false
	}
	s.pos++
	if s.space(); s.at('}') {
		s.pos++
		s.depth--
		return true
	}
	for {
		s.space()
		name, ok := s.name()
		if !ok {
			return false
		}
		next := s.want.named(active, level, name)
		s.forget(next)
		if !s.value(next, level+1) {
			return false
		}
		s.space()
		switch {
		case s.at(','):
			s.pos++
		case s.at('}'):
			s.pos++
			s.depth--
			return true
		default:
			return false
		}
	}
}

// forget drops what was found under a name that is there once more.
func (s *scanner) forget(pointers uint64) {
	if pointers&s.lists != 0 {
		s.isList, s.elements, s.count = false, s.elements[:0], 0
	}
	for ; pointers != 0; pointers &= pointers - 1 {
		s.found[bits.TrailingZeros64(pointers)] = span{}
	}
}

func (s *scanner) array(active uint64, level int, list bool) bool {
	if s.depth++; s.depth > maxNesting {
		return false
	}
	s.isList = s.isList || list
	s.pos++
	if s.space(); s.at(']') {
		s.pos++
		s.depth--
		return true
	}
	for i := 0; ; i++ {
		s.space()
		start := s.pos
		if !s.value(s.want.indexed(active, level, i), level+1) {
			return false
		}
		if list {
			s.note(start)
		}
		s.space()
		switch {
		case s.at(','):
			s.pos++
		case s.at(']'):
			s.pos++
			s.depth--
			return true
		default:
			return false
		}
	}
}

func (s *scanner) note(start int) {
	if s.count++; s.count <= s.most {
		s.elements = append(s.elements, span{start, s.pos}.of(s.text))
	}
}

// name reads a member's name and the colon.
func (s *scanner) name() ([]byte, bool) {
	start := s.pos
	if !s.at('"') || !s.str() {
		return nil, false
	}
	name := s.text[start+1 : s.pos-1]
	if slices.Contains(name, '\\') {
		text, err := unquote(s.text[start:s.pos])
		if err != nil {
			return nil, false
		}
		name = []byte(text)
	}
	s.space()
	if !s.at(':') {
		return nil, false
	}
	s.pos++
	return name, true
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
	case slices.Contains(raw, '\\'):
		return unquote(raw)
	}
	return string(raw[1 : len(raw)-1]), nil
}

func unquote(raw []byte) (string, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", errNotJSON
	}
	return text, nil
}
