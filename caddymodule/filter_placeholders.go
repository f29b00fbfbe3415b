package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// placeholder is a place of an expression that a value of the event is put in.
type placeholder struct {
	text  string // without braces
	typ   *cel.Type
	value func(f *gateway.Facts) (any, error)
	// has reports whether there is a value; nil means that value says so.
	has func(f *gateway.Facts) (bool, error)
	// pointer is that of a member of the body.
	pointer string
	member  bool
}

// eventPlaceholders are those of what the pipeline has found.
var eventPlaceholders = map[string]struct {
	typ   *cel.Type
	value func(e *gateway.Event) any // nil: there is none
}{
	"source":     {cel.StringType, func(e *gateway.Event) any { return e.Source }},
	"tenant":     {cel.StringType, func(e *gateway.Event) any { return e.Tenant }},
	"provider":   {cel.StringType, func(e *gateway.Event) any { return e.Provider }},
	"event_id":   {cel.StringType, func(e *gateway.Event) any { return e.ID }},
	"event_type": {cel.StringType, func(e *gateway.Event) any { return e.Type }},
	"event_time": {cel.TimestampType, func(e *gateway.Event) any { return timeOrNone(e.Time) }},
	"received":   {cel.TimestampType, func(e *gateway.Event) any { return timeOrNone(e.Received) }},
	"order_key":  {cel.StringType, func(e *gateway.Event) any { return textOrNone(e.OrderKey) }},
	"trust":      {cel.StringType, func(e *gateway.Event) any { return string(e.Trust) }},
	"key_id":     {cel.StringType, func(e *gateway.Event) any { return textOrNone(e.KeyID) }},
	"size":       {cel.IntType, func(e *gateway.Event) any { return int64(len(e.Body)) }},
}

func timeOrNone(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return types.Timestamp{Time: t}
}

func textOrNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// knownPlaceholders is for messages.
const knownPlaceholders = "write {webhooks.json./pointer}, {webhooks.json}, {webhooks.form.NAME}, {header.NAME}, {query.NAME}, {env.NAME}, " +
	"{webhooks.event_type} (or _id, _time), {webhooks.source}, .tenant, .provider, .order_key, .trust, .key_id, .received or .size"

// parsePlaceholder understands the text between braces.
func parsePlaceholder(text string) (*placeholder, bool) {
	p := &placeholder{text: text}
	if name, ok := strings.CutPrefix(text, "env."); ok && name != "" {
		p.typ = cel.StringType // its value is put in when the expression is loaded
		return p, true
	}
	name, ours := strings.CutPrefix(text, "webhooks.")
	if ours {
		switch name {
		case "type", "id":
			name = "event_" + name
		case "json":
			return p.ofMember(""), true
		}
		if attribute, ok := eventPlaceholders[name]; ok {
			p.typ = attribute.typ
			p.value = func(f *gateway.Facts) (any, error) {
				if v := attribute.value(f.Event); v != nil {
					return v, nil
				}
				return nil, verifiers.ErrMissing
			}
			if name == "event_type" {
				p.has = func(f *gateway.Facts) (bool, error) { return f.Event.Type != "", nil }
			}
			return p, true
		}
	}
	s, ok := placeholderSource("{" + text + "}")
	switch {
	case !ok:
		return nil, false
	case s.Pointer != "":
		if _, err := verifiers.PointersTo(s.Pointer); err != nil {
			return nil, false
		}
		return p.ofMember(s.Pointer), true
	}
	p.typ = cel.StringType
	p.value = func(f *gateway.Facts) (any, error) { return f.Lookup(s) }
	return p, true
}

func (p *placeholder) ofMember(pointer string) *placeholder {
	p.typ, p.member, p.pointer = cel.DynType, true, pointer
	p.value = func(f *gateway.Facts) (any, error) { return f.JSON(pointer) }
	p.has = func(f *gateway.Facts) (bool, error) { return f.Has(pointer) }
	return p
}

// expanded is an expression with a variable for each of its placeholders, of the
// same width, so that positions in messages are those in the original.
type expanded struct {
	text string
	// vars has the placeholders by the names of the variables, list in order.
	vars map[string]*placeholder
	list []*placeholder
}

