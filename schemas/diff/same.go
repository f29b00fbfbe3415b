package diff

import (
	"maps"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// same reports whether two schemas say the same, with all that they refer to. It
// looks at keywords, and not for what they come to.
func (c *comparer) same(old, current *jsonschema.Schema) bool {
	if known, ok := c.equal[pair{old, current}]; ok {
		return known
	}
	assumed := map[pair]bool{}
	result := same(old, current, assumed, c.equal)
	if result {
		// What was assumed on the way holds as well then.
		maps.Copy(c.equal, assumed)
	}
	c.equal[pair{old, current}] = result
	return result
}

func same(a, b *jsonschema.Schema, assumed, proven map[pair]bool) bool {
	switch {
	case a == b:
		return true
	case isAnchor(a) != isAnchor(b):
		return false
	case isAnything(a) || isAnything(b):
		return isAnything(a) && isAnything(b)
	case isNothing(a) || isNothing(b):
		return isNothing(a) && isNothing(b)
	}
	p := pair{a, b}
	if known, ok := proven[p]; ok {
		return known
	}
	if assumed[p] {
		return true
	}
	assumed[p] = true
	if !sameScalars(a, b) {
		return false
	}
	below := func(a, b *jsonschema.Schema) bool { return same(a, b, assumed, proven) }
	exactly := func(a, b *jsonschema.Schema) bool { return (a == nil) == (b == nil) && below(a, b) }
	lists := func(a, b []*jsonschema.Schema) bool { return slices.EqualFunc(a, b, exactly) }
	byName := func(a, b map[string]*jsonschema.Schema) bool { return maps.EqualFunc(a, b, exactly) }
	either := func(a, b any) bool { return sameEither(a, b, lists, exactly) }
	for _, pair := range [][2]*jsonschema.Schema{
		{a.Ref, b.Ref},
		{a.RecursiveRef, b.RecursiveRef},
		{a.DynamicRef, b.DynamicRef},
		{a.Not, b.Not},
		{a.If, b.If},
		{a.Then, b.Then},
		{a.Else, b.Else},
		{a.PropertyNames, b.PropertyNames},
		{a.UnevaluatedProperties, b.UnevaluatedProperties},
		{a.Items2020, b.Items2020},
		{a.Contains, b.Contains},
		{a.UnevaluatedItems, b.UnevaluatedItems},
	} {
		if !exactly(pair[0], pair[1]) {
			return false
		}
	}
	return lists(a.AllOf, b.AllOf) && lists(a.AnyOf, b.AnyOf) && lists(a.OneOf, b.OneOf) && lists(a.PrefixItems, b.PrefixItems) &&
		byName(a.Properties, b.Properties) && byName(patterns(a), patterns(b)) && byName(a.DependentSchemas, b.DependentSchemas) &&
		either(a.AdditionalProperties, b.AdditionalProperties) && either(a.Items, b.Items) && either(a.AdditionalItems, b.AdditionalItems) &&
		maps.EqualFunc(a.Dependencies, b.Dependencies, either)
}

// isAnchor reports whether dynamic references may lead to a schema.
func isAnchor(s *jsonschema.Schema) bool {
	return s != nil && (s.DynamicAnchor != "" || s.RecursiveAnchor)
}

// sameEither compares what may be a schema, a list of them, of names, or a boolean.
func sameEither(a, b any, lists func(a, b []*jsonschema.Schema) bool, exactly func(a, b *jsonschema.Schema) bool) bool {
	switch a := a.(type) {
	case *jsonschema.Schema:
		b, ok := b.(*jsonschema.Schema)
		return ok && exactly(a, b)
	case []*jsonschema.Schema:
		b, ok := b.([]*jsonschema.Schema)
		return ok && lists(a, b)
	case []string:
		b, ok := b.([]string)
		return ok && sameNames(a, b)
	}
	switch b.(type) {
	case *jsonschema.Schema, []*jsonschema.Schema, []string:
		return false
	}
	return a == b // booleans, or nothing
}

func sameScalars(a, b *jsonschema.Schema) bool {
	if !slices.Equal(typesOf(a), typesOf(b)) || !sameValues(a, b) {
		return false
	}
	for _, pair := range [][2]*big.Rat{
		{a.Minimum, b.Minimum},
		{a.ExclusiveMinimum, b.ExclusiveMinimum},
		{a.Maximum, b.Maximum},
		{a.ExclusiveMaximum, b.ExclusiveMaximum},
		{a.MultipleOf, b.MultipleOf},
	} {
		if (pair[0] == nil) != (pair[1] == nil) || pair[0] != nil && pair[0].Cmp(pair[1]) != 0 {
			return false
		}
	}
	for _, pair := range [][2]int{
		{a.MinProperties, b.MinProperties},
		{a.MaxProperties, b.MaxProperties},
		{a.MinItems, b.MinItems},
		{a.MaxItems, b.MaxItems},
		{a.MinLength, b.MinLength},
		{a.MaxLength, b.MaxLength},
		{a.MinContains, b.MinContains},
		{a.MaxContains, b.MaxContains},
	} {
		if pair[0] != pair[1] {
			return false
		}
	}
	return assertedFormat(a) == assertedFormat(b) && patternOf(a.Pattern) == patternOf(b.Pattern) && contentOf(a) == contentOf(b) &&
		a.UniqueItems == b.UniqueItems && a.ContainsEval == b.ContainsEval && a.RegexProperties == b.RegexProperties &&
		a.RecursiveAnchor == b.RecursiveAnchor && a.DynamicAnchor == b.DynamicAnchor &&
		sameNames(a.Required, b.Required) && maps.EqualFunc(a.DependentRequired, b.DependentRequired, sameNames)
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(slices.Values(a))), slices.Compact(slices.Sorted(slices.Values(b))))
}

