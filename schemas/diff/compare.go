package diff

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// A schema is a conjunction of what its keywords say, so that a keyword that
// demands more tightens, and one that demands less loosens. Keywords that depend on
// each other are compared together. A schema that is missing is one that anything
// fits.

// anything is a schema without keywords.
var anything = func() *jsonschema.Schema {
	yes := true
	return &jsonschema.Schema{
		Always: &yes, MinProperties: -1, MaxProperties: -1, MinItems: -1, MaxItems: -1, MinLength: -1, MaxLength: -1, MinContains: 1, MaxContains: -1,
	}
}()

// nothing is a schema that nothing fits.
var nothing = func() *jsonschema.Schema {
	no := false
	return &jsonschema.Schema{Always: &no}
}()

// openAt returns a schema without keywords that stands where another does.
func openAt(s *jsonschema.Schema) *jsonschema.Schema {
	if s == nil {
		return anything
	}
	open := *anything
	open.Location = s.Location
	return &open
}

// known returns the schema for where it is said to stand; nil for those that stand
// nowhere.
func known(s *jsonschema.Schema) *jsonschema.Schema {
	if s == anything || s == nothing {
		return nil
	}
	return s
}

func isNothing(s *jsonschema.Schema) bool { return s != nil && s.Always != nil && !*s.Always }

// isAnything reports whether a schema has no keyword that counts.
func isAnything(s *jsonschema.Schema) bool {
	return s == nil || s.Always != nil && *s.Always || s.Always == nil && len(keywords(s)) == 0
}

// through follows a schema that is nothing but a reference to another.
func through(s *jsonschema.Schema) *jsonschema.Schema {
	for range 32 {
		if s == nil {
			return nil
		}
		switch list := keywords(s); {
		case len(list) != 1:
			return s
		case list[0] == "$ref":
			s = s.Ref
		case list[0] == "allOf" && len(s.AllOf) == 1:
			s = s.AllOf[0]
		default:
			return s
		}
	}
	return s
}

// schema compares what may be at a place; nil means anything.
func (c *comparer) schema(at place, old, current *jsonschema.Schema) {
	old, current = through(old), through(current)
	if c.same(old, current) || isAnything(old) && isAnything(current) || isNothing(old) && isNothing(current) {
		return
	}
	if v := (visit{pair{old, current}, at.polarity}); c.visited[v] {
		return
	} else {
		c.visited[v] = true
	}
	e := effect{old: known(old), new: known(current), additive: at.fresh}
	at.fresh = false
	switch {
	case isNothing(old):
		e.keyword, e.dir = "false", loosens
		c.add(at, e, "was not allowed, is %s now", describe(current))
		return
	case isNothing(current):
		e.keyword, e.dir, e.additive = "false", tightens, false
		c.add(at, e, "was %s, is not allowed any more: payloads that have it are refused", describe(old))
		return
	case at.pointer == "" && (isAnything(old) || isAnything(current)):
		// It is worth more words than that all of it is there, or not.
		if isAnything(old) {
			old = openAt(old)
		} else {
			current = openAt(current)
		}
	case isAnything(old):
		e.keyword, e.dir = first(current), tightens
		c.add(at, e, "nothing was said about it, is %s now: payloads in which it is something else are refused", describe(current))
		return
	case isAnything(current):
		e.keyword, e.dir, e.additive = first(old), loosens, false
		c.add(at, e, "was %s, nothing is said about it any more: consumers must expect anything", describe(old))
		return
	}
	c.values(at, old, current)
	c.numbers(at, old, current)
	c.strings(at, old, current)
	c.objects(at, old, current)
	c.arrays(at, old, current)
	c.choices(at, old, current)
	c.unevaluated(at, old, current)
}

// limit compares a number that bounds something; absent is what none means.
func (c *comparer) limit(at place, keyword, what string, old, current *jsonschema.Schema, was, is, absent int, upper bool) {
	if was < 0 {
		was = absent
	}
	if is < 0 {
		is = absent
	}
	if was == is {
		return
	}
	dir := loosens
	if is > was != upper {
		dir = tightens
	}
	say := func(n int) string {
		if n == absent {
			return "no limit"
		}
		return fmt.Sprint(n)
	}
	c.add(at, effect{keyword: keyword, old: known(old), new: known(current), dir: dir}, "the %s was %s, is %s: %s", what, say(was), say(is), consequence(dir))
}

func consequence(dir direction) string {
	switch dir {
	case tightens:
		return "payloads that were accepted are refused"
	case loosens:
		return "consumers must expect what was refused before"
	case both:
	}
	return "payloads that were accepted are refused, and consumers must expect what was refused before"
}

// bound is a limit of numbers.
type bound struct {
	at        *big.Rat // nil: none
	exclusive bool
}

// stronger returns the stronger of an inclusive and an exclusive bound.
func stronger(inclusive, exclusive *big.Rat, sign int) bound {
	if exclusive != nil && (inclusive == nil || sign*exclusive.Cmp(inclusive) >= 0) {
		return bound{exclusive, true}
	}
	return bound{inclusive, false}
}

