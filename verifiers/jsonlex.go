package verifiers

import "encoding/binary"

// skip reads one value in which nothing is looked for. It does not recurse.
func (s *scanner) skip() bool {
	outside := s.depth
	for {
		s.space()
		if s.pos == len(s.text) {
			return false
		}
		open := false
		switch c := s.text[s.pos]; c {
		case '{', '[':
			if s.depth++; s.depth > maxNesting {
				return false
			}
			s.pos++
			s.enter(c == '{')
			s.space()
			if open = !s.at(c + 2); !open { // ']' and '}' are two after their likes
				s.pos++
				s.depth--
			}
		case '"':
			if !s.str() {
				return false
			}
		default:
			if !s.literal(c) {
				return false
			}
		}
		if !open && !s.next(outside) {
			return false
		}
		if s.depth == outside {
			return true
		}
		if s.inObject() && !s.skipName() {
			return false
		}
	}
}

// next goes from the end of a value to where another one begins, or out of the
// outermost.
func (s *scanner) next(outside int) bool {
	for s.depth > outside {
		s.space()
		if s.pos == len(s.text) {
			return false
		}
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == ',':
			return true
		case c == '}' && s.inObject(), c == ']' && !s.inObject():
			s.depth--
		default:
			return false
		}
	}
	return true
}

func (s *scanner) skipName() bool {
	if s.space(); !s.at('"') || !s.str() {
		return false
	}
	if s.space(); !s.at(':') {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) enter(object bool) {
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	if object {
		s.objects[word] |= bit
	} else {
		s.objects[word] &^= bit
	}
}

func (s *scanner) inObject() bool { return s.objects[s.depth/64]>>(s.depth%64)&1 == 1 }

// literal reads a number, true, false or null.
func (s *scanner) literal(c byte) bool {
	switch c {
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) word(w string) bool {
	if len(s.text)-s.pos < len(w) || string(s.text[s.pos:s.pos+len(w)]) != w {
		return false
	}
	s.pos += len(w)
	return true
}

func (s *scanner) number() bool {
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.at('.') {
		if s.pos++; !s.digits() {
			return false
		}
	}
	if s.at('e') || s.at('E') {
		if s.pos++; s.at('+') || s.at('-') {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' < 10 {
		s.pos++
	}
	return s.pos > start
}

// str reads a string, which s.pos is at.
func (s *scanner) str() bool {
	text, i := s.text, s.pos+1
	for {
		for i+8 <= len(text) && !special(binary.LittleEndian.Uint64(text[i:])) {
			i += 8
		}
		for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
			i++
		}
		if i == len(text) || text[i] < ' ' {
			return false
		}
		if text[i] == '"' {
			s.pos = i + 1
			return true
		}
		if i = s.escape(i + 1); i < 0 {
			return false
		}
	}
}

// special reports whether one of eight bytes ends a run of plain characters: a
// control character, a quotation mark or a backslash.
func special(v uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := v^ones*'"', v^ones*'\\'
	return ((v-ones*' ')&^v|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0
}

// escape returns the index after the escape whose backslash is before i, or -1.
func (s *scanner) escape(i int) int {
	if i >= len(s.text) {
		return -1
	}
	switch s.text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(s.text) {
			return -1
		}
		for _, c := range s.text[i+1 : i+5] {
			if c-'0' >= 10 && (c|0x20)-'a' >= 6 {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.text) && s.text[s.pos] == c }
