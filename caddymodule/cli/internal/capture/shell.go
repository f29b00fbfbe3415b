package capture

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// errExpansion says why a word is not read.
const errExpansion = "line %d: %s would be expanded by the shell, and nothing is executed here: write the value itself, or put single quotes around the text"

// words takes one command line apart as bash does, without expanding anything. It
// stops at the end of the command, and returns what follows.
func words(text string) (list []string, rest string, err error) {
	s := scanner{text: text, line: 1}
	for {
		if !s.space() {
			return list, s.text[s.at:], nil
		}
		word, err := s.word()
		if err != nil {
			return nil, "", err
		}
		list = append(list, word)
	}
}

type scanner struct {
	text string
	at   int
	line int
}

func (s *scanner) next() byte {
	c := s.text[s.at]
	s.at++
	if c == '\n' {
		s.line++
	}
	return c
}

func (s *scanner) has(prefix string) bool { return strings.HasPrefix(s.text[s.at:], prefix) }

// skip jumps over a prefix that is there.
func (s *scanner) skip(prefix string) bool {
	if !s.has(prefix) {
		return false
	}
	s.line += strings.Count(prefix, "\n")
	s.at += len(prefix)
	return true
}

// space goes to the next word. It returns false at the end of the command.
func (s *scanner) space() bool {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case s.skip("\\\n"), s.skip("\\\r\n"):
		case c == ' ', c == '\t', c == '\r':
			s.at++
		case c == '\n', c == ';', c == '|', c == '&', c == '>', c == '<', c == '#':
			return false
		default:
			return true
		}
	}
	return false
}

func (s *scanner) word() (string, error) {
	var b strings.Builder
	for s.at < len(s.text) {
		if s.skip("\\\n") || s.skip("\\\r\n") {
			continue
		}
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r', ';', '|', '&', '<', '>':
			return b.String(), nil
		case '\'':
			if err := s.single(&b); err != nil {
				return "", err
			}
		case '"':
			if err := s.double(&b); err != nil {
				return "", err
			}
		case '\\':
			s.at++
			if s.at == len(s.text) {
				return "", unreadable("line %d: a backslash at the end of the command", s.line)
			}
			b.WriteByte(s.next())
		case '`':
			return "", unreadable(errExpansion, s.line, "`...`")
		case '$':
			if err := s.dollar(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(s.next())
		}
	}
	return b.String(), nil
}

func (s *scanner) single(b *strings.Builder) error {
	start := s.line
	s.at++
	end := strings.IndexByte(s.text[s.at:], '\'')
	if end < 0 {
		return unreadable("line %d: the single quote is not closed", start)
	}
	part := s.text[s.at : s.at+end]
	b.WriteString(part)
	s.line += strings.Count(part, "\n")
	s.at += end + 1
	return nil
}

func (s *scanner) double(b *strings.Builder) error {
	start := s.line
	s.at++
	for s.at < len(s.text) {
		if s.skip("\\\n") {
			continue
		}
		switch c := s.text[s.at]; c {
		case '"':
			s.at++
			return nil
		case '\\':
			s.at++
			if s.at < len(s.text) && !strings.ContainsRune("\"\\$`", rune(s.text[s.at])) {
				b.WriteByte('\\')
			}
			if s.at < len(s.text) {
				b.WriteByte(s.next())
			}
		case '`':
			return unreadable(errExpansion, s.line, "`...`")
		case '$':
			if s.at+1 < len(s.text) && expands(s.text[s.at+1]) {
				return unreadable(errExpansion, s.line, s.expansion())
			}
			b.WriteByte(s.next())
		default:
			b.WriteByte(s.next())
		}
	}
	return unreadable("line %d: the double quote is not closed", start)
}

// expands reports whether a dollar sign before c begins an expansion.
func expands(c byte) bool {
	return c == '_' || c == '{' || c == '(' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("@*#?-$!", c) >= 0
}

// expansion is the beginning of one, for errors.
func (s *scanner) expansion() string {
	switch {
	case s.has("$("):
		return "$(...)"
	case s.has("${"):
		return "${...}"
	}
	end := s.at + 1
	for end < len(s.text) && end-s.at < 30 && (s.text[end] == '_' || 'a' <= s.text[end]|0x20 && s.text[end]|0x20 <= 'z') {
		end++
	}
	return s.text[s.at:end]
}

// dollar reads $'...', and "$" that means itself.
func (s *scanner) dollar(b *strings.Builder) error {
	switch {
	case s.has("$'"):
		s.at += 2
		return s.ansi(b)
	case s.has(`$"`):
		s.at++
		return s.double(b)
	case s.at+1 < len(s.text) && expands(s.text[s.at+1]):
		return unreadable(errExpansion, s.line, s.expansion())
	}
	b.WriteByte(s.next())
	return nil
}

