package verifiers

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// skip reads one value in which nothing is looked for. It does not recurse.
func (s *scanner) skip() bool {
	outside := s.depth
	for {
		s.space()
		if s.pos == len(s.text) {
			return false
		}
		s.count()
		open := false
		switch c := s.text[s.pos]; c {
		case '{', '[':
			if !s.open(c == '{') {
				return false
			}
			s.space()
			if open = !s.at(c + 2); !open { // ']' and '}' are two after their likes
				s.pos++
				s.close()
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
		switch c := s.text[s.pos]; {
		case c == ',':
			s.pos++
			return true
		case c == '}' && s.inObject(), c == ']' && !s.inObject():
			s.pos++
			s.close()
		default:
			return false
		}
	}
	return true
}

func (s *scanner) skipName() bool {
	s.space()
	start := s.pos
	if !s.at('"') || !s.str() {
		return false
	}
	if s.framed {
		s.member(start)
	}
	if s.space(); !s.at(':') {
		return false
	}
	s.pos++
	return true
}

// count is for each value, before it.
func (s *scanner) count() {
	if s.seen++; s.seen > s.values {
		s.violate(FaultValues, s.pos, s.values)
	}
}

// open goes into the array or object that s.pos is at.
func (s *scanner) open(object bool) bool {
	if s.depth++; s.depth > s.bounds.depth {
		if s.depth > maxNesting {
			return false
		}
		s.violate(FaultDepth, s.pos, s.bounds.depth)
	}
	s.pos++
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	if !object {
		s.objects[word] &^= bit
		return true
	}
	s.objects[word] |= bit
	if s.framed {
		s.push()
	}
	return true
}

// close is after the end of what open went into.
func (s *scanner) close() {
	if s.framed && s.inObject() {
		s.pop()
	}
	s.depth--
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
	start := s.pos
	if s.at('-') {
		s.pos++
	}
	digits := 1
	if s.at('0') {
		s.pos++
	} else if digits = s.run(); digits == 0 {
		return false
	}
	if s.at('.') {
		s.pos++
		n := s.run()
		if n == 0 {
			return false
		}
		digits += n
	}
	if s.at('e') || s.at('E') {
		if s.pos++; s.at('+') || s.at('-') {
			s.pos++
		}
		from := s.pos
		if s.run() == 0 {
			return false
		}
		digits = max(digits, s.exponent(from))
	}
	if digits > s.digits {
		s.violate(FaultNumber, start, s.digits)
	}
	return true
}

// exponent returns the number whose digits begin there, or one that is larger than
// any limit.
func (s *scanner) exponent(from int) int {
	n := 0
	for _, c := range s.text[from:s.pos] {
		if n = n*10 + int(c-'0'); n > maxExponent {
			return maxExponent
		}
	}
	return n
}

const maxExponent = 1 << 30

// run reads digits and returns how many there are.
func (s *scanner) run() int {
	start := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' < 10 {
		s.pos++
	}
	return s.pos - start
}

// str reads a string, which s.pos is at. That all of it is UTF-8 is looked at only
// if something in it is not ASCII.
func (s *scanner) str() bool {
	text, i := s.text, s.pos+1
	var seen uint64
	s.escaped = false
	for {
		for i+8 <= len(text) {
			v := binary.LittleEndian.Uint64(text[i:])
			if special(v) {
				break
			}
			seen |= v
			i += 8
		}
		for i < len(text) && text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
			seen |= uint64(text[i])
			i++
		}
		if i == len(text) || text[i] < ' ' {
			return false
		}
		if text[i] == '"' {
			break
		}
		s.escaped = true
		if i = s.escape(i + 1); i < 0 {
			return false
		}
	}
	if seen&highs != 0 && !utf8.Valid(text[s.pos+1:i]) {
		s.badText = true
		return false
	}
	if i-s.pos-1 > s.length {
		s.violate(FaultString, s.pos, s.length)
	}
	s.pos = i + 1
	return true
}

const ones, highs = 0x0101010101010101, 0x8080808080808080

// special reports whether one of eight bytes ends a run of plain characters: a
// control character, a quotation mark or a backslash.
func special(v uint64) bool {
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
		r := hex4(s.text[i+1:])
		if r < 0 {
			return -1
		}
		if !s.paired || !utf16.IsSurrogate(r) {
			return i + 5
		}
		if pairOf(r, s.text[i+5:]) != utf8.RuneError {
			return i + 11
		}
		s.violate(FaultUTF8, s.pos, 0)
		return i + 5
	}
	return -1
}

// hex4 returns the number whose four hexadecimal digits a text begins with, or -1.
func hex4(text []byte) rune {
	if len(text) < 4 {
		return -1
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case (c|0x20)-'a' < 6:
			c = (c | 0x20) - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// pairOf returns the character that a surrogate makes with the escape that the rest
// begins with, or RuneError.
func pairOf(r rune, rest []byte) rune {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return utf8.RuneError
	}
	return utf16.DecodeRune(r, hex4(rest[2:]))
}

// unescape appends what is between the quotes of a string that was read.
func unescape(to, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' || i+1 == len(raw) {
			to = append(to, c)
			i++
			continue
		}
		c = raw[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(raw[i:])
			if r < 0 {
				return to // it was cut
			}
			i += 4
			if utf16.IsSurrogate(r) {
				if r = pairOf(r, raw[i:]); r != utf8.RuneError {
					i += 6
				}
			}
			to = utf8.AppendRune(to, r)
			continue
		}
		to = append(to, c)
	}
	return to
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
