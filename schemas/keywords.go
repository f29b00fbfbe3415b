package schemas

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// objectRules are the keywords about objects.
type objectRules struct {
	min, max   int // -1 if there is none
	required   []string
	properties []property // by name
	names      *node
	regexNames bool // draft 4's own schema has this
	patterns   []patternProperty
	others     *node // additionalProperties
	closed     bool  // the same, with false
	all        bool  // it is there, and so each member counts as looked at
}

type property struct {
	name string
	node *node
}

type patternProperty struct {
	pattern

	node *node
}

// pattern is a regular expression with the size of its program, which is what its
// time for a byte is in proportion to.
type pattern struct {
	*regexp.Regexp

	size int
}

func (e *evaluator) matches(p *pattern, text string) bool {
	return e.spend(1+p.size*len(text)/16) && p.MatchString(text)
}

func (e *evaluator) object(n *node, object map[string]any, own *marks) bool {
	r, ok := n.object, true
	if r.min >= 0 && len(object) < r.min {
		ok = e.wrong(n, "minProperties")
	}
	if r.max >= 0 && len(object) > r.max {
		ok = e.wrong(n, "maxProperties")
	}
	if !complete(object, r.required) {
		ok = e.lacking(n, object, r.required, "required")
	}
	if !ok && !e.report || !e.spend(len(r.required)+len(r.properties)) {
		return false
	}
	known := 0
	for i := range r.properties {
		p := &r.properties[i]
		v, there := object[p.name]
		if !there {
			continue
		}
		known++
		e.markName(own, p.name)
		if !e.member(p.node, v, p.name) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	if r.names != nil || r.regexNames || r.patterns != nil || known < len(object) && (r.others != nil || r.closed) {
		if !e.everyMember(n, object, own) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	if own != nil && r.all {
		own.all = true
	}
	return ok
}

func complete(object map[string]any, required []string) bool {
	for _, name := range required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

// everyMember is the keywords for which all members have to be looked at.
func (e *evaluator) everyMember(n *node, object map[string]any, own *marks) bool {
	r, ok, strangers := n.object, true, 0
	visit := func(name string, v any) {
		if !e.spend(1) {
			return
		}
		if r.names != nil {
			ok = e.member(r.names, name, name) && ok
		}
		if r.regexNames && (!e.spend(len(name)) || !isRegex(name)) {
			ok = e.wrong(n, "regexProperties")
		}
		_, known := slices.BinarySearchFunc(r.properties, name, func(p property, name string) int { return strings.Compare(p.name, name) })
		stranger := !known
		for i := range r.patterns {
			if p := &r.patterns[i]; e.matches(&p.pattern, name) {
				stranger = false
				e.markName(own, name)
				ok = e.member(p.node, v, name) && ok
			}
		}
		switch {
		case !stranger:
		case r.closed:
			strangers++
		case r.others != nil:
			ok = e.member(r.others, v, name) && ok
		}
	}
	if e.second {
		for name, v := range e.members(object) {
			visit(name, v)
		}
	} else {
		for name, v := range object {
			visit(name, v)
		}
	}
	if strangers > 0 {
		ok = e.wrong(n, "additionalProperties")
	}
	return ok
}

// arrayRules are the keywords about arrays.
type arrayRules struct {
	min, max      int // -1 if there is none
	unique        bool
	prefix        []*node
	others        *node // items, or additionalItems
	closed        bool  // additionalItems is false
	all           bool  // each item counts as looked at
	contains      *node
	atLeast       int
	atMost        int    // -1 if there is none
	containsMarks bool   // what contains finds counts as looked at
	containsName  string // what is wrong with too few
}

func (e *evaluator) array(n *node, items []any, own *marks) bool {
	r, ok := n.array, true
	if r.min >= 0 && len(items) < r.min {
		ok = e.wrong(n, "minItems")
	}
	if r.max >= 0 && len(items) > r.max {
		ok = e.wrong(n, "maxItems")
	}
	if !ok && !e.report {
		return false
	}
	if r.closed && len(items) > len(r.prefix) {
		if ok = e.wrong(n, "additionalItems"); !e.report {
			return false
		}
	}
	for i, item := range items {
		rule := r.others
		if i < len(r.prefix) {
			rule = r.prefix[i]
		}
		if rule == nil || e.stop != nil {
			break
		}
		if !e.child(rule, item, step{"", i}) {
			if ok = false; !e.report {
				return false
			}
		}
	}
	if r.unique && !e.distinct(items) {
		if ok = e.wrong(n, "uniqueItems"); !e.report {
			return false
		}
	}
	if own != nil {
		own.all = own.all || r.all
		own.upto = max(own.upto, min(len(r.prefix), len(items)))
	}
	if r.contains != nil && !e.contains(n, items, own) {
		ok = false
	}
	return ok
}

func (e *evaluator) contains(n *node, items []any, own *marks) bool {
	r, found := n.array, 0
	report := e.report
	e.report = false // an item need not fit
	for i, item := range items {
		if e.child(r.contains, item, step{"", i}) {
			found++
			if r.containsMarks {
				e.markItem(own, i)
			}
		}
		if e.stop != nil || r.atMost < 0 && found >= r.atLeast && (own == nil || !r.containsMarks) || r.atMost >= 0 && found > r.atMost {
			break
		}
	}
	e.report = report
	switch {
	case found < r.atLeast:
		return e.wrong(n, r.containsName)
	case r.atMost >= 0 && found > r.atMost:
		return e.wrong(n, "maxContains")
	}
	return true
}

// textRules are the keywords about strings.
type textRules struct {
	min, max int // characters; -1 if there is none
	pattern  *pattern
	decode   func(string) ([]byte, error)
	json     bool // contentMediaType is application/json
}

func (e *evaluator) text(n *node, s string) bool {
	r, ok := n.text, true
	if r.min > 0 || r.max >= 0 {
		length := len(s)
		if r.max >= 0 && length > r.max || length < utf8.UTFMax*r.min {
			e.spend(len(s) / unit)
			length = utf8.RuneCountInString(s)
		}
		if length < r.min {
			ok = e.wrong(n, "minLength")
		}
		if r.max >= 0 && length > r.max {
			ok = e.wrong(n, "maxLength")
		}
	}
	if (ok || e.report) && r.pattern != nil && !e.matches(r.pattern, s) {
		ok = e.wrong(n, "pattern")
	}
	if (ok || e.report) && (r.decode != nil || r.json) {
		ok = e.content(n, s) && ok
	}
	return ok
}

func (e *evaluator) content(n *node, s string) bool {
	if !e.spend(len(s) / 8) {
		return false
	}
	content := []byte(s)
	if n.text.decode != nil {
		var err error
		if content, err = n.text.decode(s); err != nil {
			return e.wrong(n, "contentEncoding")
		}
	}
	if n.text.json && !json.Valid(content) {
		return e.wrong(n, "contentMediaType")
	}
	return true
}

// numberRules are the keywords about numbers.
type numberRules struct {
	limits   []limit
	multiple *decimal
}

// limit is a bound of numbers: sign is that of a difference that is beyond it.
type limit struct {
	constantNumber

	keyword   string
	sign      int
	exclusive bool
}

func (e *evaluator) number(n *node, text string) bool {
	ok := true
	for i := range n.number.limits {
		l := &n.number.limits[i]
		e.spend(len(text) / 16)
		difference, valid := l.compareTo(text)
		if !valid {
			e.refuse("number")
			return false
		}
		if difference == l.sign || l.exclusive && difference == 0 {
			ok = e.wrong(n, l.keyword)
		}
	}
	if n.number.multiple != nil {
		d, valid := parseDecimal(text)
		if !valid || d.len() > maxNumber {
			e.refuse("number")
			return false
		}
		e.spend(d.len() * n.number.multiple.len() / unit)
		if !d.multipleOf(*n.number.multiple) {
			ok = e.wrong(n, "multipleOf")
		}
	}
	return ok
}