func (b bound) String() string {
	if b.at == nil {
		return "no limit"
	}
	text := b.at.RatString()
	if !b.at.IsInt() {
		text = strings.TrimRight(b.at.FloatString(6), "0")
	}
	if b.exclusive {
		return text + " (exclusive)"
	}
	return text
}

func (c *comparer) numbers(at place, old, current *jsonschema.Schema) {
	for _, l := range []struct {
		keyword string
		was, is bound
		sign    int
	}{
		{"minimum", stronger(old.Minimum, old.ExclusiveMinimum, 1), stronger(current.Minimum, current.ExclusiveMinimum, 1), 1},
		{"maximum", stronger(old.Maximum, old.ExclusiveMaximum, -1), stronger(current.Maximum, current.ExclusiveMaximum, -1), -1},
	} {
		var order int // above zero: the new one is stronger
		switch was, is := l.was, l.is; {
		case was.at == nil && is.at == nil:
			continue
		case was.at == nil:
			order = 1
		case is.at == nil:
			order = -1
		default:
			if order = l.sign * is.at.Cmp(was.at); order == 0 && is.exclusive != was.exclusive {
				order = -1
				if is.exclusive {
					order = 1
				}
			}
		}
		if order == 0 {
			continue
		}
		dir := loosens
		if order > 0 {
			dir = tightens
		}
		c.add(at, effect{keyword: l.keyword, old: known(old), new: known(current), dir: dir}, "the %s was %s, is %s: %s", l.keyword, l.was, l.is, consequence(dir))
	}
	c.multiples(at, old, current)
}

func (c *comparer) multiples(at place, old, current *jsonschema.Schema) {
	was, is := old.MultipleOf, current.MultipleOf
	dir := both
	switch {
	case was == nil && is == nil || was != nil && is != nil && was.Cmp(is) == 0:
		return
	case was == nil:
		dir = tightens
	case is == nil:
		dir = loosens
	case new(big.Rat).Quo(is, was).IsInt():
		dir = tightens
	case new(big.Rat).Quo(was, is).IsInt():
		dir = loosens
	}
	say := func(r *big.Rat) string {
		if r == nil {
			return "of nothing"
		}
		return "of " + bound{at: r}.String()
	}
	c.add(at, effect{keyword: "multipleOf", old: known(old), new: known(current), dir: dir}, "it was a multiple %s, is one %s: %s", say(was), say(is), consequence(dir))
}

// wider are formats with one of which each text of the other is in.
var wider = map[string][]string{
	"uri": {"iri"}, "iri": {"uri"}, "uri-reference": {"iri-reference"}, "iri-reference": {"uri-reference"},
}

func (c *comparer) strings(at place, old, current *jsonschema.Schema) {
	c.limit(at, "minLength", "least length", old, current, old.MinLength, current.MinLength, 0, false)
	c.limit(at, "maxLength", "greatest length", old, current, old.MaxLength, current.MaxLength, most, true)
	e := effect{old: known(old), new: known(current)}
	if was, is := patternOf(old.Pattern), patternOf(current.Pattern); was != is {
		e.keyword = "pattern"
		switch {
		case was == "":
			e.dir = tightens
			c.add(at, e, "it must match %q now: payloads in which it does not are refused", is)
		case is == "":
			e.dir = loosens
			c.add(at, e, "it need not match %q any more: consumers must expect what does not", was)
		default:
			e.dir, e.unjudged = both, true
			c.add(at, e, "the pattern was %q, is %q", was, is)
		}
		e.unjudged = false
	}
	if was, is := assertedFormat(old), assertedFormat(current); was != is {
		e.keyword = "format"
		switch {
		case was == "" || slices.Contains(wider[is], was):
			e.dir = tightens
			c.add(at, e, "it must be in the format %s now: payloads in which it is not are refused", is)
		case is == "" || slices.Contains(wider[was], is):
			e.dir = loosens
			c.add(at, e, "it need not be in the format %s any more: consumers must expect what is not", was)
		default:
			e.dir = both
			c.add(at, e, "the format was %s, is %s: %s", was, is, consequence(both))
		}
	}
	c.content(at, old, current)
}

// content compares what is asserted in draft 7 alone.
func (c *comparer) content(at place, old, current *jsonschema.Schema) {
	was, is := contentOf(old), contentOf(current)
	e := effect{keyword: "contentMediaType", old: known(old), new: known(current), dir: both}
	switch {
	case was == is:
		return
	case was == "":
		e.dir = tightens
	case is == "":
		e.dir = loosens
	default:
		e.unjudged = true
	}
	c.add(at, e, "the content was %q, is %q: %s", was, is, consequence(e.dir))
}

func contentOf(s *jsonschema.Schema) string {
	if s.Draft != jsonschema.Draft7 || s.ContentEncoding+s.ContentMediaType == "" {
		return ""
	}
	return s.ContentEncoding + " " + s.ContentMediaType
}

func patternOf(p *regexp.Regexp) string {
	if p == nil {
		return ""
	}
	return p.String()
}

// assertedFormat returns the format, if it is one that is asserted.
func assertedFormat(s *jsonschema.Schema) string {
	if _, ok := jsonschema.Formats[s.Format]; ok {
		return s.Format
	}
	return ""
}
