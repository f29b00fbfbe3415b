package schemas

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// plan is the order in which a schema is looked at. The library tries every
// branch of a oneOf and builds a tree of errors for each that fails; where the
// branches pin one member to different strings, at most the branch with the
// payload's own string can hold, and only that one is tried.
type plan struct {
	whole *jsonschema.Schema // everything, for payloads that the rest does not fit
	rest  *jsonschema.Schema // without the oneOf; nil if that is all there is
	// member is the member that decides, and branches are by its value. Nil
	// branches mean that nothing is decided beforehand.
	member   string
	branches map[string]*plan
}

// minBranches is from how many branches on the choice is worth it.
const minBranches = 2

// newPlan returns the plan for a schema. With dynamic references what a branch
// means depends on how it was reached, and nothing is decided beforehand.
func newPlan(s *jsonschema.Schema, dynamic bool) *plan {
	if dynamic {
		return &plan{whole: s}
	}
	return planFor(s, 0)
}

// maxPlan bounds how deep oneOfs are followed; a schema may refer to itself.
const maxPlan = 8

func planFor(s *jsonschema.Schema, depth int) *plan {
	p := &plan{whole: s}
	target := s
	for range maxPlan {
		if !onlyRef(target) {
			break
		}
		target = target.Ref
	}
	if depth == maxPlan || len(target.OneOf) < minBranches || target.Ref != nil ||
		target.UnevaluatedProperties != nil || target.UnevaluatedItems != nil {
		return p
	}
	for member := range pins(target.OneOf[0], 0) {
		if branches := branchesBy(target.OneOf, member, depth); branches != nil {
			p.member, p.branches = member, branches
			rest := *target
			rest.OneOf = nil
			p.rest = &rest
			return p
		}
	}
	return p
}

// onlyRef reports whether a schema is nothing but a reference.
func onlyRef(s *jsonschema.Schema) bool {
	if s.Ref == nil {
		return false
	}
	bare := len(s.Types) == 0 && len(s.Constant) == 0 && len(s.Enum) == 0 && s.Not == nil &&
		len(s.AllOf) == 0 && len(s.AnyOf) == 0 && len(s.OneOf) == 0 && s.If == nil &&
		s.MinProperties < 0 && s.MaxProperties < 0 && len(s.Required) == 0 && len(s.Properties) == 0 &&
		s.PropertyNames == nil && len(s.PatternProperties) == 0 && s.AdditionalProperties == nil &&
		len(s.Dependencies) == 0 && len(s.DependentRequired) == 0 && len(s.DependentSchemas) == 0 &&
		s.UnevaluatedProperties == nil && s.UnevaluatedItems == nil && s.Format == "" && s.Always == nil &&
		len(s.Extensions) == 0 && s.MinItems < 0 && s.MaxItems < 0 && !s.UniqueItems && s.Items == nil &&
		s.AdditionalItems == nil && len(s.PrefixItems) == 0 && s.Items2020 == nil && s.Contains == nil &&
		s.MinLength < 0 && s.MaxLength < 0 && s.Pattern == nil && s.Minimum == nil && s.Maximum == nil &&
		s.ExclusiveMinimum == nil && s.ExclusiveMaximum == nil && s.MultipleOf == nil &&
		s.ContentEncoding == "" && s.ContentMediaType == "" && s.ContentSchema == nil
	return bare
}

// branchesBy returns the branches by the values to which they pin the member,
// or nil if one does not, or if two share a value.
func branchesBy(oneOf []*jsonschema.Schema, member string, depth int) map[string]*plan {
	branches := make(map[string]*plan, len(oneOf))
	for _, branch := range oneOf {
		values := pins(branch, 0)[member]
		if len(values) == 0 {
			return nil
		}
		p := planFor(branch, depth+1)
		for _, v := range values {
			if _, taken := branches[v]; taken {
				return nil
			}
			branches[v] = p
		}
	}
	return branches
}

// pins returns the members that a schema pins to strings, with those strings.
func pins(s *jsonschema.Schema, depth int) map[string][]string {
	if depth == maxPlan {
		return nil
	}
	found := map[string][]string{}
	for name, property := range s.Properties {
		if values := fixedStrings(property); len(values) > 0 {
			found[name] = values
		}
	}
	parts := s.AllOf
	if s.Ref != nil {
		parts = append(slices.Clip(parts), s.Ref)
	}
	for _, part := range parts {
		for name, values := range pins(part, depth+1) {
			if _, known := found[name]; !known {
				found[name] = values
			}
		}
	}
	return found
}

// fixedStrings returns the strings that a schema permits, if it permits nothing
// but certain strings, each once.
func fixedStrings(s *jsonschema.Schema) []string {
	for range maxPlan {
		if s.Ref == nil || len(s.Constant) > 0 || len(s.Enum) > 0 {
			break
		}
		s = s.Ref
	}
	permitted := s.Enum
	if len(s.Constant) > 0 {
		permitted = s.Constant
	}
	var values []string
	seen := map[string]bool{}
	for _, v := range permitted {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		if !seen[text] {
			seen[text] = true
			values = append(values, text)
		}
	}
	return values
}

func (p *plan) validate(payload any) error {
	if p.branches == nil {
		return p.whole.Validate(payload)
	}
	object, ok := payload.(map[string]any)
	if !ok {
		return p.whole.Validate(payload)
	}
	value, ok := object[p.member].(string)
	if !ok {
		return p.whole.Validate(payload)
	}
	branch := p.branches[value]
	if branch == nil {
		return &noBranch{member: p.member, location: p.whole.Location}
	}
	if err := p.rest.Validate(payload); err != nil {
		return err
	}
	return branch.validate(payload)
}

// noBranch says that the member that decides has a value of no branch.
type noBranch struct{ member, location string }

func (e *noBranch) Error() string { return "no branch of oneOf" }
