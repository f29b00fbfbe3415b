package verifiers

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Source says where in a request a value is. Exactly one of Header, Query,
// Form, Pointer, Whole, Const, First and Join is set; the zero Source is no value at
// all. The other fields say how the value is cut out of what is found there.
//
// Sources are written with the functions [Header], [Query], [Form], [JSON],
// [Const], [First] and [Join], and refined with methods:
//
//	verifiers.Header("X-Hub-Signature-256").Trim("sha256=")
//	verifiers.Header("Stripe-Signature").KV("v1")
//	verifiers.First(verifiers.JSON("/event/type"), verifiers.JSON("/type"))
type Source struct {
	// Header is a header's canonical name.
	Header string `json:"header,omitempty"`
	// Query is the name of a parameter of the URL.
	Query string `json:"query,omitempty"`
	// Form is the name of a field of a form body, URL-encoded or multipart, as
	// the media type declares it. Any other body has no fields.
	Form string `json:"form,omitempty"`
	// Pointer is an RFC 6901 JSON Pointer into a JSON body. Strings, numbers
	// (as they are written) and booleans are values, null is as if absent, and
	// anything else is malformed. A body that its media type declares to be a
	// form or XML has no members.
	Pointer string `json:"json,omitempty"`
	// Whole means the whole body, which must be text of one line.
	Whole bool `json:"body,omitempty"`
	// Const is the value itself.
	Const string `json:"const,omitempty"`
	// First are sources of which the first one present counts.
	First []Source `json:"first,omitempty"`
	// Join are sources whose values are put together with Sep between them.
	// Absent ones are left out, except that the first must be present.
	Join []Source `json:"join,omitempty"`

	// Prefix must stand before the value and is not part of it. A value
	// without it is malformed. With Pair it stands before the whole list; in a
	// list without Pair it stands before each item, and items without it are
	// skipped.
	Prefix string `json:"prefix,omitempty"`
	// Pair is the key of a key=value item: what is found is a list of such
	// items, and the value is that of the item with this key.
	Pair string `json:"pair,omitempty"`
	// Sep separates the items of a list. Empty means "," where Pair is set,
	// "." in Join, and otherwise that the value is no list. Spaces around items
	// are part of them, as for the senders' own libraries; an empty item is
	// malformed, and so are more than 16 items and a header that is sent twice.
	Sep string `json:"sep,omitempty"`
	// Within are steps into what the value is made of: each decodes what the one
	// before it found and takes a member of that.
	Within []Step `json:"within,omitempty"`
	// LowerCase makes one value of those that differ in case only, such as
	// hexadecimal digits in an id. Signatures need no such thing.
	LowerCase bool `json:"lower_case,omitempty"`
	// Stands replaces the value, of which only the presence counts: for senders
	// whose events differ in what members they have.
	Stands string `json:"stands,omitempty"`
}

// A Step takes a member of a value that is JSON in some wrapping.
type Step struct {
	// As is the wrapping: "json", none; "jwt", the claims of a JSON Web Token,
	// which is not verified here; "base64", standard or URL-safe base64.
	As string `json:"as"`
	// Pointer is the member's JSON Pointer.
	Pointer string `json:"json"`
}

// The values of [Step.As].
const (
	AsJSON   = "json"
	AsJWT    = "jwt"
	AsBase64 = "base64"
)

// Header is a header of the request. The name may be in any case.
func Header(name string) Source { return Source{Header: http.CanonicalHeaderKey(name)} }

// Query is a parameter of the URL.
func Query(name string) Source { return Source{Query: name} }

// Form is a field of a form-encoded body.
func Form(name string) Source { return Source{Form: name} }

// JSON is a member of a JSON body, named by a JSON Pointer such as "/data/id".
func JSON(pointer string) Source { return Source{Pointer: pointer} }

// Body is the whole body, such as a JSON Web Token.
func Body() Source { return Source{Whole: true} }

// Const is a fixed value.
func Const(value string) Source { return Source{Const: value} }

// First is the first of the sources that the request has.
func First(sources ...Source) Source { return Source{First: sources} }

// Join is the values of the sources with sep between them. The first must be
// present; the others are left out when they are not.
func Join(sep string, sources ...Source) Source { return Source{Join: sources, Sep: sep} }

// Trim requires prefix before the value and removes it.
func (s Source) Trim(prefix string) Source { s.Prefix = prefix; return s }

// KV reads the value as a list of key=value items and takes those with this key.
func (s Source) KV(key string) Source { s.Pair = key; return s }

// Split reads the value as a list with this separator.
func (s Source) Split(sep string) Source { s.Sep = sep; return s }

// Inner takes a member of the JSON text that the value is.
func (s Source) Inner(pointer string) Source { return s.step(AsJSON, pointer) }

