package diff_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// extra adds, now and then, keywords that are rare, and that depend on others.
func (g generator) extra(doc any) {
	d, ok := doc.(map[string]any)
	if !ok {
		return
	}
	defs := "definitions"
	if g.newer("2019-09") {
		defs = "$defs"
	}
	if g.IntN(8) > 0 {
		return
	}
	switch g.IntN(9) {
	case 0:
		if g.draft == "2020-12" {
			m, _ := d[defs].(map[string]any)
			if p, ok := m["p"].(map[string]any); ok {
				p["$dynamicAnchor"] = "n"
				d["properties"] = map[string]any{"a": map[string]any{"$dynamicRef": "#n"}}
			}
		}
		if g.draft == "2019-09" {
			d["$recursiveAnchor"] = true
			d["properties"] = map[string]any{"a": map[string]any{"$recursiveRef": "#"}, "b": g.schema(2)}
		}
	case 1:
		if g.draft == "draft-07" {
			d["contentMediaType"] = "application/json"
			if g.IntN(2) == 0 {
				d["contentEncoding"] = "base64"
			}
		}
	case 2:
		d["enum"] = []any{map[string]any{"a": g.payload(2)}, []any{"a", json.Number("1.0")}, json.Number("1.0"), json.Number("1e0"), "a"}
	case 3:
		d["properties"] = map[string]any{"a": map[string]any{"type": "object", "properties": map[string]any{"a": map[string]any{"$ref": "#"}, "b": g.schema(2)}}}
	case 4:
		d["minimum"], d["maximum"] = json.Number("1e-1"), json.Number("1.5e0")
	case 5:
		if g.newer("draft-06") {
			d["const"] = map[string]any{"a": json.Number("1.0")}
		}
	case 6:
		d["patternProperties"] = map[string]any{"": object(g.schema(1)), "b": object(g.schema(1))}
	case 7:
		if g.newer("2019-09") {
			d["unevaluatedProperties"] = false
			d["anyOf"] = []any{g.schema(1), map[string]any{"properties": map[string]any{"a": g.schema(2)}, "required": []any{"a"}}}
		}
	case 8:
		if g.newer("2019-09") {
			d["unevaluatedItems"] = g.schema(2)
			d["allOf"] = []any{map[string]any{"contains": g.schema(2)}}
		}
	}
}