func sameValues(a, b *jsonschema.Schema) bool {
	was, is := permitted(a), permitted(b)
	return (was == nil) == (is == nil) && len(was) == len(is) && len(without(was, is)) == 0
}

// unevaluated compares the keywords that are for what nothing else has looked at,
// which is decided by all the others.
func (c *comparer) unevaluated(at place, old, current *jsonschema.Schema) {
	for _, u := range []struct {
		keyword string
		was, is *jsonschema.Schema
	}{
		{"unevaluatedProperties", old.UnevaluatedProperties, current.UnevaluatedProperties},
		{"unevaluatedItems", old.UnevaluatedItems, current.UnevaluatedItems},
	} {
		switch {
		case isAnything(u.was) && isAnything(u.is):
		case c.sameLook(old, current, 0):
			c.schema(at.at("*"), u.was, u.is)
		default:
			c.add(at, effect{keyword: u.keyword, old: known(old), new: known(current), dir: both, unjudged: true},
				"what is looked at, so that %s is for the others", u.keyword)
		}
	}
}

// sameLook reports whether it is certain that two schemas look at the same members
// and items of any payload that fits both.
func (c *comparer) sameLook(old, current *jsonschema.Schema, depth int) bool {
	if c.same(old, current) {
		return true
	}
	if depth == maxFollow || old == nil || current == nil || old.Always != nil || current.Always != nil {
		return false
	}
	was, wasRest := items(old)
	is, isRest := items(current)
	if !slices.Equal(slices.Sorted(maps.Keys(old.Properties)), slices.Sorted(maps.Keys(current.Properties))) ||
		!slices.Equal(slices.Sorted(maps.Keys(patterns(old))), slices.Sorted(maps.Keys(patterns(current)))) ||
		(old.AdditionalProperties == nil) != (current.AdditionalProperties == nil) ||
		len(was) != len(is) || (wasRest == nil) != (isRest == nil) ||
		old.ContainsEval != current.ContainsEval || !c.same(old.Contains, current.Contains) || (old.Contains == nil) != (current.Contains == nil) ||
		!c.same(old.If, current.If) || !c.same(old.Then, current.Then) || !c.same(old.Else, current.Else) ||
		(old.AdditionalItems == nil) != (current.AdditionalItems == nil) ||
		depth > 0 && ((old.UnevaluatedProperties == nil) != (current.UnevaluatedProperties == nil) || (old.UnevaluatedItems == nil) != (current.UnevaluatedItems == nil)) {
		return false
	}
	_, wasDependent := dependents(old)
	_, isDependent := dependents(current)
	if len(wasDependent)+len(isDependent) > 0 {
		return false
	}
	for _, pair := range [][2][]*jsonschema.Schema{{old.AnyOf, current.AnyOf}, {old.OneOf, current.OneOf}} {
		if !slices.EqualFunc(pair[0], pair[1], c.same) {
			return false
		}
	}
	return slices.EqualFunc(conjunction(old), conjunction(current), func(a, b *jsonschema.Schema) bool { return c.sameLook(a, b, depth+1) })
}

// isDynamic reports whether anything that a schema refers to depends on who refers
// to it.
func isDynamic(root *jsonschema.Schema) bool {
	seen := map[*jsonschema.Schema]bool{}
	var visit func(s *jsonschema.Schema) bool
	visit = func(s *jsonschema.Schema) bool {
		if s == nil || seen[s] {
			return false
		}
		seen[s] = true
		if s.DynamicRef != nil || s.RecursiveRef != nil {
			return true
		}
		return slices.ContainsFunc(children(s), visit)
	}
	return visit(root)
}

// children returns the schemas in a schema, and those that it refers to.
func children(s *jsonschema.Schema) []*jsonschema.Schema {
	list := slices.Concat([]*jsonschema.Schema{
		s.Ref, s.Not, s.If, s.Then, s.Else, s.PropertyNames, s.UnevaluatedProperties, s.Items2020, s.Contains, s.UnevaluatedItems,
	}, s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems)
	list = slices.AppendSeq(list, maps.Values(s.Properties))
	list = slices.AppendSeq(list, maps.Values(s.PatternProperties))
	list = slices.AppendSeq(list, maps.Values(s.DependentSchemas))
	for _, v := range slices.AppendSeq([]any{s.AdditionalProperties, s.Items, s.AdditionalItems}, maps.Values(s.Dependencies)) {
		switch v := v.(type) {
		case *jsonschema.Schema:
			list = append(list, v)
		case []*jsonschema.Schema:
			list = append(list, v...)
		}
	}
	return list
}
