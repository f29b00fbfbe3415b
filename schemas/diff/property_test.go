package diff_test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/diff"
)

// TestSound compares random schemas with mutants of them, and looks whether random
// payloads contradict what is said.
func TestSound(t *testing.T) {
	t.Parallel()
	pairs := 1000
	if testing.Short() {
		pairs = 300
	}
	var tally struct {
		pairs, payloads, refused, accepted   int
		quietTight, quietLoose, additiveOnly int
		tight, tightSeen, loose, looseSeen   int // judged, and those that a payload bears out
	}
	for seed := range pairs {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 11)), []string{"2020-12", "2019-09", "draft-07", "draft-06", "draft-04"}[seed%5]}
		old := g.document()
		g.extra(old)
		current := clone(old)
		for range 1 + g.IntN(3) {
			current = g.mutate(current, 0)
		}
		g.extra(current)
		if g.IntN(20) == 0 {
			current = g.document()
		}
		was, err := set(old)
		if err != nil {
			continue // such as a reference that goes around
		}
		is, err := set(current)
		if err != nil {
			continue
		}
		report, err := diff.Schemas(config(old), config(current))
		if err != nil {
			t.Fatal(err)
		}
		tally.pairs++
		tightens, loosens := report.Tightens(), report.Loosens()
		if !tightens {
			tally.quietTight++
		}
		if !loosens {
			tally.quietLoose++
		}
		additiveOnly := !slices.ContainsFunc(report.Changes, func(c diff.Change) bool { return c.Class() != "additive" })
		if additiveOnly {
			tally.additiveOnly++
		}
		refused, accepted := false, false
		for i := range 60 {
			payload := g.any(i, old, current)
			_, before := was.Validate("x", payload)
			_, after := is.Validate("x", payload)
			tally.payloads++
			text, _ := json.Marshal(payload)
			switch {
			case before == nil && after != nil:
				tally.refused++
				refused = true
				if !tightens || additiveOnly {
					t.Fatalf("seed %d: nothing tightens, but %s is refused: %v\nold %s\nnew %s\n%v", seed, text, after, pretty(old), pretty(current), report.Changes)
				}
			case before != nil && after == nil:
				tally.accepted++
				accepted = true
				if !loosens {
					t.Fatalf("seed %d: nothing loosens, but %s is accepted: %v\nold %s\nnew %s\n%v", seed, text, before, pretty(old), pretty(current), report.Changes)
				}
			}
		}
		if slices.ContainsFunc(report.Changes, func(c diff.Change) bool { return c.Unjudged }) {
			continue
		}
		for _, of := range []struct {
			said, seen bool
			all, found *int
		}{{tightens, refused, &tally.tight, &tally.tightSeen}, {loosens, accepted, &tally.loose, &tally.looseSeen}} {
			if of.said {
				*of.all++
			}
			if of.said && of.seen {
				*of.found++
			}
		}
	}
	t.Logf("%+v", tally)
	if tally.quietTight < tally.pairs/20 || tally.quietLoose < tally.pairs/20 || tally.refused == 0 || tally.accepted == 0 {
		t.Errorf("the pairs say little: %+v", tally)
	}
	// Many changes have no effect because of something else, and payloads are few.
	if 2*tally.tightSeen < tally.tight || 2*tally.looseSeen < tally.loose {
		t.Errorf("too few payloads bear out what is said: %+v", tally)
	}
}

// any returns a payload that is anything, or fits one of two schemas, or nearly does.
func (g generator) any(i int, old, current any) any {
	payload := g.payload(0)
	switch i % 3 {
	case 1:
		payload = g.fit(old, old, 0)
	case 2:
		payload = g.fit(current, current, 0)
	}
	if i%9 > 5 {
		payload = g.nudge(payload)
	}
	return payload
}

func pretty(v any) string {
	text, _ := json.MarshalIndent(v, "", " ")
	return string(text)
}

func clone(v any) any {
	text, _ := json.Marshal(v)
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var c any
	_ = dec.Decode(&c)
	return c
}

func config(doc any) schemas.Config {
	text, _ := json.Marshal(doc)
	return schemas.Config{FS: fstest.MapFS{"x.json": {Data: text}}, Rules: []schemas.Rule{{Type: "*", Schema: "x.json"}}}
}

func set(doc any) (*schemas.Set, error) { return schemas.Load(config(doc)) }

// generator makes schemas and payloads of few names and values, so that they meet.
type generator struct {
	*rand.Rand
	draft string
}

var (
	names    = []string{"a", "b", "c", "ab"}
	scalars  = []any{nil, true, false, json.Number("0"), json.Number("1"), json.Number("2"), json.Number("1.5"), "", "a", "b", "ab", "2026-01-02"}
	typeList = []any{"null", "boolean", "integer", "number", "string", "array", "object"}
	regexps  = []string{"^a", "b$", "^a$"}
)

