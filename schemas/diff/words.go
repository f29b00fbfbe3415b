package diff

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// or joins words: "a, b or c".
func or(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// typeWords says of which type something is, null last.
func typeWords(s *jsonschema.Schema) string {
	if len(s.Types) == 0 {
		return "of any type"
	}
	types := slices.Clone(s.Types)
	slices.SortStableFunc(types, func(a, b string) int {
		switch {
		case a == "null" && b != "null":
			return 1
		case b == "null" && a != "null":
			return -1
		}
		return 0
	})
	return or(types)
}

// mostListed is how many values are named.
const mostListed = 5

func listed(values map[string]any) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, err := json.Marshal(values[key])
		if err != nil {
			text = []byte("?")
		}
		if r := []rune(string(text)); len(r) > 40 {
			text = []byte(string(r[:39]) + "…")
		}
		list = append(list, string(text))
	}
	if len(list) == 0 {
		return "no value at all"
	}
	if len(list) > mostListed {
		list = append(list[:mostListed], "others")
	}
	return or(list)
}

// describe says what a schema is for, in a few words.
func describe(s *jsonschema.Schema) string {
	for range 8 {
		if s == nil || s.Always != nil {
			return "anything"
		}
		if values := permitted(s); values != nil {
			return listed(values)
		}
		if len(s.Types) > 0 {
			text := typeWords(s)
			if f := assertedFormat(s); f != "" {
				text += " in the format " + f
			}
			return text
		}
		if s.Ref == nil {
			break
		}
		s = s.Ref
	}
	if list := keywords(s); len(list) > 0 {
		return "limited by " + or(list)
	}
	return "anything"
}

// first returns the keyword that is named for a schema that is there or not.
func first(s *jsonschema.Schema) string {
	if list := keywords(s); len(list) > 0 {
		return list[0]
	}
	return ""
}

// keywords returns the names of the keywords that a schema has, as far as they may
// make a payload refused.
func keywords(s *jsonschema.Schema) (list []string) {
	if s.Always != nil {
		if *s.Always {
			return nil
		}
		return []string{"false"}
	}
	for _, k := range []struct {
		name string
		has  bool
	}{
		{"type", len(s.Types) > 0},
		{"enum", len(s.Enum) > 0},
		{"const", len(s.Constant) > 0},
		{"properties", len(s.Properties) > 0},
		{"required", len(s.Required) > 0},
		{"$ref", s.Ref != nil},
		{"$recursiveRef", s.RecursiveRef != nil},
		{"$dynamicRef", s.DynamicRef != nil},
		{"allOf", len(s.AllOf) > 0},
		{"anyOf", len(s.AnyOf) > 0},
		{"oneOf", len(s.OneOf) > 0},
		{"not", s.Not != nil},
		{"if", s.If != nil},
		{"patternProperties", len(s.PatternProperties) > 0},
		{"additionalProperties", s.AdditionalProperties != nil},
		{"propertyNames", s.PropertyNames != nil || s.RegexProperties},
		{"minProperties", s.MinProperties > 0},
		{"maxProperties", s.MaxProperties >= 0},
		{"dependencies", len(s.Dependencies) > 0},
		{"dependentRequired", len(s.DependentRequired) > 0},
		{"dependentSchemas", len(s.DependentSchemas) > 0},
		{"unevaluatedProperties", s.UnevaluatedProperties != nil},
		{"items", s.Items != nil || s.Items2020 != nil},
		{"prefixItems", len(s.PrefixItems) > 0},
		{"contains", s.Contains != nil},
		{"minItems", s.MinItems > 0},
		{"maxItems", s.MaxItems >= 0},
		{"uniqueItems", s.UniqueItems},
		{"unevaluatedItems", s.UnevaluatedItems != nil},
		{"format", assertedFormat(s) != ""},
		{"pattern", s.Pattern != nil},
		{"minLength", s.MinLength > 0},
		{"maxLength", s.MaxLength >= 0},
		{"contentMediaType", contentOf(s) != ""},
		{"minimum", s.Minimum != nil},
		{"exclusiveMinimum", s.ExclusiveMinimum != nil},
		{"maximum", s.Maximum != nil},
		{"exclusiveMaximum", s.ExclusiveMaximum != nil},
		{"multipleOf", s.MultipleOf != nil},
	} {
		if k.has {
			list = append(list, k.name)
		}
	}
	return list
}
