package schemas

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LoadError is one mistake in a directory of schemas.
type LoadError struct {
	// File is the file inside the directory; "" if it is about all of it.
	File string
	// Pointer is a JSON Pointer into the file; "" if it is about all of it.
	Pointer string
	// Err says what is wrong.
	Err error
}

// Error returns "push.json#/properties/ref: ...".
func (e *LoadError) Error() string {
	s := "schemas"
	if e.File != "" {
		s = e.File
	}
	if e.Pointer != "" {
		s += "#" + e.Pointer
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns e.Err.
func (e *LoadError) Unwrap() error { return e.Err }

// Limits of what is said about a payload.
const (
	maxViolations = 10
	maxLocation   = 120
	maxText       = 1024
	maxMissing    = 5
)

// Violation is one way in which a payload does not fit.
type Violation struct {
	// Pointer is where in the payload, as a JSON Pointer: names of members and
	// never their values. In objects that are maps the names are data as well,
	// and may be personal. It is cut at 120 bytes, and characters that cannot be
	// printed are question marks.
	Pointer string
	// Keyword is the keyword of JSON Schema that does not hold; "false" for a
	// schema that nothing fits; "depth" or "number" for a payload beyond a bound
	// of the package.
	Keyword string
	// Schema is where that keyword stands, as file and JSON Pointer, cut like
	// Pointer; "" for a bound.
	Schema string
	// Missing are the first five members that are demanded there and are not in the
	// payload, as the schema names them, cut like Pointer; none for keywords that do
	// not demand members.
	Missing []string
}

// String returns "/data/object required (id, amount)".
func (v *Violation) String() string {
	text := cmp.Or(v.Pointer, "/") + " " + v.Keyword
	if len(v.Missing) > 0 {
		text += " (" + strings.Join(v.Missing, ", ") + ")"
	}
	return text
}

// Invalid says that a payload does not fit its schema. Its text is at most 1 KiB
// and holds no values of the payload.
type Invalid struct {
	// Schema is the schema's address; "" if there is none for the type.
	Schema string
	// Violations are the first ten in the order of their pointers.
	Violations []Violation
	// More is how many others there are, repetitions included; at least so many if
	// to count them all would take more than Config.MaxSteps.
	More int
	// Err says why the payload could not be judged, such as ErrTooExpensive; then
	// there are no Violations.
	Err error
}

// Error lists the violations in one line.
func (e *Invalid) Error() string {
	if e.Schema == "" && e.Err != nil {
		return e.Err.Error()
	}
	var b strings.Builder
	b.WriteString(clean(e.Schema) + ": ")
	if e.Err != nil {
		b.WriteString(e.Err.Error())
		return b.String()
	}
	more := e.More
	for i := range e.Violations {
		text := e.Violations[i].String()
		if i > 0 {
			text = "; " + text
		}
		if b.Len()+len(text) > maxText-40 {
			more += len(e.Violations) - i
			break
		}
		b.WriteString(text)
	}
	if more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

// Unwrap returns e.Err.
func (e *Invalid) Unwrap() error { return e.Err }

func (s *Set) newInvalid(address string, found []finding, more int, err error) *Invalid {
	e := &Invalid{Schema: address, More: more, Err: err}
	for _, f := range found {
		v := Violation{Pointer: clean(f.pointer), Keyword: f.keyword}
		if f.location != "" {
			v.Schema = clean(s.location(f.location))
		}
		for _, name := range f.missing {
			v.Missing = append(v.Missing, clean(name))
		}
		e.Violations = append(e.Violations, v)
	}
	return e
}

// location is an address inside the directory.
func (s *Set) location(rawURL string) string {
	file, fragment, _ := strings.Cut(rawURL, "#")
	if name, ok := s.names[file]; ok {
		file = name
	}
	if strings.Contains(file, "#") { // a part of an OpenAPI document
		return file + unescape(fragment)
	}
	return file + "#" + unescape(fragment)
}

// unescape undoes what the library does to be able to use pointers in URLs.
func unescape(pointer string) string {
	if text, err := url.PathUnescape(pointer); err == nil {
		return text
	}
	return pointer
}

// clean bounds a location and replaces what could disturb a log.
func clean(s string) string {
	if len(s) > maxLocation {
		end := maxLocation - len("…")
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
