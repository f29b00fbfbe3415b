package schemas

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// The library tries every branch of a oneOf or anyOf and builds a tree of errors
// for each that fails, which for an event with many actions costs far more than
// the payload does. Here oneOf and anyOf are replaced, in the compiled schema, by
// a keyword of ours that means the same and does not try branches of which it is
// plain that they do not hold. It calls back into the library for the others, so
// that nested choices, unevaluated members and dynamic references are as before.

// narrower replaces oneOf and anyOf in all schemas that it comes by.
type narrower map[*jsonschema.Schema]bool

func (n narrower) visit(s *jsonschema.Schema) {
	// The metaschemas belong to the library and are shared.
	if s == nil || n[s] || isMetaschemaPart(s) {
		return
	}
	n[s] = true
	for child := range children(s) {
		n.visit(child)
	}
	s.OneOf = replace(s, "oneOf", s.OneOf)
	s.AnyOf = replace(s, "anyOf", s.AnyOf)
}

func isMetaschemaPart(s *jsonschema.Schema) bool {
	_, ok := cutHost(s.Location)
	return ok
}

func replace(s *jsonschema.Schema, keyword string, list []*jsonschema.Schema) []*jsonschema.Schema {
	if len(list) < 2 {
		return list
	}
	c := &choice{keyword: keyword}
	for i, branch := range list {
		c.branches = append(c.branches, newBranch(branch, keyword+"/"+strconv.Itoa(i)))
	}
	if s.Extensions == nil {
		s.Extensions = make(map[string]jsonschema.ExtSchema)
	}
	s.Extensions[keyword] = c
	return nil
}

// children yields the schemas inside a schema and those it refers to.
func children(s *jsonschema.Schema) func(yield func(*jsonschema.Schema) bool) {
	list := []*jsonschema.Schema{
		s.Ref, s.RecursiveRef, s.DynamicRef, s.Not, s.If, s.Then, s.Else, s.PropertyNames,
		s.UnevaluatedProperties, s.Items2020, s.Contains, s.UnevaluatedItems, s.ContentSchema,
	}
	list = slices.Concat(list, s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems)
	list = slices.AppendSeq(list, maps.Values(s.Properties))
	list = slices.AppendSeq(list, maps.Values(s.PatternProperties))
	list = slices.AppendSeq(list, maps.Values(s.DependentSchemas))
	others := []any{s.AdditionalProperties, s.Items, s.AdditionalItems}
	others = slices.AppendSeq(others, maps.Values(s.Dependencies))
	for _, other := range others {
		switch other := other.(type) {
		case *jsonschema.Schema:
			list = append(list, other)
		case []*jsonschema.Schema:
			list = append(list, other...)
		}
	}
	return slices.Values(list)
}

// choice is oneOf or anyOf.
type choice struct {
	keyword  string
	branches []branch
}

// Validate does what the library does for the keyword.
func (c *choice) Validate(ctx jsonschema.ValidationContext, v any) error {
	object, _ := v.(map[string]any)
	kind := kindOf(v)
	var causes []error
	matched, tried := -1, false
	for i := range c.branches {
		b := &c.branches[i]
		if !b.fits(kind, object) || !b.complete(object) {
			continue
		}
		tried = true
		switch err := ctx.Validate(b.schema, b.path, v, ""); {
		case err != nil:
			causes = append(causes, err)
		case matched < 0:
			matched = i
		case c.keyword == "oneOf":
			return ctx.Error(c.keyword, "valid against schemas at indexes %d and %d", matched, i)
		}
	}
	if matched >= 0 {
		return nil
	}
	if !tried { // say what is missing
		for i := range c.branches {
			if b := &c.branches[i]; b.fits(kind, object) {
				causes = append(causes, ctx.Validate(b.schema, b.path, v, ""))
			}
		}
	}
	failure := ctx.Error(c.keyword, "%s failed", c.keyword)
	if len(causes) == 0 {
		if member, ok := c.decider(object); ok {
			failure.InstanceLocation += "/" + url.PathEscape(escapePointer(member))
		}
		return failure
	}
	return failure.Group(failure, causes...)
}