// expand replaces the placeholders of an expression. Those in quotes are refused:
// the text would be compared, and not the value.
func expand(expr string) (*expanded, error) {
	x := &expanded{vars: make(map[string]*placeholder)}
	names := make(map[string]string)
	var b strings.Builder
	for i := 0; i < len(expr); {
		rest := expr[i:]
		if n := quoted(expr, i); n > 0 {
			if inner, ok := placeholderWithin(rest[:n]); ok && rest[0] != '/' {
				return nil, fmt.Errorf("%s: %s is in quotes, so that it is text and not a value: write it without quotes", position(expr, i), inner)
			}
			b.WriteString(rest[:n])
			i += n
			continue
		}
		n := placeholderLength(rest)
		if n == 0 {
			b.WriteByte(expr[i])
			i++
			continue
		}
		text := rest[1 : n-1]
		name, known := names[text]
		if !known {
			p, ok := parsePlaceholder(text)
			if !ok {
				return nil, fmt.Errorf("%s: {%s} is not a value of an event: %s", position(expr, i), text, knownPlaceholders)
			}
			name = variable(len(x.list), utf8.RuneCountInString(rest[:n]))
			names[text], x.vars[name] = name, p
			x.list = append(x.list, p)
		}
		if next, _ := utf8.DecodeRuneInString(rest[n:]); isWordRune(next) {
			return nil, fmt.Errorf("%s: something is missing after {%s}, such as == or a space", position(expr, i), text)
		}
		b.WriteString(name)
		i += n
	}
	x.text = b.String()
	return x, nil
}

const variablePrefix = "ph_"

// variable makes a name of so many characters. The shortest placeholder that is
// known is {env.A}.
func variable(index, width int) string {
	name := fmt.Sprintf("%s%d", variablePrefix, index)
	return name + strings.Repeat("_", max(0, width-len(name)))
}

// placeholderLength returns how many bytes the placeholder has with which s
// begins, 0 if there is none: a brace, a word and a dot. A map has no such
// beginning, as its keys are values.
func placeholderLength(s string) int {
	if len(s) == 0 || s[0] != '{' {
		return 0
	}
	i := 1
	for i < len(s) && isWordRune(rune(s[i])) {
		i++
	}
	if i == 1 || i == len(s) || s[i] != '.' && s[i] != '}' {
		return 0
	}
	end := strings.IndexByte(s, '}')
	if end < 0 || strings.ContainsAny(s[:end], "\r\n") {
		return 0
	}
	return end + 1
}

func placeholderWithin(s string) (string, bool) {
	for i := range len(s) {
		if n := placeholderLength(s[i:]); n > 0 {
			if _, ok := parsePlaceholder(s[i+1 : i+n-1]); ok {
				return s[i : i+n], true
			}
		}
	}
	return "", false
}

// quoted returns how many bytes of CEL's string, bytes or comment begin at i, 0 if
// none does. One that does not end is left for the parser to complain about.
func quoted(s string, i int) int {
	rest := s[i:]
	if strings.HasPrefix(rest, "//") {
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return end
		}
		return len(rest)
	}
	if rest[0] != '"' && rest[0] != '\'' {
		return 0
	}
	delimiter := rest[:1]
	if triple := strings.Repeat(delimiter, 3); strings.HasPrefix(rest, triple) {
		delimiter = triple
	}
	raw := isRaw(s[:i])
	for j := len(delimiter); j < len(rest); j++ {
		switch {
		case rest[j] == '\\' && !raw:
			j++
		case strings.HasPrefix(rest[j:], delimiter):
			return j + len(delimiter)
		}
	}
	return len(rest)
}

// isRaw reports whether the prefix of a string, such as r or br, makes backslashes
// mean themselves.
func isRaw(before string) bool {
	word := before[len(strings.TrimRightFunc(before, isWordRune)):]
	return len(word) <= 2 && strings.ContainsAny(word, "rR")
}

func isWordRune(r rune) bool {
	return r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// position is that of a byte, as CEL's own messages have it: line and column.
func position(s string, i int) string {
	line := 1 + strings.Count(s[:i], "\n")
	column := 1 + utf8.RuneCountInString(s[strings.LastIndexByte(s[:i], '\n')+1:i])
	return fmt.Sprintf("%d:%d", line, column)
}

// maxMembers is how many members of a body the expressions of a route may name.
// They are found in one pass with what else the route looks for.
const maxMembers = 48

var errTooManyMembers = fmt.Errorf("the expressions of a route name more than %d members: select them from {webhooks.json}, as in {webhooks.json}.a.b", maxMembers)

// checkMembers bounds what the conditions of a route look for.
func checkMembers(conditions ...gateway.Condition) error {
	var all []string
	for _, c := range conditions {
		all = append(all, c.Members()...)
	}
	slices.Sort(all)
	if len(slices.Compact(all)) > maxMembers {
		return errTooManyMembers
	}
	return nil
}

// noValue says which placeholder has none, and why. It holds nothing of the event.
type noValue struct {
	placeholder string
	err         error
}

func (e *noValue) Error() string { return "{" + e.placeholder + "} has no value: " + e.reason() }

func (e *noValue) Unwrap() error { return e.err }

func (e *noValue) reason() string {
	if errors.Is(e.err, verifiers.ErrMissing) {
		return reasonMissing
	}
	return reasonMalformed
}
