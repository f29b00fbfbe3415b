package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// choices compares the keywords that combine schemas.
func (c *comparer) choices(at place, old, current *jsonschema.Schema) {
	c.all(at, conjunction(old), conjunction(current))
	c.any(at, "anyOf", old, current, old.AnyOf, current.AnyOf)
	c.one(at, old, current)
	c.condition(at, old, current)
	switch {
	case old.Not == nil && current.Not != nil:
		c.add(at, effect{keyword: "not", old: known(old), new: current.Not, dir: tightens}, "it must not be %s now: payloads in which it is are refused", describe(current.Not))
	case old.Not != nil && current.Not == nil:
		c.add(at, effect{keyword: "not", old: old.Not, new: known(current), dir: loosens}, "it may be %s now: consumers must expect that", describe(old.Not))
	case old.Not != nil:
		at.polarity = at.not()
		c.schema(at, old.Not, current.Not)
	}
}

// conjunction returns the schemas that all have to fit.
func conjunction(s *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Clone(s.AllOf)
	for _, ref := range []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.DynamicRef} {
		if ref != nil {
			list = append(list, ref)
		}
	}
	return list
}

// apart returns what is left of two lists when pairs of equals are taken out.
func (c *comparer) apart(old, current []*jsonschema.Schema) (was, is []*jsonschema.Schema) {
	is = slices.Clone(current)
	for _, s := range old {
		if i := slices.IndexFunc(is, func(other *jsonschema.Schema) bool { return c.same(s, other) }); i >= 0 {
			is = slices.Delete(is, i, i+1)
			continue
		}
		was = append(was, s)
	}
	return was, is
}

// all compares schemas all of which have to fit. Each that is more tightens, each
// that is fewer loosens, and any way to pair them is sound.
func (c *comparer) all(at place, old, current []*jsonschema.Schema) {
	was, is := c.apart(old, current)
	for i := range max(len(was), len(is)) {
		var a, b *jsonschema.Schema
		if i < len(was) {
			a = was[i]
		}
		if i < len(is) {
			b = is[i]
		}
		c.schema(at, a, b)
	}
}

// any compares schemas of which one has to fit.
func (c *comparer) any(at place, keyword string, old, current *jsonschema.Schema, oldList, newList []*jsonschema.Schema) {
	e := effect{keyword: keyword, old: known(old), new: known(current)}
	switch {
	case len(oldList) == 0 && len(newList) == 0:
		return
	case len(oldList) == 0:
		e.dir = tightens
		c.add(at, e, "it must be one of %d forms now: payloads in which it is none of them are refused", len(newList))
		return
	case len(newList) == 0:
		e.dir = loosens
		c.add(at, e, "it need not be one of %d forms any more: consumers must expect others", len(oldList))
		return
	}
	was, is := c.apart(oldList, newList)
	pairs, gone, added := match(was, is)
	for _, p := range pairs {
		c.schema(at, p.old, p.new)
	}
	for _, s := range gone {
		e.old, e.new, e.dir = s, known(current), tightens
		c.add(at, e, "the form %s is gone: payloads in which it has that form are refused", form(s))
	}
	for _, s := range added {
		e.old, e.new, e.dir = known(old), s, loosens
		c.add(at, e, "the form %s is new: consumers must expect it", form(s))
	}
}

// one compares schemas of which exactly one has to fit. Where no payload fits two
// of them that is the same as that any has to.
func (c *comparer) one(at place, old, current *jsonschema.Schema) {
	if len(old.OneOf) > 0 && len(current.OneOf) > 0 && (!exclusive(old.OneOf) || !exclusive(current.OneOf)) {
		was, is := c.apart(old.OneOf, current.OneOf)
		if len(was)+len(is) > 0 {
			c.add(at, effect{keyword: "oneOf", old: known(old), new: known(current), dir: both, unjudged: true},
				"exactly one of its forms has to fit, and %d of them are others now", max(len(was), len(is)))
		}
		// What it is that has changed is worth knowing all the same.
		at.polarity = mixed
		pairs, _, _ := match(was, is)
		for _, p := range pairs {
			c.schema(at, p.old, p.new)
		}
		return
	}
	c.any(at, "oneOf", old, current, old.OneOf, current.OneOf)
}

