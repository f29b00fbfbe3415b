package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// maxNesting is how deep a file may be nested: the place of every schema is kept,
// so that memory grows with the square of it.
const maxNesting = 500

// decode decodes one JSON value and says where a mistake is: with line and column,
// and as a [*LoadError] without a file if a JSON Pointer is known.
func decode(data []byte) (any, error) {
	if err := checkText(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var doc any
	err := dec.Decode(&doc)
	at := dec.InputOffset()
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			if err := checkMembers(data); err != nil {
				return nil, err
			}
			return doc, nil
		}
		err = errors.New("there is more after the schema: one file holds one")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
		if trailing(data[:min(max(at-1, 0), int64(len(data)))]) && bytes.IndexByte([]byte("]}"), data[at-1]) >= 0 {
			err = errors.New("there is a comma before it and nothing after that: remove the comma")
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		at, err = int64(len(data)), errors.New("the JSON ends too early")
	}
	return nil, fmt.Errorf("%s: %w", position(data, int(at)), err)
}

// trailing reports whether a text ends in a comma, and perhaps white space.
func trailing(text []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(text, " \t\r\n"), []byte(","))
}

// position says where the byte before an offset is.
func position(data []byte, offset int) string {
	before := data[:min(offset, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := max(utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]), 1)
	return fmt.Sprintf("line %d, column %d", line, column)
}

// checkText reports what encoding/json passes over, and nesting before anything
// recurses.
func checkText(data []byte) error {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return errors.New("it begins with a byte order mark: save it as UTF-8 without one")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return errors.New("it is UTF-16: save it as UTF-8")
	case len(bytes.TrimSpace(data)) == 0:
		return errors.New("it is empty: write a schema, or {} if anything fits")
	}
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				return fmt.Errorf("%s: it is not UTF-8: save it in that encoding", position(data, i+1))
			}
			i += size - 1
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return fmt.Errorf("%s: it is nested more than %d deep: move what is inside into a schema of its own and refer to that", position(data, i+1), maxNesting)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// checkMembers reports a member that stands twice in an object of valid JSON.
func checkMembers(data []byte) error {
	s := scanner{data: data}
	return s.value()
}

// scanner goes through valid JSON.
type scanner struct {
	data []byte
	at   int
	path []step
}

func (s *scanner) value() error {
	switch c := s.next(); c {
	case '{':
		return s.object()
	case '[':
		return s.array()
	case '"':
		s.text()
	default:
		for s.at < len(s.data) && bytes.IndexByte([]byte(",]} \t\r\n"), s.data[s.at]) < 0 {
			s.at++
		}
	}
	return nil
}

// next returns the next byte that is not white space, and stays before it.
func (s *scanner) next() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// text returns a string as it is written, and goes behind it.
func (s *scanner) text() []byte {
	start := s.at
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.data[start:s.at]
}

func (s *scanner) object() error {
	seen := make(map[string]int)
	for s.at++; s.next() != '}'; {
		if s.data[s.at] == ',' {
			s.at++
			s.next()
		}
		start := s.at
		name := unquote(s.text())
		first, twice := seen[name]
		if seen[name] = start; twice {
			s.path = append(s.path, step{name, -1})
			return &LoadError{Pointer: pointerTo(s.path), Err: fmt.Errorf(
				"%s: the member stands twice, first at %s: remove one of them", position(s.data, start+1), position(s.data, first+1))}
		}
		s.next()
		s.at++ // the colon
		s.path = append(s.path, step{name, -1})
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	return nil
}

func (s *scanner) array() error {
	i := 0
	for s.at++; s.next() != ']'; i++ {
		if s.data[s.at] == ',' {
			s.at++
		}
		s.path = append(s.path, step{"", i})
		if err := s.value(); err != nil {
			return err
		}
		s.path = s.path[:len(s.path)-1]
	}
	s.at++
	return nil
}

func unquote(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1])
	}
	var s string
	if json.Unmarshal(text, &s) != nil {
		return string(text)
	}
	return s
}

func pointerTo(path []step) string {
	var b bytes.Buffer
	for _, s := range path {
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(jsonptr.Escape(s.name))
		}
	}
	return b.String()
}