func (g generator) newer(than string) bool {
	order := []string{"draft-04", "draft-06", "draft-07", "2019-09", "2020-12"}
	return slices.Index(order, g.draft) >= slices.Index(order, than)
}

func (g generator) name() string { return names[g.IntN(len(names))] }

func (g generator) document() any {
	root := map[string]any{}
	if s, ok := g.schema(0).(map[string]any); ok {
		root = s
	}
	delete(root, "$ref") // hides the rest in the older drafts
	root["$schema"] = "http://json-schema.org/" + g.draft + "/schema#"
	defs := "definitions"
	if g.newer("2019-09") {
		root["$schema"], defs = "https://json-schema.org/draft/"+g.draft+"/schema", "$defs"
	}
	root[defs] = map[string]any{"p": g.schema(2), "q": g.schema(1)}
	return root
}

// schema returns a random schema, the simpler the deeper it is.
func (g generator) schema(depth int) any {
	if g.IntN(12) == 0 && g.newer("draft-06") {
		return g.IntN(4) > 0
	}
	s := map[string]any{}
	for range 1 + g.IntN(3) {
		g.keyword(s, depth)
	}
	return s
}

func (g generator) list(depth int) []any {
	l := []any{g.schema(depth + 1)}
	for range g.IntN(3) {
		l = append(l, g.schema(depth+1))
	}
	return l
}

func (g generator) keyword(s map[string]any, depth int) {
	flat := []func(){
		func() { s["type"] = typeList[g.IntN(len(typeList))] },
		func() {
			s["type"] = []any{typeList[g.IntN(3)], typeList[3+g.IntN(4)]}
		},
		func() { s["type"] = "object" },
		func() {
			l := []any{scalars[g.IntN(4)], scalars[4+g.IntN(3)], scalars[7+g.IntN(5)]}
			s["enum"] = l[:1+g.IntN(3)]
		},
		func() {
			if g.newer("draft-06") {
				s["const"] = scalars[g.IntN(len(scalars))]
			}
		},
		func() { s["required"] = []any{g.name()} },
		func() { s["minLength"] = g.IntN(3) },
		func() { s["maxLength"] = g.IntN(3) },
		func() { s["pattern"] = regexps[g.IntN(3)] },
		func() { s["format"] = []string{"date", "uri", "unknown"}[g.IntN(3)] },
		func() { s["minimum"] = g.IntN(3) },
		func() { s["maximum"] = g.IntN(3) },
		func() {
			if g.newer("draft-06") {
				s[[]string{"exclusiveMinimum", "exclusiveMaximum"}[g.IntN(2)]] = g.IntN(3)
			} else if _, ok := s["minimum"]; ok {
				s["exclusiveMinimum"] = g.IntN(2) == 0
			}
		},
		func() { s["multipleOf"] = []any{json.Number("0.5"), 1, 2}[g.IntN(3)] },
		func() { s[[]string{"minItems", "maxItems", "minProperties", "maxProperties"}[g.IntN(4)]] = g.IntN(3) },
		func() { s["uniqueItems"] = g.IntN(2) == 0 },
	}
	deep := []func(){
		func() {
			p := map[string]any{}
			for range 1 + g.IntN(3) {
				p[g.name()] = g.schema(depth + 1)
			}
			s["properties"] = p
		},
		func() { s["patternProperties"] = map[string]any{regexps[g.IntN(3)]: g.schema(depth + 1)} },
		func() {
			s["additionalProperties"] = g.IntN(3) == 0
			if g.IntN(2) == 0 {
				s["additionalProperties"] = object(g.schema(depth + 1))
			}
		},
		func() {
			if g.draft == "2020-12" {
				s["items"], s["prefixItems"] = g.schema(depth+1), g.list(depth)
				if g.IntN(2) == 0 {
					delete(s, []string{"items", "prefixItems"}[g.IntN(2)])
				}
			} else if g.IntN(2) == 0 {
				s["items"] = object(g.schema(depth + 1))
			} else {
				s["items"], s["additionalItems"] = objects(g.list(depth)), object(g.schema(depth+1))
				if g.IntN(3) == 0 {
					s["additionalItems"] = g.IntN(2) == 0
				}
			}
		},
		func() { s["allOf"] = objects(g.list(depth)) },
		func() { s["anyOf"] = objects(g.list(depth)) },
		func() { s["oneOf"] = objects(g.list(depth)) },
		func() {
			var l []any
			for i := range 1 + g.IntN(3) {
				l = append(l, map[string]any{"type": "object", "required": []any{"a"}, "properties": map[string]any{"a": map[string]any{"enum": []any{[]any{"a", "b", nil}[i]}}, "b": g.schema(depth + 1)}})
			}
			s["oneOf"] = l
		},
		func() { s["not"] = object(g.schema(depth + 1)) },
		func() {
			if g.newer("draft-07") {
				s["if"] = g.schema(depth + 1)
				s[[]string{"then", "else"}[g.IntN(2)]] = g.schema(depth + 1)
			}
		},
		func() {
			if g.newer("draft-06") {
				s["contains"] = g.schema(depth + 1)
				if g.newer("2019-09") {
					s[[]string{"minContains", "maxContains"}[g.IntN(2)]] = g.IntN(3)
				}
			}
		},
		func() {
			if g.newer("draft-06") {
				s["propertyNames"] = g.schema(depth + 1)
			}
		},
		func() {
			if g.newer("2019-09") {
				s["dependentRequired"] = map[string]any{g.name(): []any{g.name()}}
				s["dependentSchemas"] = map[string]any{g.name(): g.schema(depth + 1)}
			} else {
				s["dependencies"] = map[string]any{g.name(): []any{g.name()}, g.name(): object(g.schema(depth + 1))}
			}
		},
		func() {
			if g.newer("2019-09") {
				s[[]string{"unevaluatedProperties", "unevaluatedItems"}[g.IntN(2)]] = g.schema(depth + 1)
			}
		},
		func() {
			if depth == 0 || !g.newer("2019-09") && len(s) > 0 {
				return
			}
			defs := "definitions"
			if g.newer("2019-09") {
				defs = "$defs"
			}
			s["$ref"] = "#/" + defs + "/" + []string{"p", "q"}[g.IntN(2)]
		},
	}
	if depth < 3 && g.IntN(2) == 0 {
		deep[g.IntN(len(deep))]()
		return
	}
	flat[g.IntN(len(flat))]()
}

