package verifiers

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// JSONLimits say what is strict JSON: one value of RFC 8259 in UTF-8 of which no
// two parsers make different things, and that is not beyond these bounds. A field
// that is 0 means its default.
type JSONLimits struct {
	// Depth is how many arrays and objects may be inside one another, at most
	// 10 000. Default: 256.
	Depth int
	// Values is how many values there may be: arrays and objects and all that is in
	// them. Default: 1 000 000.
	Values int
	// Members is how many members one object may have. Default: 100 000.
	Members int
	// Digits is how many digits a number may have, and how large its exponent may be:
	// some parsers compute with numbers of any size. Default: 1 000.
	Digits int
	// String is how many bytes a string, or the name of a member, may have as it is
	// written. Default: as many as the text.
	String int
	// Duplicates permits objects with several members of one name. Of those the last
	// counts here, and the first elsewhere.
	Duplicates bool
	// Surrogates permits escapes that are one half of a character, such as \ud83d
	// without the other. They become U+FFFD here, and something else, or an error,
	// elsewhere.
	Surrogates bool
}

const (
	defaultDepth   = 256
	defaultValues  = 1_000_000
	defaultMembers = 100_000
	defaultDigits  = 1000

	// longestStrict bounds a strict text: offsets of names are kept in 32 bits.
	longestStrict = math.MaxInt32
)

// Check reports what is wrong with the limits.
func (l *JSONLimits) Check() error {
	if min(l.Depth, l.Values, l.Members, l.Digits, l.String) < 0 {
		return errors.New("a limit is below zero: use 0 for the default")
	}
	if l.Depth > maxNesting {
		return fmt.Errorf("depth is above %d", maxNesting)
	}
	return nil
}

// The words of [StrictError.Fault].
const (
	FaultSyntax    = "syntax"    // it is not JSON
	FaultUTF8      = "utf8"      // bytes that are not UTF-8, or half a character
	FaultDepth     = "depth"     // JSONLimits.Depth
	FaultValues    = "values"    // JSONLimits.Values
	FaultMembers   = "members"   // JSONLimits.Members
	FaultNumber    = "number"    // JSONLimits.Digits
	FaultString    = "string"    // JSONLimits.String
	FaultDuplicate = "duplicate" // JSONLimits.Duplicates
)

// Faults returns all words of [StrictError.Fault], for metrics.
func Faults() []string {
	return []string{FaultSyntax, FaultUTF8, FaultDepth, FaultValues, FaultMembers, FaultNumber, FaultString, FaultDuplicate}
}

// ErrNotStrict is what every [StrictError] wraps.
var ErrNotStrict = errors.New("not strict JSON")

// StrictError is the first thing because of which a text is not strict JSON. It
// holds no values of the text.
type StrictError struct {
	// Fault is one of the Fault words.
	Fault string
	// Pointer is the JSON Pointer to where it is, cut at 120 bytes; "" is the whole
	// text. Characters that cannot be printed are question marks. Names of members
	// are the sender's, and may be personal.
	Pointer string
	// Offset is where it is in the text, in bytes.
	Offset int
	// Limit is the limit that it is beyond; 0 if it is not about one.
	Limit int

	unreadable bool
	place      string // what holds the text, unless it is the body
}

// Readable reports whether encoding/json would decode the text all the same.
func (e *StrictError) Readable() bool { return !e.unreadable }

// Error returns a line such as "duplicate member /data/id".
func (e *StrictError) Error() string {
	text := e.describe()
	if e.place != "" {
		text = e.place + ": " + text
	}
	return text
}

func (e *StrictError) describe() string {
	at := ""
	if e.Pointer != "" {
		at = " at " + e.Pointer
	}
	switch e.Fault {
	case FaultDuplicate:
		return "duplicate member " + e.Pointer
	case FaultDepth:
		return fmt.Sprintf("nested deeper than %d%s", e.Limit, at)
	case FaultValues:
		return fmt.Sprintf("more than %d values%s", e.Limit, at)
	case FaultMembers:
		return fmt.Sprintf("more than %d members%s", e.Limit, at)
	case FaultNumber:
		return fmt.Sprintf("a number of more than %d digits, or such an exponent%s", e.Limit, at)
	case FaultString:
		return fmt.Sprintf("a string of more than %d bytes%s", e.Limit, at)
	case FaultUTF8:
		return fmt.Sprintf("text that is not UTF-8%s (byte %d)", at, e.Offset)
	}
	return fmt.Sprintf("not JSON%s (byte %d)", at, e.Offset)
}