// decider returns a member of the object that rules out every branch.
func (c *choice) decider(object map[string]any) (string, bool) {
	for _, p := range c.branches[0].pins {
		if !slices.ContainsFunc(c.branches, func(b branch) bool {
			return !slices.ContainsFunc(b.pins, func(q pin) bool { return q.member == p.member && !q.fits(object) })
		}) {
			return p.member, true
		}
	}
	return "", false
}

// branch is a schema with what has to be so for it to hold.
type branch struct {
	schema   *jsonschema.Schema
	path     string
	kinds    kinds
	pins     []pin    // of objects
	required []string // of objects
}

// pin says that a member, if it is there, is one of certain strings.
type pin struct {
	member string
	values map[string]bool
}

func newBranch(s *jsonschema.Schema, path string) branch {
	b := branch{schema: s, path: path, kinds: allKinds}
	b.add(s, 0)
	slices.Sort(b.required)
	b.required = slices.Compact(b.required)
	return b
}

// maxFollow bounds how far references are followed; schemas may refer to
// themselves.
const maxFollow = 8

// add adds what a schema demands, also by what it refers to and by allOf.
func (b *branch) add(s *jsonschema.Schema, depth int) {
	if s == nil || depth == maxFollow {
		return
	}
	if len(s.Types) > 0 {
		var k kinds
		for _, t := range s.Types {
			k |= kindByName[t]
		}
		b.kinds &= k
	}
	b.required = append(b.required, s.Required...)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if values := fixedStrings(s.Properties[name], 0); values != nil {
			b.pins = append(b.pins, pin{name, values})
		}
	}
	b.add(s.Ref, depth+1)
	for _, part := range s.AllOf {
		b.add(part, depth+1)
	}
}

// fixedStrings returns the strings that a schema permits, or nil if it permits
// more than certain strings, as far as can be seen.
func fixedStrings(s *jsonschema.Schema, depth int) map[string]bool {
	if s == nil || depth == maxFollow {
		return nil
	}
	for _, permitted := range [][]any{s.Constant, s.Enum} {
		if values := onlyStrings(permitted); values != nil {
			return values
		}
	}
	if values := fixedStrings(s.Ref, depth+1); values != nil {
		return values
	}
	for _, part := range s.AllOf {
		if values := fixedStrings(part, depth+1); values != nil {
			return values
		}
	}
	return nil
}

func onlyStrings(list []any) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	values := make(map[string]bool, len(list))
	for _, v := range list {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		values[text] = true
	}
	return values
}

// fits reports whether the branch may hold as far as kinds and pins go.
func (b *branch) fits(kind kinds, object map[string]any) bool {
	if b.kinds&kind == 0 {
		return false
	}
	for i := range b.pins {
		if !b.pins[i].fits(object) {
			return false
		}
	}
	return true
}

func (p *pin) fits(object map[string]any) bool {
	v, ok := object[p.member]
	if !ok {
		return true
	}
	text, ok := v.(string)
	return ok && p.values[text]
}

// complete reports whether an object has all members that the branch requires.
func (b *branch) complete(object map[string]any) bool {
	if object == nil {
		return true
	}
	for _, name := range b.required {
		if _, ok := object[name]; !ok {
			return false
		}
	}
	return true
}

// kinds are types of JSON, as bits. An integer is a number.
type kinds uint8

const (
	kindNull kinds = 1 << iota
	kindBoolean
	kindNumber
	kindString
	kindArray
	kindObject
	allKinds = 1<<iota - 1
)

var kindByName = map[string]kinds{
	"null": kindNull, "boolean": kindBoolean, "number": kindNumber, "integer": kindNumber,
	"string": kindString, "array": kindArray, "object": kindObject,
}

// kindOf returns the kind of a value, or all of them for what encoding/json does
// not make, so that the library decides.
func kindOf(v any) kinds {
	switch v.(type) {
	case nil:
		return kindNull
	case bool:
		return kindBoolean
	case json.Number:
		return kindNumber
	case string:
		return kindString
	case []any:
		return kindArray
	case map[string]any:
		return kindObject
	}
	return allKinds
}