func (c *comparer) condition(at place, old, current *jsonschema.Schema) {
	e := effect{keyword: "if", old: known(old), new: known(current)}
	demands := func(s *jsonschema.Schema) bool {
		return s.If != nil && (!isAnything(s.Then) || !isAnything(s.Else))
	}
	switch {
	case !demands(old) && !demands(current):
	case !demands(old):
		e.dir = tightens
		c.add(at, e, "there is a condition now: payloads that do not meet it are refused")
	case !demands(current):
		e.dir = loosens
		c.add(at, e, "there is no condition any more: consumers must expect what did not meet it")
	case c.same(old.If, current.If):
		c.schema(at, old.Then, current.Then)
		c.schema(at, old.Else, current.Else)
	default:
		e.dir, e.unjudged = both, true
		c.add(at, e, "the condition")
	}
}

// facts are what a payload has to be to fit a schema, as far as can be seen.
type facts struct {
	types    []string // nil: any
	required map[string]bool
	pins     map[string][]map[string]any // permitted values of members
}

// maxFollow bounds how far references are followed.
const maxFollow = 8

func factsOf(s *jsonschema.Schema) facts {
	f := facts{types: allTypes, required: map[string]bool{}, pins: map[string][]map[string]any{}}
	f.add(s, 0)
	return f
}

func (f *facts) add(s *jsonschema.Schema, depth int) {
	if s == nil || depth == maxFollow || s.Always != nil {
		return
	}
	types := typesOf(s)
	if values := permitted(s); values != nil {
		types = nil
		for _, v := range values {
			types = append(types, typeOf(v))
		}
	}
	var left []string
	for _, t := range f.types {
		switch {
		case covers(types, t):
			left = append(left, t)
		case t == "number" && slices.Contains(types, "integer"):
			left = append(left, "integer")
		}
	}
	f.types = left
	for _, name := range s.Required {
		f.required[name] = true
	}
	for name, member := range s.Properties {
		f.pin(name, member, 0)
	}
	for _, part := range conjunction(s) {
		f.add(part, depth+1)
	}
}

func (f *facts) pin(name string, s *jsonschema.Schema, depth int) {
	if s == nil || depth == maxFollow || s.Always != nil {
		return
	}
	if values := permitted(s); values != nil {
		f.pins[name] = append(f.pins[name], values)
	}
	for _, part := range conjunction(s) {
		f.pin(name, part, depth+1)
	}
}

// excludes reports whether nothing fits both.
func (f *facts) excludes(g *facts) bool {
	shared := false
	objects := true
	for _, t := range f.types {
		if covers(g.types, t) || t == "number" && slices.Contains(g.types, "integer") {
			shared = true
			objects = objects && t == "object"
		}
	}
	if !shared {
		return true
	}
	if !objects {
		return false
	}
	for name, values := range f.pins {
		if !f.required[name] && !g.required[name] {
			continue
		}
		for _, mine := range values {
			for _, others := range g.pins[name] {
				if len(without(mine, others)) == len(mine) {
					return true
				}
			}
		}
	}
	return false
}

// exclusive reports whether no payload fits two of the schemas.
func exclusive(list []*jsonschema.Schema) bool {
	all := make([]facts, len(list))
	for i, s := range list {
		all[i] = factsOf(s)
		for j := range i {
			if !all[i].excludes(&all[j]) {
				return false
			}
		}
	}
	return true
}

// match pairs the forms of two versions: by what pins them, and by their types where
// that is clear. Any way to do so is sound.
func match(old, current []*jsonschema.Schema) (pairs []pair, gone, added []*jsonschema.Schema) {
	added = slices.Clone(current)
	for _, s := range old {
		i := slices.IndexFunc(added, func(other *jsonschema.Schema) bool { return identity(s) == identity(other) })
		if i < 0 {
			gone = append(gone, s)
			continue
		}
		pairs = append(pairs, pair{s, added[i]})
		added = slices.Delete(added, i, i+1)
	}
	return pairs, gone, added
}

// identity is what a form is recognised by: its type, and members that have one
// value.
func identity(s *jsonschema.Schema) string {
	f := factsOf(s)
	parts := []string{or(f.types)}
	for _, name := range slices.Sorted(maps.Keys(f.pins)) {
		for _, values := range f.pins[name] {
			if len(values) == 1 {
				parts = append(parts, name+"="+listed(values))
			}
		}
	}
	return strings.Join(parts, " ")
}

// form says which form it is.
func form(s *jsonschema.Schema) string {
	f := factsOf(s)
	for _, name := range slices.Sorted(maps.Keys(f.pins)) {
		for _, values := range f.pins[name] {
			if len(values) == 1 {
				return "with " + name + " " + listed(values)
			}
		}
	}
	return describe(s)
}