// Unwrap returns ErrNotStrict, and ErrMalformed if the text is not Readable.
func (e *StrictError) Unwrap() []error {
	if e.unreadable {
		return []error{ErrNotStrict, ErrMalformed}
	}
	return []error{ErrNotStrict}
}

// bounds are the limits that a scanner keeps to.
type bounds struct {
	depth, values, members, digits, length int
	framed                                 bool // members are counted
	unique                                 bool // and compared
	paired                                 bool // surrogates
}

// lax is what encoding/json takes.
var lax = bounds{depth: maxNesting, values: math.MaxInt, members: math.MaxInt, digits: math.MaxInt, length: math.MaxInt}

// bounds returns the limits with their defaults; nil means lax.
func (l *JSONLimits) bounds() bounds {
	if l == nil {
		return lax
	}
	or := func(n, standard int) int {
		if n > 0 {
			return n
		}
		return standard
	}
	return bounds{
		depth: or(l.Depth, defaultDepth), values: or(l.Values, defaultValues), members: or(l.Members, defaultMembers),
		digits: or(l.Digits, defaultDigits), length: or(l.String, longestStrict),
		framed: true, unique: !l.Duplicates, paired: !l.Surrogates,
	}
}

// violate notes the first fault. The rest of the text is read as encoding/json
// would: where the wanted members are is of use all the same.
func (s *scanner) violate(fault string, at, limit int) {
	if s.fault == nil {
		s.fault = &StrictError{Fault: fault, Pointer: pointerAt(s.text, at, fault == FaultDuplicate), Offset: at, Limit: limit}
	}
	s.bounds = lax
	s.frames, s.names, s.slots, s.buffer = s.frames[:0], s.names[:0], s.slots[:0], s.buffer[:0]
	s.abandon()
}

// unreadable is the fault of a text that the scanner could not read to its end.
func (s *scanner) unreadable() *StrictError {
	fault := FaultSyntax
	switch {
	case s.badText:
		fault = FaultUTF8
	case s.depth > maxNesting:
		fault = FaultDepth
	}
	if first := s.fault; first != nil && first.Fault == fault {
		first.unreadable = true
		return first
	}
	e := &StrictError{Fault: fault, Pointer: pointerAt(s.text, s.pos, false), Offset: s.pos, unreadable: true}
	if fault == FaultDepth {
		e.Limit = maxNesting
	}
	return e
}

// longestPointer bounds a pointer in an error.
const longestPointer = 120

// level is one array or object around an offset.
type level struct {
	object     bool
	index      int
	start, end int // of the member's name, with its quotes; empty before it
}

// pointerAt returns the pointer to what is at an offset of a text that was read
// until there: to a value, or at a member's name to its object or, if named, to
// the member.
func pointerAt(text []byte, at int, named bool) string {
	s := scanner{text: text[:at], bounds: lax}
	var path []level
	for s.pos < at {
		top := len(path) - 1
		switch c := text[s.pos]; {
		case c == '{' || c == '[':
			path = append(path, level{object: c == '{'})
		case top >= 0 && (c == '}' || c == ']'):
			path = path[:top]
		case top >= 0 && c == ',':
			path[top].index++
			path[top].start, path[top].end = 0, 0
		case c == '"':
			start := s.pos
			if !s.str() {
				at = start // cut in a string
				break
			}
			if top >= 0 && path[top].object && path[top].end == 0 {
				path[top].start, path[top].end = start, s.pos
			}
			continue
		}
		s.pos++
	}
	if named {
		s = scanner{text: text, pos: at, bounds: lax}
		if top := len(path) - 1; top >= 0 && s.str() {
			path[top].start, path[top].end = at, s.pos
		}
	}
	return writePointer(text, path)
}

var escapeToken = strings.NewReplacer("~", "~0", "/", "~1")

func writePointer(text []byte, path []level) string {
	var b strings.Builder
	for _, l := range path {
		if b.Len() > longestPointer {
			break
		}
		switch {
		case !l.object:
			b.WriteString("/" + strconv.Itoa(l.index))
		case l.end > 0:
			name := text[l.start+1 : min(l.end-1, l.start+1+4*longestPointer)]
			b.WriteString("/" + escapeToken.Replace(string(unescape(nil, name))))
		}
	}
	pointer := b.String()
	if len(pointer) > longestPointer {
		end := longestPointer - len("…")
		for end > 0 && !utf8.RuneStart(pointer[end]) {
			end--
		}
		pointer = pointer[:end] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, pointer)
}