var ansiEscapes = map[byte]byte{
	'a': 7, 'b': 8, 'e': 27, 'E': 27, 'f': 12, 'n': '\n', 'r': '\r', 't': '\t', 'v': 11,
	'\\': '\\', '\'': '\'', '"': '"', '?': '?',
}

// ansi reads the rest of $'...', with the escapes of ANSI C.
func (s *scanner) ansi(b *strings.Builder) error {
	start := s.line
	for s.at < len(s.text) {
		c := s.next()
		if c == '\'' {
			return nil
		}
		if c != '\\' || s.at == len(s.text) {
			b.WriteByte(c)
			continue
		}
		switch e := s.next(); {
		case ansiEscapes[e] != 0:
			b.WriteByte(ansiEscapes[e])
		case e == 'x':
			if n, ok := s.number(16, 2); ok {
				b.WriteByte(byte(n)) //nolint:gosec // two digits
			} else {
				b.WriteString(`\x`)
			}
		case e == 'u' || e == 'U':
			if r, ok := s.character(map[byte]int{'u': 4, 'U': 8}[e]); ok {
				b.WriteRune(r)
			} else {
				b.WriteString(`\` + string(e))
			}
		case '0' <= e && e <= '7':
			s.at--
			n, _ := s.number(8, 3)
			b.WriteByte(byte(n)) //nolint:gosec // as bash does
		case e == 'c' && s.at < len(s.text):
			b.WriteByte(s.next() & 0x1f)
		default:
			b.WriteString(`\` + string(e))
		}
	}
	return unreadable("line %d: the single quote after $ is not closed", start)
}

// number reads up to so many digits.
func (s *scanner) number(base, most int) (uint64, bool) {
	end := s.at
	for end < len(s.text) && end-s.at < most && isDigit(s.text[end], base) {
		end++
	}
	n, err := strconv.ParseUint(s.text[s.at:end], base, 64)
	if err != nil {
		return 0, false
	}
	s.at = end
	return n, true
}

func isDigit(c byte, base int) bool {
	if base == 8 {
		return '0' <= c && c <= '7'
	}
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// character reads the digits of \u or \U. Halves of a surrogate pair, which some
// browsers write, are put together.
func (s *scanner) character(digits int) (rune, bool) {
	n, ok := s.number(16, digits)
	if !ok {
		return 0, false
	}
	if n > utf8.MaxRune {
		return utf8.RuneError, true
	}
	r, before := rune(n), s.at
	if utf16.IsSurrogate(r) && s.skip(`\u`) {
		low, _ := s.number(16, 4)
		if pair := utf16.DecodeRune(r, rune(low)); pair != utf8.RuneError { //nolint:gosec // four digits
			return pair, true
		}
		s.at = before
	}
	return r, true // half of a pair is written as U+FFFD
}

// isCmd reports whether a command line is written for cmd.exe, in which ^ is the
// escape, as browsers offer it.
func isCmd(text string) bool {
	i := strings.IndexAny(text, `"'`)
	if i >= 0 && text[i] == '\'' {
		return false
	}
	return i > 0 && text[i-1] == '^' || strings.Contains(text, " ^\n") || strings.Contains(text, " ^\r\n")
}

// cmdWords takes a command line of cmd.exe apart: first the carets, then the quotes
// as the C library of Windows does.
func cmdWords(text string) ([]string, error) {
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '^' && i+1 < len(text) {
			i++
			if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			// A line break after a caret is nothing; an empty line after it is one.
			if text[i] != '\n' {
				plain.WriteByte(text[i])
				continue
			}
			if rest := strings.TrimPrefix(text[i+1:], "\r"); strings.HasPrefix(rest, "\n") {
				plain.WriteByte('\n')
				i += 1 + len(text[i+1:]) - len(rest)
			}
			continue
		}
		if c == '%' && i+1 < len(text) && text[i+1] == '%' {
			i++
		}
		plain.WriteByte(c)
	}
	return msWords(plain.String())
}

func msWords(text string) ([]string, error) {
	var list []string
	var b strings.Builder
	quoted, inWord := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			n := 1
			for i+n < len(text) && text[i+n] == '\\' {
				n++
			}
			i += n - 1
			inWord = true
			if i+1 >= len(text) || text[i+1] != '"' {
				b.WriteString(strings.Repeat(`\`, n))
				continue
			}
			b.WriteString(strings.Repeat(`\`, n/2))
			if n%2 == 1 {
				b.WriteByte('"')
				i++
			}
		case c == '"' && quoted && i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted, inWord = !quoted, true
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			if inWord {
				list = append(list, b.String())
				b.Reset()
				inWord = false
			}
			if c == '\n' && len(list) > 0 {
				return list, nil
			}
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if quoted {
		return nil, unreadable("a double quote is not closed")
	}
	if inWord {
		list = append(list, b.String())
	}
	return list, nil
}
