package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// Bounds of what is read, all files together.
const (
	maxSchemas  = 100_000   // each takes about 3 KiB while it is loaded
	maxPatterns = 1_000_000 // instructions of the programs of all patterns, of about 100 bytes each
	maxPlaces   = 128 << 20 // bytes of the JSON Pointers of a file
)

var errManySchemas = fmt.Errorf("there are more than %d schemas, with all that are in them: keep those that are needed, or split them over several directories", maxSchemas)

// reader reads schemas of files that are checked into the library's form. The
// library's own compiler takes time that grows with the square of a file, and
// keeps a text of every enum.
type reader struct {
	schemas  map[target]*jsonschema.Schema
	queue    []unread
	patterns map[string]*regexp.Regexp
	program  int // instructions
	problems []*LoadError
}

// unread is a schema that is known by its place alone.
type unread struct {
	*jsonschema.Schema

	from target
	node any
}

func newReader() *reader {
	return &reader{schemas: make(map[target]*jsonschema.Schema), patterns: make(map[string]*regexp.Regexp)}
}

// schema returns the schema at a place. It is not read before run is called.
func (r *reader) schema(t target) *jsonschema.Schema {
	if t.meta != nil {
		return t.meta
	}
	if s := r.schemas[t]; s != nil {
		return s
	}
	node, _ := jsonptr.Lookup(t.file.doc, t.at)
	return r.add(t, node, t.file.id+"#"+escapeFragment(t.at))
}

func (r *reader) add(t target, node any, location string) *jsonschema.Schema {
	if s := r.schemas[t]; s != nil {
		return s
	}
	s := &jsonschema.Schema{
		Location: location, Draft: t.file.draft.version,
		MinProperties: -1, MaxProperties: -1, MinItems: -1, MaxItems: -1, MinContains: 1, MaxContains: -1, MinLength: -1, MaxLength: -1,
	}
	if len(r.schemas) == maxSchemas {
		r.wrong(t, "", errManySchemas)
	}
	r.schemas[t] = s
	r.queue = append(r.queue, unread{s, t, node})
	return s
}

func (r *reader) wrong(t target, keyword string, err error) {
	r.problems = append(r.problems, t.file.mistake(t.at+keyword, err))
}

// run reads all schemas that are known, and those that they lead to.
func (r *reader) run() {
	for len(r.queue) > 0 && len(r.problems) == 0 {
		last := len(r.queue) - 1
		u := r.queue[last]
		r.queue = r.queue[:last]
		switch node := u.node.(type) {
		case bool:
			u.Always = &node
		case map[string]any:
			r.read(u, node)
		default:
			r.wrong(u.from, "", errors.New("expected object or boolean"))
		}
	}
}

// read reads the keywords of one schema. What is not of their types is passed
// over: the draft's own schema has refused it.
func (r *reader) read(u unread, m map[string]any) {
	s, f, in := u.Schema, u.from.file, u.from.file.draft.number
	s.RecursiveAnchor, _ = m["$recursiveAnchor"].(bool)
	s.DynamicAnchor, _ = m["$dynamicAnchor"].(string)
	s.Ref = r.reference(u, m, "$ref")
	if s.Ref != nil && f.draft.old {
		return // it hides all else
	}
	if in >= 2019 {
		s.RecursiveRef = r.reference(u, m, "$recursiveRef")
	}
	if in >= 2020 {
		s.DynamicRef = r.reference(u, m, "$dynamicRef")
	}
	if f.speaks("validation") {
		r.assertions(u, m)
	}
	if f.speaks("applicator") {
		r.applicators(u, m)
	}
	if in == 2019 && f.speaks("applicator") || in >= 2020 && f.speaks("unevaluated") {
		s.UnevaluatedProperties = r.child(u, m, "unevaluatedProperties")
		s.UnevaluatedItems = r.child(u, m, "unevaluatedItems")
		s.ContainsEval = in >= 2020
	}
	s.Format, _ = m["format"].(string)
	if value, ok := m["const"]; ok && in >= 6 {
		s.Constant = []any{value}
	}
	if in >= 7 {
		s.ContentEncoding, _ = m["contentEncoding"].(string)
		s.ContentMediaType, _ = m["contentMediaType"].(string)
	}
}