// object makes an object of a boolean, which draft 4 does not have.
func object(s any) any {
	if _, ok := s.(bool); ok {
		return map[string]any{}
	}
	return s
}

func objects(list []any) []any {
	for i := range list {
		list[i] = object(list[i])
	}
	return list
}

// mutate changes one thing somewhere in a schema.
func (g generator) mutate(v any, depth int) any {
	s, ok := v.(map[string]any)
	if !ok {
		return object(g.schema(depth))
	}
	s = maps.Clone(s)
	below := slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(key string) bool {
		switch s[key].(type) {
		case map[string]any, []any:
			if m, ok := s[key].(map[string]any); ok && len(m) == 0 {
				return true
			}
			return key == "enum" || key == "const" || key == "required" || key == "type" || key == "dependentRequired" || key == "dependencies"
		}
		return true
	})
	if len(below) > 0 && g.IntN(4) > 0 {
		key := below[g.IntN(len(below))]
		switch child := s[key].(type) {
		case []any:
			child = slices.Clone(child)
			i := g.IntN(len(child))
			switch g.IntN(6) {
			case 0:
				if len(child) > 1 {
					child = slices.Delete(child, i, i+1)
				}
			case 1:
				child = append(child, object(g.schema(depth+1)))
			case 2:
				g.Shuffle(len(child), func(i, j int) { child[i], child[j] = child[j], child[i] })
			default:
				child[i] = g.mutate(child[i], depth+1)
			}
			s[key] = child
		case map[string]any:
			if slices.Contains([]string{"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"}, key) {
				child = maps.Clone(child)
				keys := slices.Sorted(maps.Keys(child))
				name := keys[g.IntN(len(keys))]
				switch {
				case g.IntN(6) == 0 && key == "properties":
					delete(child, name)
				case g.IntN(6) == 0 && key == "properties":
					child[g.name()] = object(g.schema(depth + 1))
				default:
					child[name] = g.mutate(child[name], depth+1)
				}
				s[key] = child
				break
			}
			s[key] = g.mutate(child, depth+1)
		}
		return s
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(key string) bool { return key == "$schema" || key == "$defs" || key == "definitions" })
	if len(keys) > 0 && g.IntN(3) == 0 {
		delete(s, keys[g.IntN(len(keys))])
		return s
	}
	g.keyword(s, max(depth, 1))
	return s
}

// payload returns a random payload.
func (g generator) payload(depth int) any {
	if depth < 3 {
		switch g.IntN(5 - max(0, 2-depth)) {
		case 0, 1:
			m := map[string]any{}
			for range g.IntN(4) {
				m[g.name()] = g.payload(depth + 1)
			}
			return m
		case 2:
			l := []any{}
			for range g.IntN(4) {
				l = append(l, g.payload(depth+1))
			}
			return l
		}
	}
	return scalars[g.IntN(len(scalars))]
}
