package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// allTypes are the types of JSON. An integer is a number.
var allTypes = []string{"null", "boolean", "number", "string", "array", "object"}

func typesOf(s *jsonschema.Schema) []string {
	if len(s.Types) == 0 {
		return allTypes
	}
	types := slices.Sorted(slices.Values(s.Types))
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	return slices.Compact(types)
}

func covers(types []string, t string) bool {
	return slices.Contains(types, t) || t == "integer" && slices.Contains(types, "number")
}

// beyond returns the types of a that b does not cover.
func beyond(a, b []string) (list []string) {
	for _, t := range a {
		if !covers(b, t) {
			list = append(list, t)
		}
	}
	return list
}

// permitted returns the values that enum and const permit, by their canonical form,
// without those of other types; nil if they permit any.
func permitted(s *jsonschema.Schema) map[string]any {
	if len(s.Enum)+len(s.Constant) == 0 {
		return nil
	}
	list := s.Enum
	if len(s.Enum) == 0 {
		list = s.Constant
	}
	set := map[string]any{}
	for _, v := range list {
		if len(s.Constant) > 0 && canonical(v) != canonical(s.Constant[0]) || !covers(typesOf(s), typeOf(v)) {
			continue
		}
		set[canonical(v)] = v
	}
	return set
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if r := rational(v); r != nil && r.IsInt() {
			return "integer"
		}
	}
	return "number"
}

// rational returns a number; nil for one that is too large to compute with.
func rational(n json.Number) *big.Rat {
	text := string(n)
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if e, err := strconv.Atoi(exponent); err != nil || e > 1000 || e < -1000 {
			return nil
		}
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return r
}

// canonical returns a text that is the same for equal values: 1 and 1.0 are.
func canonical(v any) string {
	switch v := v.(type) {
	case json.Number:
		if r := rational(v); r != nil {
			return r.RatString()
		}
		return string(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = canonical(item)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, strconv.Quote(name)+":"+canonical(v[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(v)
}

// values compares type, enum and const.
func (c *comparer) values(at place, old, current *jsonschema.Schema) {
	was, is := permitted(old), permitted(current)
	e := effect{old: known(old), new: known(current)}
	switch {
	case was == nil && is == nil:
		c.types(at, old, current)
		return
	case was == nil:
		e.keyword, e.dir = valuesKeyword(current), tightens
		for _, v := range is {
			if !covers(typesOf(old), typeOf(v)) {
				e.dir = both
			}
		}
		c.add(at, e, "was %s, is %s: %s", typeWords(old), listed(is), consequence(e.dir))
		return
	case is == nil:
		e.keyword, e.dir = valuesKeyword(old), loosens
		for _, v := range was {
			if !covers(typesOf(current), typeOf(v)) {
				e.dir = both
			}
		}
		c.add(at, e, "was %s, is %s: %s", listed(was), typeWords(current), consequence(e.dir))
		return
	}
	gone, added := without(was, is), without(is, was)
	e.keyword = valuesKeyword(current)
	if len(gone) > 0 {
		e.dir = tightens
		c.add(at, e, "%s is not allowed any more: payloads with it are refused", listed(gone))
	}
	if len(added) > 0 {
		e.dir = loosens
		c.add(at, e, "%s is allowed now: consumers must expect it", listed(added))
	}
}

func without(a, b map[string]any) map[string]any {
	rest := maps.Clone(a)
	maps.DeleteFunc(rest, func(key string, _ any) bool { _, ok := b[key]; return ok })
	return rest
}

func valuesKeyword(s *jsonschema.Schema) string {
	if len(s.Enum) > 0 {
		return "enum"
	}
	return "const"
}

func (c *comparer) types(at place, old, current *jsonschema.Schema) {
	gone, added := beyond(typesOf(old), typesOf(current)), beyond(typesOf(current), typesOf(old))
	e := effect{keyword: "type", old: known(old), new: known(current)}
	was, is := typeWords(old), typeWords(current)
	switch {
	case len(gone) == 0 && len(added) == 0:
	case len(gone) == 0:
		e.dir = loosens
		c.add(at, e, "was %s, is %s: consumers must expect %s", was, is, or(added))
	case len(added) == 0:
		e.dir = tightens
		c.add(at, e, "was %s, is %s: payloads with %s are refused", was, is, or(without2(gone, typesOf(current))))
	default:
		e.dir = both
		c.add(at, e, "was %s, is %s: payloads with %s are refused, and consumers must expect %s", was, is, or(without2(gone, typesOf(current))), or(added))
	}
}

// without2 says of numbers of which only integers are left what is gone.
func without2(gone, left []string) []string {
	gone = slices.Clone(gone)
	if i := slices.Index(gone, "number"); i >= 0 && slices.Contains(left, "integer") {
		gone[i] = "a number with a fraction"
	}
	return gone
}