// reference returns what a reference leads to; it is known since it was followed.
func (r *reader) reference(u unread, m map[string]any, keyword string) *jsonschema.Schema {
	if _, ok := m[keyword]; !ok {
		return nil
	}
	to, ok := u.from.file.targets[u.from.at+"/"+keyword]
	if !ok {
		r.wrong(u.from, "/"+keyword, errors.New("a schema inside const, enum, default or examples refers to nothing: move it to $defs and refer to it there"))
		return nil
	}
	return r.schema(to)
}

// assertions are the keywords without schemas.
func (r *reader) assertions(u unread, m map[string]any) {
	s := u.Schema
	switch types := m["type"].(type) {
	case string:
		s.Types = []string{types}
	case []any:
		s.Types = texts(types)
	}
	s.Enum, _ = m["enum"].([]any)
	s.Minimum, s.ExclusiveMinimum = limits(m, "minimum", "exclusiveMinimum")
	s.Maximum, s.ExclusiveMaximum = limits(m, "maximum", "exclusiveMaximum")
	s.MultipleOf = rational(m["multipleOf"])
	s.MinProperties, s.MaxProperties = count(m, "minProperties"), count(m, "maxProperties")
	s.MinItems, s.MaxItems = count(m, "minItems"), count(m, "maxItems")
	s.MinLength, s.MaxLength = count(m, "minLength"), count(m, "maxLength")
	if list, ok := m["required"].([]any); ok {
		s.Required = texts(list)
	}
	s.UniqueItems, _ = m["uniqueItems"].(bool)
	if pattern, ok := m["pattern"].(string); ok {
		s.Pattern = r.pattern(u, pattern, "/pattern")
	}
	if u.from.file.draft.number < 2019 {
		return
	}
	if s.MaxContains = count(m, "maxContains"); m["minContains"] != nil {
		s.MinContains = count(m, "minContains")
	}
	if members, ok := m["dependentRequired"].(map[string]any); ok {
		s.DependentRequired = make(map[string][]string, len(members))
		for name, list := range members {
			if list, ok := list.([]any); ok {
				s.DependentRequired[name] = texts(list)
			}
		}
	}
}

// applicators are the keywords with schemas.
func (r *reader) applicators(u unread, m map[string]any) {
	s, in := u.Schema, u.from.file.draft.number
	s.Not = r.child(u, m, "not")
	s.AllOf, s.AnyOf, s.OneOf = r.list(u, m, "allOf"), r.list(u, m, "anyOf"), r.list(u, m, "oneOf")
	s.Properties = r.members(u, m, "properties")
	s.RegexProperties, _ = m["regexProperties"].(bool)
	if patterns := r.members(u, m, "patternProperties"); patterns != nil {
		s.PatternProperties = make(map[*regexp.Regexp]*jsonschema.Schema, len(patterns))
		for text, schema := range patterns {
			if pattern := r.pattern(u, text, "/patternProperties/"+jsonptr.Escape(text)); pattern != nil {
				s.PatternProperties[pattern] = schema
			}
		}
	}
	s.AdditionalProperties = r.others(u, m, "additionalProperties")
	r.dependencies(u, m)
	if in >= 6 {
		s.PropertyNames, s.Contains = r.child(u, m, "propertyNames"), r.child(u, m, "contains")
	}
	if in >= 7 {
		if s.If = r.child(u, m, "if"); s.If != nil {
			s.Then, s.Else = r.child(u, m, "then"), r.child(u, m, "else")
		}
	}
	if in >= 2019 {
		s.DependentSchemas = r.members(u, m, "dependentSchemas")
	}
	_, several := m["items"].([]any)
	switch {
	case in >= 2020:
		s.PrefixItems, s.Items2020 = r.list(u, m, "prefixItems"), r.child(u, m, "items")
	case several:
		s.Items, s.AdditionalItems = r.list(u, m, "items"), r.others(u, m, "additionalItems")
	default:
		if items := r.child(u, m, "items"); items != nil {
			s.Items = items
		}
	}
}

