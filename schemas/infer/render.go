package infer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/shape"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

// leastWord is in how many samples each value of an enum must have been seen: a
// value that was seen once says that there are others.
const leastWord = 3

// Schema returns the schema, as indented JSON with a newline at the end; the same
// samples make the same bytes.
func (s *Samples) Schema() []byte {
	return s.write(s.schema(s.root, ""))
}

// write completes the root of a schema.
func (s *Samples) write(schema map[string]any) []byte {
	schema["$schema"] = draft
	schema["$comment"] = s.comment()
	if s.options.Title != "" {
		schema["title"] = s.options.Title
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema); err != nil {
		panic(err) // it is made of maps, lists and texts
	}
	return b.Bytes()
}

// comment says what the schema was made of.
func (s *Samples) comment() string {
	noun := "samples"
	if s.count == 1 {
		noun = "sample"
	}
	text := fmt.Sprintf("Inferred from %d %s", s.count, noun)
	if !s.oldest.IsZero() {
		text += " of " + s.oldest.UTC().Format(time.DateOnly)
		if last := s.last.UTC().Format(time.DateOnly); last != s.oldest.UTC().Format(time.DateOnly) {
			text += " to " + last
		}
	}
	return text
}

// schema returns the schema of a place; name is that of its member.
func (s *Samples) schema(p *place, name string) map[string]any {
	schema := map[string]any{}
	typed := p.samples >= s.options.MinTyped && p.kinds&^kindNull != 0
	if types := s.types(p); typed {
		schema["type"] = types[0]
		if len(types) > 1 {
			schema["type"] = types
		}
	}
	if p.text != nil && typed {
		s.describeText(schema, p, name)
	}
	if p.items != nil {
		if items := s.schema(p.items, name); len(items) > 0 {
			schema["items"] = items
		}
	}
	if p.object != nil {
		s.describeObject(schema, p.object)
	}
	return schema
}

func (s *Samples) types(p *place) []any {
	var types []any
	have := p.kinds
	if p != s.root && p.samples < s.options.MinNotNull {
		have |= kindNull
	}
	for _, t := range []struct {
		kind kinds
		name string
	}{
		{kindNull, "null"},
		{kindBoolean, "boolean"},
		{kindInteger, "integer"},
		{kindNumber, "number"},
		{kindString, "string"},
		{kindArray, "array"},
		{kindObject, "object"},
	} {
		if have&t.kind == 0 || t.kind == kindInteger && p.kinds&kindNumber != 0 {
			continue
		}
		if t.kind == kindInteger && p.filled < s.options.MinFormat {
			t.name = "number" // a fraction may still come
		}
		types = append(types, t.name)
	}
	return types
}

// discriminators are members that say what an event or a part of it is.
var discriminators = []string{"type", "object", "event", "event_type", "eventType", "event_name", "kind", "topic", "object_kind", "resource_type"}

func (s *Samples) describeText(schema map[string]any, p *place, name string) {
	t := p.text
	if t.samples >= s.options.MinFormat && t.varied {
		for _, f := range formatNames {
			if t.formats&f.bit != 0 {
				schema["format"] = f.name
				break
			}
		}
	}
	if t.words == nil || t.samples < s.options.MinEnum || p.kinds&^(kindString|kindNull) != 0 {
		return
	}
	if len(t.words) == 1 && p.kinds == kindString && s.options.Const && slices.Contains(discriminators, name) {
		for value := range t.words {
			schema["const"] = value
		}
		return
	}
	if s.options.NoEnums || len(t.words) < 2 || shape.Naming(name) || name == "" || t.samples < 10*len(t.words) {
		return
	}
	var values []any
	for _, value := range slices.Sorted(maps.Keys(t.words)) {
		if t.words[value] < leastWord {
			return
		}
		values = append(values, value)
	}
	if p.kinds&kindNull != 0 {
		values = append(values, nil)
	}
	schema["enum"] = values
}

func (s *Samples) describeObject(schema map[string]any, o *object) {
	if o.isMap() {
		values := o.values
		if values == nil {
			values = s.union(o)
		}
		if of := s.schema(values, ""); len(of) > 0 {
			schema["additionalProperties"] = of
		}
		return
	}
	properties := map[string]any{}
	var required []string
	for member, p := range o.members {
		if shape.Data(member) && p.values < o.count {
			continue // the name is of one payload, and would be in the schema
		}
		properties[member] = s.schema(p, member)
		if p.values == o.count && o.samples >= s.options.MinRequired {
			required = append(required, member)
		}
	}
	if len(properties) > 0 {
		schema["properties"] = properties
	}
	if len(required) > 0 {
		slices.Sort(required)
		schema["required"] = required
	}
}

// common returns the schema of what all samples have: members that none lacks, with
// their types, and without what may be so in these samples alone.
func (s *Samples) common(p *place) map[string]any {
	schema := map[string]any{}
	if types := s.types(p); p.samples >= s.options.MinTyped && p.kinds&^kindNull != 0 {
		schema["type"] = types[0]
		if len(types) > 1 {
			schema["type"] = types
		}
	}
	o := p.object
	if o == nil || p.kinds != kindObject || o.isMap() {
		return schema
	}
	properties := map[string]any{}
	var required []string
	for member, below := range o.members {
		if below.values == o.count && o.samples >= s.options.MinRequired && !strings.HasPrefix(member, "_") && !shape.Data(member) {
			properties[member] = s.common(below)
			required = append(required, member)
		}
	}
	if len(required) > 0 {
		slices.Sort(required)
		schema["properties"], schema["required"] = properties, required
	}
	return schema
}
