package verifiers

import "iter"

// WalkJSON goes through an object or array, without what is deeper, and builds
// nothing. It yields the JSON text of each value; with it the member's name as it
// is written, in quotes, which [JSONText] reads, or nil in an array. Members with
// one name are all yielded, in their order: the last is what a decoder takes. The
// text must have been checked to be JSON, as by [Request.CheckJSON]; of any other, and of one that is neither an object nor an
// array, what comes before the fault is yielded.
func WalkJSON(text []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		s := scanners.Get().(*scanner) //nolint:forcetypeassert // nothing else is in it
		defer s.free()
		s.text, s.order, s.bounds = text, order{want: &noPointers}, lax
		s.space()
		object := s.at('{')
		if !object && !s.at('[') {
			return
		}
		end := byte(']')
		if object {
			end = '}'
		}
		s.pos++
		for s.space(); !s.at(end); {
			var name []byte
			if object {
				start := s.pos
				if !s.at('"') || !s.str() {
					return
				}
				name = text[start:s.pos:s.pos]
				if s.space(); !s.at(':') {
					return
				}
				s.pos++
				s.space()
			}
			start := s.pos
			if !s.skip() || !yield(name, text[start:s.pos:s.pos]) {
				return
			}
			if more, ok := s.more(end); !ok || !more {
				return
			}
		}
	}
}

// In returns the JSON texts of the members of a JSON text that the pointers lead
// to, in their order; nil is one that is not there. Of members with one name the
// last counts. The error is, or wraps, [ErrMalformed].
func (p *Pointers) In(text []byte) ([][]byte, error) {
	f, err := order{want: p}.read(text)
	if err != nil {
		return nil, err
	}
	values := make([][]byte, len(f.found))
	for i, s := range f.found {
		if s.end > 0 {
			values[i] = s.of(text)
		}
	}
	return values, nil
}

// JSONText returns the text of a JSON string that was checked, such as those that
// [WalkJSON] yields. It is false if it is something else.
func JSONText(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}