func (r *reader) dependencies(u unread, m map[string]any) {
	members, ok := m["dependencies"].(map[string]any)
	if !ok {
		return
	}
	u.Dependencies = make(map[string]any, len(members))
	for name, value := range members {
		if list, ok := value.([]any); ok {
			u.Dependencies[name] = texts(list)
		} else {
			u.Dependencies[name] = r.below(u, value, "dependencies", name)
		}
	}
}

// below returns the schema that is a value in the one that is read.
func (r *reader) below(u unread, node any, tokens ...string) *jsonschema.Schema {
	at, location := u.from.at, u.Location
	for _, token := range tokens {
		token = jsonptr.Escape(token)
		at, location = at+"/"+token, location+"/"+url.PathEscape(token)
	}
	return r.add(target{file: u.from.file, at: at}, node, location)
}

func (r *reader) child(u unread, m map[string]any, keyword string) *jsonschema.Schema {
	value, ok := m[keyword]
	if !ok {
		return nil
	}
	return r.below(u, value, keyword)
}

func (r *reader) list(u unread, m map[string]any, keyword string) []*jsonschema.Schema {
	values, ok := m[keyword].([]any)
	if !ok {
		return nil
	}
	list := make([]*jsonschema.Schema, len(values))
	for i, value := range values {
		list[i] = r.below(u, value, keyword, strconv.Itoa(i))
	}
	return list
}

func (r *reader) members(u unread, m map[string]any, keyword string) map[string]*jsonschema.Schema {
	values, ok := m[keyword].(map[string]any)
	if !ok {
		return nil
	}
	members := make(map[string]*jsonschema.Schema, len(values))
	for name, value := range values {
		members[name] = r.below(u, value, keyword, name)
	}
	return members
}

// others returns true or false as they are, and nil if there is nothing.
func (r *reader) others(u unread, m map[string]any, keyword string) any {
	switch value := m[keyword].(type) {
	case bool:
		return value
	case map[string]any:
		return r.below(u, value, keyword)
	}
	return nil
}

// pattern compiles each text once.
func (r *reader) pattern(u unread, text, at string) *regexp.Regexp {
	if known := r.patterns[text]; known != nil {
		return known
	}
	if r.program += programSize(text); r.program > maxPatterns {
		r.wrong(u.from, at, fmt.Errorf("the patterns have more than %d instructions together, and this is one too many: write smaller counts than those of {n} in them, or maxLength instead", maxPatterns))
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		r.wrong(u.from, at, fmt.Errorf("'%s' is not valid 'regex': patterns are RE2, without lookaround and back-references", text))
		return nil
	}
	r.patterns[text] = re
	return re
}

// programSize counts the instructions of a pattern.
func programSize(text string) int {
	if parsed, err := syntax.Parse(text, syntax.Perl); err == nil {
		if program, err := syntax.Compile(parsed.Simplify()); err == nil {
			return len(program.Inst)
		}
	}
	return len(text)
}

func texts(list []any) []string {
	texts := make([]string, 0, len(list))
	for _, v := range list {
		if text, ok := v.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// count returns the value of a keyword that counts, or -1 if it is not there.
func count(m map[string]any, keyword string) int {
	n, ok := m[keyword].(json.Number)
	if !ok {
		return -1
	}
	f, _ := n.Float64() // infinity if it is beyond
	return int(min(f, math.MaxInt32))
}

func rational(v any) *big.Rat {
	n, ok := v.(json.Number)
	if !ok {
		return nil
	}
	r, _ := new(big.Rat).SetString(string(n))
	return r
}

// limits reads a limit and the exclusive one beside it, which in draft 4 is true or
// false.
func limits(m map[string]any, keyword, exclusive string) (limit, beyond *big.Rat) {
	limit, beyond = rational(m[keyword]), rational(m[exclusive])
	if m[exclusive] == true {
		return nil, limit
	}
	return limit, beyond
}