// Claim takes a claim of the JSON Web Token that the value is. It does not
// verify the token: it is for what was, or will be, verified by other means.
func (s Source) Claim(pointer string) Source { return s.step(AsJWT, pointer) }

// Base64 takes a member of the JSON text whose base64 the value is.
func (s Source) Base64(pointer string) Source { return s.step(AsBase64, pointer) }

func (s Source) step(as, pointer string) Source {
	s.Within = appendCopy(s.Within, Step{As: as, Pointer: pointer})
	return s
}

// Lower makes the value lower case.
func (s Source) Lower() Source { s.LowerCase = true; return s }

// As replaces the value, if there is one, by another.
func (s Source) As(value string) Source { s.Stands = value; return s }

// Is matches requests in which the source has this value.
func (s Source) Is(value string) Match { return Match{Source: s, Equals: value} }

// Present matches requests in which the source has a value that is not empty.
func (s Source) Present() Match { return Match{Source: s} }

// Like matches requests in which the source has a value that the regular
// expression (RE2) matches as a whole.
func (s Source) Like(pattern string) Match { return Match{Source: s, Like: pattern} }

// Absent matches requests in which the source has no value.
func (s Source) Absent() Match { return Match{Source: s, Absent: true} }

// IsZero reports whether s is the zero Source.
func (s Source) IsZero() bool {
	return s.Header == "" && s.Query == "" && s.Form == "" && s.Pointer == "" && s.Const == "" && !s.Whole &&
		len(s.First) == 0 && len(s.Join) == 0
}

// ReadsInside reports whether the value, or a part of it, is in a text that another
// value is made of.
func (s Source) ReadsInside() bool {
	return len(s.Within) > 0 || slices.ContainsFunc(s.First, Source.ReadsInside) || slices.ContainsFunc(s.Join, Source.ReadsInside)
}

// String names the place, for errors: "header Stripe-Signature", "json /id",
// "json /signedPayload, claim /data". It never holds a value from a request.
func (s Source) String() string {
	text := s.place()
	if s.Stands != "" {
		text = s.Stands + " if there is " + text
	}
	for _, step := range s.Within {
		if step.As == AsJWT {
			text += ", claim " + step.Pointer
		} else {
			text += ", in it " + step.Pointer
		}
	}
	return text
}

func (s Source) place() string {
	switch {
	case s.Header != "":
		return "header " + s.Header
	case s.Query != "":
		return "query " + s.Query
	case s.Form != "":
		return "form " + s.Form
	case s.Pointer != "":
		return "json " + s.Pointer
	case s.Whole:
		return "body"
	case s.Const != "":
		return "const"
	case len(s.First) > 0:
		return names(s.First, " or ")
	case len(s.Join) > 0:
		return names(s.Join, " and ")
	}
	return "nothing"
}

func names(sources []Source, sep string) string {
	parts := make([]string, len(sources))
	for i, s := range sources {
		parts[i] = s.String()
	}
	return strings.Join(parts, sep)
}

// Lookup returns the source's one value in the request. The error is, or wraps,
// [ErrMissing] if there is none or it is empty, and [ErrMalformed] if there are
// several, if a prefix is lacking, or if the body cannot be read as the form or
// JSON that the source needs. It is never an [*Error].
func (s Source) Lookup(r *Request) (string, error) { return s.lookup(r) }

// A Match is a condition on a request.
type Match struct {
	// Source is where to look.
	Source Source `json:"source"`
	// Equals is the value to look for. Empty matches any value but the empty.
	Equals string `json:"equals,omitempty"`
	// Like is a regular expression (RE2) that the whole value must match; empty
	// matches any.
	Like string `json:"like,omitempty"`
	// Absent turns the condition round: the request must not have the source.
	Absent bool `json:"absent,omitempty"`
}

// In reports whether the request meets the condition. A request that lacks the
// source, or has it in a malformed way, does not.
func (m Match) In(r *Request) bool {
	v, err := m.Source.Lookup(r)
	if m.Absent {
		return errors.Is(err, ErrMissing)
	}
	return err == nil && (m.Equals == "" || v == m.Equals) && (m.Like == "" || m.like(v))
}

// patterns are the compiled ones. There are as many as in the catalogue and in
// configurations.
var patterns sync.Map

func (m Match) like(value string) bool {
	re, ok := patterns.Load(m.Like)
	if !ok {
		compiled, err := regexp.Compile(`\A(?:` + m.Like + `)\z`)
		if err != nil {
			return false // Check refuses it
		}
		re, _ = patterns.LoadOrStore(m.Like, compiled)
	}
	return re.(*regexp.Regexp).MatchString(value) //nolint:forcetypeassert // nothing else is stored
}

func (m Match) check() error {
	if err := m.Source.check(); err != nil {
		return err
	}
	if _, err := regexp.Compile(m.Like); err != nil {
		return fmt.Errorf("the pattern %q: %w", m.Like, err)
	}
	return nil
}
