package diff

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// most is what no upper limit means.
const most = math.MaxInt

// objects compares the keywords about objects.
func (c *comparer) objects(at place, old, current *jsonschema.Schema) {
	c.required(at, old, current)
	c.members(at, old, current)
	c.limit(at, "minProperties", "least number of members", old, current, old.MinProperties, current.MinProperties, 0, false)
	c.limit(at, "maxProperties", "greatest number of members", old, current, old.MaxProperties, current.MaxProperties, most, true)
	c.schema(at.at("*(name)"), old.PropertyNames, current.PropertyNames)
	if old.RegexProperties != current.RegexProperties {
		c.add(at, effect{keyword: "regexProperties", old: known(old), new: known(current), dir: both, unjudged: true}, "what names must be")
	}
	c.dependents(at, old, current)
}

func (c *comparer) required(at place, old, current *jsonschema.Schema) {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(current.Required))) {
		if !slices.Contains(old.Required, name) {
			c.add(at.member(name), effect{keyword: "required", old: known(old), new: known(current), dir: tightens},
				"is required now: payloads without it are refused")
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(old.Required))) {
		if !slices.Contains(current.Required, name) {
			c.add(at.member(name), effect{keyword: "required", old: known(old), new: known(current), dir: loosens},
				"is not required any more: consumers must expect it to be missing")
		}
	}
}

// additional returns the schema of members that nothing else is for.
func additional(s *jsonschema.Schema) *jsonschema.Schema {
	switch a := s.AdditionalProperties.(type) {
	case bool:
		if !a {
			return nothing
		}
	case *jsonschema.Schema:
		return a
	}
	return nil
}

// patterns returns the schemas of patternProperties by pattern.
func patterns(s *jsonschema.Schema) map[string]*jsonschema.Schema {
	m := make(map[string]*jsonschema.Schema, len(s.PatternProperties))
	for p, of := range s.PatternProperties {
		m[p.String()] = of
	}
	return m
}

// of returns the schemas that are for a member.
func of(s *jsonschema.Schema, name string) (list []*jsonschema.Schema) {
	if p := s.Properties[name]; p != nil {
		list = append(list, p)
	}
	byText := patterns(s)
	for _, text := range slices.Sorted(maps.Keys(byText)) {
		if matched, err := regexp.MatchString(text, name); err == nil && matched {
			list = append(list, byText[text])
		}
	}
	if len(list) == 0 {
		if a := additional(s); a != nil {
			list = append(list, a)
		}
	}
	return list
}

// members compares properties, patternProperties and additionalProperties, which
// together say what each member is for.
func (c *comparer) members(at place, old, current *jsonschema.Schema) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(old.Properties)), maps.Keys(current.Properties))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		was := of(old, name)
		below := at.member(name)
		below.fresh = len(was) == 0 || len(was) == 1 && isNothing(was[0])
		c.all(below, was, of(current, name))
	}
	was, is := patterns(old), patterns(current)
	var gone, added []string
	common := false
	for _, text := range slices.Sorted(maps.Keys(was)) {
		if is[text] == nil {
			gone = append(gone, text)
			continue
		}
		common = true
		c.schema(at.at("{"+text+"}"), was[text], is[text])
	}
	for _, text := range slices.Sorted(maps.Keys(is)) {
		if was[text] == nil {
			added = append(added, text)
		}
	}
	if len(gone) > 0 && len(added) > 0 || len(gone)+len(added) > 1 || common && len(gone)+len(added) > 0 {
		// Names may fit several of them.
		c.add(at, effect{keyword: "patternProperties", old: known(old), new: known(current), dir: both, unjudged: true},
			"the patterns of names were %s, are %s", quoted(was), quoted(is))
	} else {
		for _, text := range gone {
			c.schema(at.at("{"+text+"}"), was[text], additional(current))
		}
		for _, text := range added {
			c.schema(at.at("{"+text+"}"), additional(old), is[text])
		}
	}
	c.others(at, old, current)
}

// others compares what members may be that nothing is said about.
func (c *comparer) others(at place, old, current *jsonschema.Schema) {
	was, is := additional(old), additional(current)
	e := effect{keyword: "additionalProperties", old: known(old), new: known(current)}
	switch {
	case isNothing(was) && !isNothing(is):
		e.dir, e.additive = loosens, true
		c.add(at, e, "other members are allowed now: consumers must expect some that they do not know")
	case !isNothing(was) && isNothing(is):
		e.dir = tightens
		c.add(at, e, "other members are not allowed any more: payloads with one are refused")
	default:
		c.schema(at.at("*"), was, is)
	}
}

func quoted(m map[string]*jsonschema.Schema) string {
	var list []string
	for _, text := range slices.Sorted(maps.Keys(m)) {
		list = append(list, strconv.Quote(text))
	}
	if len(list) == 0 {
		return "none"
	}
	return or(list)
}