// fit tries to make a payload that fits, or nearly.
func (g generator) fit(root, schema any, depth int) any {
	s, ok := schema.(map[string]any)
	if !ok || depth > 5 || g.IntN(25) == 0 {
		return g.payload(min(depth, 3))
	}
	if ref, ok := s["$ref"].(string); ok && g.IntN(2) == 0 {
		if ref == "#" {
			return g.fit(root, root, depth+1)
		}
		at := root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			m, _ := at.(map[string]any)
			at = m[part]
		}
		return g.fit(root, at, depth+1)
	}
	if e, ok := s["enum"].([]any); ok && len(e) > 0 && g.IntN(6) > 0 {
		return e[g.IntN(len(e))]
	}
	if e, ok := s["const"]; ok && g.IntN(6) > 0 {
		return e
	}
	for _, k := range []string{"allOf", "anyOf", "oneOf"} {
		if l, ok := s[k].([]any); ok && len(l) > 0 && g.IntN(2) == 0 {
			v := g.fit(root, l[g.IntN(len(l))], depth+1)
			m, isObject := v.(map[string]any)
			rest := clone(s).(map[string]any)
			delete(rest, k)
			if isObject && g.IntN(2) == 0 {
				if o, ok := g.fit(root, rest, depth+1).(map[string]any); ok {
					for k, v := range o {
						if _, has := m[k]; !has {
							m[k] = v
						}
					}
				}
			}
			return v
		}
	}
	for _, k := range []string{"then", "else", "if"} {
		if l, ok := s[k]; ok && g.IntN(3) == 0 {
			return g.fit(root, l, depth+1)
		}
	}
	types := []string{}
	switch ty := s["type"].(type) {
	case string:
		types = append(types, ty)
	case []any:
		for _, x := range ty {
			types = append(types, x.(string))
		}
	default:
		has := func(keys ...string) bool {
			return slices.ContainsFunc(keys, func(k string) bool { _, ok := s[k]; return ok })
		}
		if has("properties", "required", "patternProperties", "additionalProperties", "minProperties", "maxProperties", "dependencies", "dependentRequired", "dependentSchemas", "propertyNames", "unevaluatedProperties") {
			types = append(types, "object")
		}
		if has("items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems", "uniqueItems", "unevaluatedItems") {
			types = append(types, "array")
		}
		if has("minLength", "maxLength", "pattern", "format", "contentMediaType") {
			types = append(types, "string")
		}
		if has("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum") {
			types = append(types, "number")
		}
		if len(types) == 0 || g.IntN(6) == 0 {
			return g.payload(min(depth, 3))
		}
	}
	switch types[g.IntN(len(types))] {
	case "null":
		return nil
	case "boolean":
		return g.IntN(2) == 0
	case "integer":
		return json.Number(strconv.Itoa(g.IntN(5) - 1))
	case "number":
		return json.Number([]string{"0", "1", "2", "1.5", "0.5", "-1", "3", "2.0", "0.3"}[g.IntN(9)])
	case "string":
		return []string{"", "a", "b", "ab", "abc", "2026-01-02", "http://a/b", "e30=", "{}", "ba"}[g.IntN(10)]
	case "array":
		l := []any{}
		var pre []any
		var rest any
		if p, ok := s["prefixItems"].([]any); ok {
			pre, rest = p, s["items"]
		} else if p, ok := s["items"].([]any); ok {
			pre, rest = p, s["additionalItems"]
		} else {
			rest = s["items"]
		}
		for i := range g.IntN(5) {
			of := rest
			if i < len(pre) {
				of = pre[i]
			}
			if c, ok := s["contains"]; ok && g.IntN(3) == 0 {
				of = c
			}
			if u, ok := s["unevaluatedItems"]; ok && of == nil {
				of = u
			}
			l = append(l, g.fit(root, of, depth+1))
		}
		return l
	}
	m := map[string]any{}
	props, _ := s["properties"].(map[string]any)
	pp, _ := s["patternProperties"].(map[string]any)
	put := func(name string) {
		of := props[name]
		if of == nil {
			for _, p := range slices.Sorted(maps.Keys(pp)) {
				x := pp[p]
				if p == "^a" && strings.HasPrefix(name, "a") || p == "b$" && strings.HasSuffix(name, "b") || p == "^a$" && name == "a" || p == "" {
					of = x
				}
			}
		}
		if of == nil {
			of = s["additionalProperties"]
		}
		if of == nil {
			of = s["unevaluatedProperties"]
		}
		m[name] = g.fit(root, of, depth+1)
	}
	if r, ok := s["required"].([]any); ok {
		for _, name := range r {
			put(name.(string))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if g.IntN(2) == 0 {
			put(name)
		}
	}
	for range g.IntN(3) {
		put(append(names, "bb", "z")[g.IntN(6)])
	}
	return m
}

// nudge changes one thing in a payload.
func (g generator) nudge(v any) any {
	v = clone(v)
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		switch i := g.IntN(3); {
		case i == 0 || len(keys) == 0:
			v[g.name()] = g.payload(2)
		case i == 1:
			delete(v, keys[g.IntN(len(keys))])
		default:
			key := keys[g.IntN(len(keys))]
			v[key] = g.nudge(v[key])
		}
		return v
	case []any:
		if len(v) > 0 && g.IntN(2) == 0 {
			v[g.IntN(len(v))] = g.nudge(v[0])
			return v
		}
		return append(v, g.payload(2))
	}
	return g.payload(3)
}
