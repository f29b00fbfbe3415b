package schemas

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
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
	maxCollected  = 4096
)

// Violation is one way in which a payload does not fit.
type Violation struct {
	// Pointer is where in the payload, as a JSON Pointer: names of members and
	// never their values. In objects that are maps the names are data as well.
	// It is cut at 120 bytes.
	Pointer string
	// Keyword is the keyword of JSON Schema that does not hold.
	Keyword string
	// Schema is where that keyword stands, as file and JSON Pointer.
	Schema string
}

// Invalid says that a payload does not fit its schema. Its text is at most 1 KiB
// and holds no values of the payload.
type Invalid struct {
	// Schema is the schema's address.
	Schema string
	// Violations are the first ten in the order of their pointers.
	Violations []Violation
	// More is how many others there are.
	More int

	unknown bool
}

// Error lists the violations in one line.
func (e *Invalid) Error() string {
	if e.unknown {
		return "there is no schema for the type"
	}
	var b strings.Builder
	b.WriteString(e.Schema + ": ")
	for i, v := range e.Violations {
		text := pointerText(v.Pointer) + " " + v.Keyword
		if i > 0 {
			text = "; " + text
		}
		if b.Len()+len(text) > maxText-16 {
			break
		}
		b.WriteString(text)
	}
	if e.More > 0 {
		b.WriteString("; and more")
	}
	return b.String()
}

func pointerText(p string) string {
	if p == "" {
		return "/"
	}
	return p
}

func newInvalid(address string, err error) *Invalid {
	e := &Invalid{Schema: address}
	var tree *jsonschema.ValidationError
	var none *noBranch
	switch {
	case errors.As(err, &none):
		e.Violations = []Violation{{Pointer: "/" + escapePointer(none.member), Keyword: "oneOf", Schema: location(none.location)}}
		return e
	case !errors.As(err, &tree):
		e.Violations = []Violation{{Keyword: "schema", Schema: address}}
		return e
	}
	var all []Violation
	collect(tree, &all)
	slices.SortFunc(all, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Keyword, b.Keyword), cmp.Compare(a.Schema, b.Schema))
	})
	all = slices.Compact(all)
	e.Violations = all[:min(len(all), maxViolations)]
	e.More = len(all) - len(e.Violations)
	return e
}

// collect gathers the leaves of the library's tree of errors.
func collect(node *jsonschema.ValidationError, all *[]Violation) {
	if len(*all) == maxCollected {
		return
	}
	if len(node.Causes) == 0 {
		*all = append(*all, Violation{
			Pointer: clean(node.InstanceLocation),
			Keyword: keyword(node.KeywordLocation),
			Schema:  location(node.AbsoluteKeywordLocation),
		})
		return
	}
	for _, cause := range node.Causes {
		collect(cause, all)
	}
}

// keyword returns the last keyword of a location that ends in one, or in a member
// or index below one.
func keyword(location string) string {
	segments := strings.Split(location, "/")
	for i := len(segments) - 1; i > 0; i-- {
		if keywords[segments[i]] && !keepNames[segments[i-1]] {
			return segments[i]
		}
	}
	return "schema"
}

// keepNames are the keywords below which a segment is a name, which may be that
// of a keyword.
var keepNames = map[string]bool{
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true,
	"dependentSchemas": true, "dependentRequired": true, "dependencies": true,
}

var keywords = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`type const enum format required minProperties maxProperties properties
		patternProperties propertyNames additionalProperties dependencies dependentRequired dependentSchemas
		unevaluatedProperties minItems maxItems uniqueItems items additionalItems prefixItems contains minContains
		maxContains unevaluatedItems minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum
		multipleOf contentEncoding contentMediaType contentSchema not allOf anyOf oneOf if then else $ref $dynamicRef
		$recursiveRef`) {
		m[name] = true
	}
	return m
}()

// location is an address inside the directory.
func location(rawURL string) string { return clean(strings.TrimPrefix(rawURL, base)) }

// clean bounds a location and replaces what could disturb a log.
func clean(s string) string {
	if len(s) > maxLocation {
		s = s[:maxLocation] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}