// dependents compares what one member demands of others.
func (c *comparer) dependents(at place, old, current *jsonschema.Schema) {
	wasNames, wasSchemas := dependents(old)
	isNames, isSchemas := dependents(current)
	for _, trigger := range union(wasNames, isNames) {
		for _, name := range slices.Sorted(maps.Keys(isNames[trigger])) {
			if !wasNames[trigger][name] {
				c.add(at.member(name), effect{keyword: "dependentRequired", old: known(old), new: known(current), dir: tightens},
					"is required with %q now: payloads without it are refused", trigger)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(wasNames[trigger])) {
			if !isNames[trigger][name] {
				c.add(at.member(name), effect{keyword: "dependentRequired", old: known(old), new: known(current), dir: loosens},
					"is not required with %q any more: consumers must expect it to be missing", trigger)
			}
		}
	}
	for _, trigger := range union(wasSchemas, isSchemas) {
		c.all(at, wasSchemas[trigger], isSchemas[trigger])
	}
}

// dependents returns which names and which schemas members demand.
func dependents(s *jsonschema.Schema) (names map[string]map[string]bool, of map[string][]*jsonschema.Schema) {
	names, of = map[string]map[string]bool{}, map[string][]*jsonschema.Schema{}
	demand := func(trigger string, list []string) {
		if names[trigger] == nil {
			names[trigger] = map[string]bool{}
		}
		for _, name := range list {
			names[trigger][name] = true
		}
	}
	for trigger, v := range s.Dependencies {
		switch v := v.(type) {
		case []string:
			demand(trigger, v)
		case *jsonschema.Schema:
			of[trigger] = append(of[trigger], v)
		}
	}
	for trigger, list := range s.DependentRequired {
		demand(trigger, list)
	}
	for trigger, v := range s.DependentSchemas {
		of[trigger] = append(of[trigger], v)
	}
	return names, of
}

func union[V any](a, b map[string]V) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b)))))
}

// arrays compares the keywords about arrays.
func (c *comparer) arrays(at place, old, current *jsonschema.Schema) {
	was, wasRest := items(old)
	is, isRest := items(current)
	item := func(list []*jsonschema.Schema, rest *jsonschema.Schema, i int) *jsonschema.Schema {
		if i < len(list) {
			return list[i]
		}
		return rest
	}
	for i := range max(len(was), len(is)) {
		c.schema(at.at(strconv.Itoa(i)), item(was, wasRest, i), item(is, isRest, i))
	}
	c.schema(at.at("*"), wasRest, isRest)
	c.limit(at, "minItems", "least number of items", old, current, old.MinItems, current.MinItems, 0, false)
	c.limit(at, "maxItems", "greatest number of items", old, current, old.MaxItems, current.MaxItems, most, true)
	if old.UniqueItems != current.UniqueItems {
		if current.UniqueItems {
			c.add(at, effect{keyword: "uniqueItems", old: known(old), new: known(current), dir: tightens}, "no two items may be equal now: payloads with such are refused")
		} else {
			c.add(at, effect{keyword: "uniqueItems", old: known(old), new: known(current), dir: loosens}, "items may be equal now: consumers must expect such")
		}
	}
	c.contains(at, old, current)
}

// items returns the schemas of the first items, and that of the others.
func items(s *jsonschema.Schema) (list []*jsonschema.Schema, rest *jsonschema.Schema) {
	switch of := s.Items.(type) {
	case *jsonschema.Schema:
		return nil, of
	case []*jsonschema.Schema:
		switch a := s.AdditionalItems.(type) {
		case bool:
			if !a {
				rest = nothing
			}
		case *jsonschema.Schema:
			rest = a
		}
		return of, rest
	}
	return s.PrefixItems, s.Items2020
}

// demands reports whether contains and what belongs to it demand anything.
func demands(s *jsonschema.Schema) bool {
	return s.Contains != nil && (s.MinContains > 0 || s.MaxContains >= 0)
}

func (c *comparer) contains(at place, old, current *jsonschema.Schema) {
	e := effect{keyword: "contains", old: known(old), new: known(current)}
	switch {
	case !demands(old) && !demands(current):
	case !demands(old):
		e.dir = tightens
		c.add(at, e, "a number of items must be %s now: payloads in which they are not are refused", describe(current.Contains))
	case !demands(current):
		e.dir = loosens
		c.add(at, e, "no items need be %s any more: consumers must expect there to be none, or more", describe(old.Contains))
	default:
		c.limit(at, "minContains", "least number of items that contains is for", old, current, old.MinContains, current.MinContains, 0, false)
		c.limit(at, "maxContains", "greatest number of items that contains is for", old, current, old.MaxContains, current.MaxContains, most, true)
		below := at.at("*")
		if old.MaxContains >= 0 || current.MaxContains >= 0 {
			below.polarity = mixed
		}
		c.schema(below, old.Contains, current.Contains)
	}
}
