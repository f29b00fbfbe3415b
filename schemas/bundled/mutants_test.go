package bundled_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
)

// A sample that fits does so no longer once a member that its schema requires is
// missing, or one that it describes is of another type.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, provider := range bundled.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			set, n := load(t, provider), 0
			for _, s := range samples(t, provider) {
				if len(s.Violations) == 0 && s.Form == "" {
					n += refusesMutants(t, set, provider, s.Type, "bundled/"+provider+"/"+s.Schema, payload(t, s))
				}
			}
			if n == 0 {
				t.Error("nothing could be spoilt")
			}
		})
	}
}

// refusesMutants spoils every place of the payload that the schema says something
// definite about, one at a time, and returns how many there were.
func refusesMutants(t *testing.T, set *schemas.Set, provider, eventType, schema string, payload any) int {
	t.Helper()
	fsys, _ := bundled.FS(provider)
	m := &mutator{t: t, fsys: fsys, docs: map[string]any{}}
	m.walk(strings.TrimPrefix(schema, "bundled/"+provider+"/"), "", nil, payload, 0)
	for _, mutant := range m.mutants {
		spoilt := with(payload, mutant.path, mutant.value)
		_, err := set.Validate(eventType, spoilt)
		if _, ok := errors.AsType[*schemas.Invalid](err); !ok {
			t.Errorf("%s of %s is accepted with /%s spoilt (%T)", eventType, provider, strings.Join(mutant.path, "/"), mutant.value)
		}
	}
	return len(m.mutants)
}

// mutant is a place in a payload and what is put there.
type mutant struct {
	path  []string
	value any
}

// missing, as a value, removes a member.
type missing struct{}

// mutator finds places of which a schema says something that holds whatever else
// is in the payload: it follows $ref, allOf, properties and items, and of a
// condition the branch that the payload takes.
type mutator struct {
	t       *testing.T
	fsys    fs.FS
	docs    map[string]any
	mutants []mutant
}

const maxMutantDepth = 12

func (m *mutator) walk(file, pointer string, at []string, value any, depth int) {
	node, ok := m.node(file, pointer).(map[string]any)
	if !ok || depth > maxMutantDepth {
		return
	}
	if ref, ok := node["$ref"].(string); ok {
		name, fragment, _ := strings.Cut(ref, "#")
		if name == "" {
			name = file
		}
		m.walk(name, fragment, at, value, depth+1)
	}
	if list, ok := node["allOf"].([]any); ok {
		for i := range list {
			m.walk(file, pointer+"/allOf/"+strconv.Itoa(i), at, value, depth+1)
		}
	}
	if node["if"] != nil {
		m.walk(file, pointer+"/"+m.branch(file, node, value), at, value, depth+1)
	}
	if types := typesOf(node["type"]); len(types) > 0 && len(at) > 0 {
		m.mutants = append(m.mutants, mutant{slices.Clone(at), other(types)})
	}
	switch value := value.(type) {
	case map[string]any:
		required, _ := node["required"].([]any)
		for _, name := range required {
			m.mutants = append(m.mutants, mutant{append(slices.Clone(at), name.(string)), missing{}})
		}
		properties, _ := node["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if child, ok := value[name]; ok {
				m.walk(file, pointer+"/properties/"+escape(name), append(slices.Clone(at), name), child, depth+1)
			}
		}
	case []any:
		if node["items"] != nil && node["prefixItems"] == nil && len(value) > 0 {
			m.walk(file, pointer+"/items", append(slices.Clone(at), "0"), value[0], depth+1)
		}
	}
}

// branch returns then or else: the conditions of these schemas are about the
// type of the payload, or about members that are required.
func (m *mutator) branch(file string, node map[string]any, value any) string {
	condition, _ := node["if"].(map[string]any)
	if ref, ok := condition["$ref"].(string); ok {
		name, fragment, _ := strings.Cut(ref, "#")
		if name == "" {
			name = file
		}
		condition, _ = m.node(name, fragment).(map[string]any)
	}
	object, isObject := value.(map[string]any)
	if types := typesOf(condition["type"]); len(types) > 0 && !slices.Contains(types, kind(value)) {
		return "else"
	}
	required, _ := condition["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; isObject && !ok {
			return "else"
		}
	}
	if condition["properties"] != nil {
		return "neither" // it is not known which
	}
	return "then"
}

func (m *mutator) node(file, pointer string) any {
	doc, ok := m.docs[file]
	if !ok {
		data, err := fs.ReadFile(m.fsys, file)
		if err != nil {
			m.t.Fatal(err)
		}
		doc = decodeJSON(m.t, data)
		m.docs[file] = doc
	}
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		switch parent := doc.(type) {
		case map[string]any:
			doc = parent[strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil {
				return nil
			}
			doc = parent[i]
		}
	}
	return doc
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func typesOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i], _ = v[i].(string)
		}
		return list
	}
	return nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// other returns a value of none of the types.
func other(types []string) any {
	for _, candidate := range []struct {
		value any
		types []string
	}{
		{true, []string{"boolean"}},
		{map[string]any{"unexpected": true}, []string{"object"}},
		{[]any{map[string]any{}}, []string{"array"}},
	} {
		if !slices.ContainsFunc(types, func(t string) bool { return slices.Contains(candidate.types, t) }) {
			return candidate.value
		}
	}
	return nil
}

// with returns a copy of a value with another one at the path.
func with(v any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		if _, ok := value.(missing); ok && len(path) == 1 {
			delete(v, path[0])
			return v
		}
		v[path[0]] = with(v[path[0]], path[1:], value)
		return v
	case []any:
		v = slices.Clone(v)
		if i, err := strconv.Atoi(path[0]); err == nil {
			v[i] = with(v[i], path[1:], value)
		}
		return v
	}
	return v
}

func decodeJSON(t *testing.T, data []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
