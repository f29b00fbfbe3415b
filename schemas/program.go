package schemas

import (
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// node is a compiled schema in the form in which it is walked. It has nothing of
// the library's, which can be forgotten.
type node struct {
	location string // of the schema, in the library's words
	cost     int    // steps for its keywords, apart from their work
	kinds    kinds
	never    bool // nothing fits
	constant *valueSet
	enum     *valueSet
	format   func(any) bool
	slow     bool // the format takes a microsecond for each byte
	object   *objectRules
	array    *arrayRules
	text     *textRules
	number   *numberRules
	logic    *logic
	scope    *resource // where dynamic references look; nil if there are none

	unevaluated *unevaluated
}

// logic is what schemas say together.
type logic struct {
	refs      []ref
	not       *node
	allOf     []*node
	choices   []*choice
	dependent []dependent
	condition *node // if
	then      *node
	otherwise *node
}

// dependent is what holds where a member is there.
type dependent struct {
	keyword, name string
	required      []string
	node          *node
}

// unevaluated are the schemas for what no other schema has looked at.
type unevaluated struct{ members, items *node }

// builder makes nodes of what the library has compiled.
type builder struct {
	nodes  map[*jsonschema.Schema]*node
	order  []*jsonschema.Schema
	scoped bool // there are dynamic references

	patterns map[*regexp.Regexp]*pattern

	filled  int // of order
	filling bool
}

func newBuilder() *builder {
	return &builder{nodes: make(map[*jsonschema.Schema]*node), patterns: make(map[*regexp.Regexp]*pattern)}
}

// node returns the node for a schema, which is read. Its choices are made by finish.
func (b *builder) node(s *jsonschema.Schema) *node {
	if s == nil {
		return nil
	}
	if n := b.nodes[s]; n != nil {
		return n
	}
	n := &node{location: s.Location, kinds: allKinds}
	b.nodes[s] = n
	b.order = append(b.order, s)
	if !b.filling { // not by recursion: a chain of references may be long
		b.filling = true
		for ; b.filled < len(b.order); b.filled++ {
			b.fill(b.nodes[b.order[b.filled]], b.order[b.filled])
		}
		b.filling = false
	}
	return n
}

// fill makes the node of a schema, and puts those that it leads to in line.
func (b *builder) fill(n *node, s *jsonschema.Schema) {
	if s.Always != nil {
		n.never = !*s.Always
		n.cost = 1
		return
	}
	if len(s.Types) > 0 {
		n.kinds = 0
		for _, t := range s.Types {
			n.kinds |= kindByName[t]
		}
	}
	if len(s.Constant) > 0 {
		n.constant = newValueSet(s.Constant[:1])
	}
	if s.Enum != nil { // if it is empty, nothing fits
		n.enum = newValueSet(s.Enum)
	}
	n.format, n.slow = formatNamed(s.Format), s.Format == "regex"
	n.object, n.array = b.objectRules(s), b.arrayRules(s)
	n.text, n.number = b.textRules(s), newNumberRules(s)
	n.logic = b.logic(s)
	if s.UnevaluatedProperties != nil || s.UnevaluatedItems != nil {
		n.unevaluated = &unevaluated{b.node(s.UnevaluatedProperties), b.node(s.UnevaluatedItems)}
	}
	n.cost = n.keywords()
}

func (b *builder) list(schemas []*jsonschema.Schema) (nodes []*node) {
	for _, s := range schemas {
		nodes = append(nodes, b.node(s))
	}
	return nodes
}

// keywords counts groups of keywords that are looked at.
func (n *node) keywords() int {
	count := 1
	for _, there := range []bool{n.constant != nil, n.enum != nil, n.format != nil, n.object != nil, n.array != nil, n.text != nil, n.number != nil, n.unevaluated != nil} {
		if there {
			count++
		}
	}
	if n.logic != nil {
		count += 1 + len(n.logic.dependent)
	}
	return count
}

func (b *builder) objectRules(s *jsonschema.Schema) *objectRules {
	r := &objectRules{min: s.MinProperties, max: s.MaxProperties, required: s.Required, regexNames: s.RegexProperties, names: b.node(s.PropertyNames)}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		r.properties = append(r.properties, property{name, b.node(s.Properties[name])})
	}
	for re, schema := range s.PatternProperties {
		r.patterns = append(r.patterns, patternProperty{*b.pattern(re), b.node(schema)})
	}
	slices.SortFunc(r.patterns, func(a, b patternProperty) int { return strings.Compare(a.String(), b.String()) })
	switch others := s.AdditionalProperties.(type) {
	case bool:
		r.all, r.closed = true, !others
	case *jsonschema.Schema:
		r.all, r.others = true, b.node(others)
	}
	if r.min < 0 && r.max < 0 && r.required == nil && r.properties == nil && r.names == nil && r.patterns == nil && !r.regexNames && !r.all {
		return nil
	}
	return r
}

func (b *builder) arrayRules(s *jsonschema.Schema) *arrayRules {
	r := &arrayRules{
		min: s.MinItems, max: s.MaxItems, unique: s.UniqueItems, contains: b.node(s.Contains),
		atLeast: s.MinContains, atMost: s.MaxContains, containsMarks: s.ContainsEval, containsName: "contains",
	}
	if r.atLeast != 1 {
		r.containsName = "minContains"
	}
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		r.all, r.others = true, b.node(items)
	case []*jsonschema.Schema:
		r.prefix = b.list(items)
		switch others := s.AdditionalItems.(type) {
		case bool:
			r.all, r.closed = others, !others
		case *jsonschema.Schema:
			r.all, r.others = true, b.node(others)
		}
	}
	if s.PrefixItems != nil {
		r.prefix = b.list(s.PrefixItems)
	}
	if s.Items2020 != nil {
		r.all, r.others = true, b.node(s.Items2020)
	}
	if r.min < 0 && r.max < 0 && !r.unique && r.prefix == nil && r.others == nil && !r.closed && !r.all && r.contains == nil {
		return nil
	}
	return r
}

func (b *builder) textRules(s *jsonschema.Schema) *textRules {
	r := &textRules{min: s.MinLength, max: s.MaxLength}
	if s.Pattern != nil {
		r.pattern = b.pattern(s.Pattern)
	}
	// Later drafts leave it to the application whether content is looked at.
	if s.Draft == jsonschema.Draft7 {
		r.decode = jsonschema.Decoders[s.ContentEncoding]
		r.json = s.ContentMediaType == "application/json" && (r.decode != nil || s.ContentEncoding == "")
	}
	if r.min < 0 && r.max < 0 && r.pattern == nil && r.decode == nil && !r.json {
		return nil
	}
	return r
}

// pattern measures each pattern once.
func (b *builder) pattern(re *regexp.Regexp) *pattern {
	p := b.patterns[re]
	if p == nil {
		p = &pattern{re, programSize(re.String())}
		b.patterns[re] = p
	}
	return p
}

func newNumberRules(s *jsonschema.Schema) *numberRules {
	r := &numberRules{}
	for _, l := range []struct {
		keyword   string
		value     *big.Rat
		sign      int
		exclusive bool
	}{
		{"minimum", s.Minimum, -1, false},
		{"exclusiveMinimum", s.ExclusiveMinimum, -1, true},
		{"maximum", s.Maximum, 1, false},
		{"exclusiveMaximum", s.ExclusiveMaximum, 1, true},
	} {
		if l.value != nil {
			r.limits = append(r.limits, limit{newConstantNumber(l.value), l.keyword, l.sign, l.exclusive})
		}
	}
	if s.MultipleOf != nil {
		multiple := newConstantNumber(s.MultipleOf).decimal
		r.multiple = &multiple
	}
	if r.limits == nil && r.multiple == nil {
		return nil
	}
	return r
}

func (b *builder) logic(s *jsonschema.Schema) *logic {
	l := &logic{
		not: b.node(s.Not), allOf: b.list(s.AllOf),
		condition: b.node(s.If), then: b.node(s.Then), otherwise: b.node(s.Else),
	}
	for _, r := range []struct {
		how    int
		target *jsonschema.Schema
	}{{static, s.Ref}, {recursive, s.RecursiveRef}, {dynamic, s.DynamicRef}} {
		if r.target != nil {
			l.refs = append(l.refs, ref{node: b.node(r.target), how: r.how})
			b.scoped = b.scoped || r.how != static
		}
	}
	// One branch alone is no choice. The others follow once all nodes are there.
	for _, list := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		if nodes := b.list(list); len(nodes) == 1 {
			l.allOf = append(l.allOf, nodes[0])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		d := dependent{keyword: "dependencies", name: name}
		switch what := s.Dependencies[name].(type) {
		case *jsonschema.Schema:
			d.node = b.node(what)
		case []string:
			d.required = what
		}
		l.dependent = append(l.dependent, d)
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentRequired)) {
		l.dependent = append(l.dependent, dependent{keyword: "dependentRequired", name: name, required: s.DependentRequired[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(s.DependentSchemas)) {
		l.dependent = append(l.dependent, dependent{keyword: "dependentSchemas", name: name, node: b.node(s.DependentSchemas[name])})
	}
	if l.refs == nil && l.not == nil && l.allOf == nil && l.dependent == nil && l.condition == nil && len(s.AnyOf) < 2 && len(s.OneOf) < 2 {
		return nil
	}
	return l
}

// finish does what needs all nodes. It returns how many there are.
func (b *builder) finish(d *directory, read func(target) *jsonschema.Schema) int {
	b.scopes(d, read)
	for _, s := range b.order {
		n := b.nodes[s]
		if len(s.AnyOf) > 1 {
			n.logic.choices = append(n.logic.choices, newChoice("anyOf", b.list(s.AnyOf)))
		}
		if len(s.OneOf) > 1 {
			n.logic.choices = append(n.logic.choices, newChoice("oneOf", b.list(s.OneOf)))
		}
	}
	return len(b.order)
}

// formats are ours; the others are the library's.
var formats = map[string]func(any) bool{
	"date-time": isDateTime, "date": isDate, "time": isTime, "duration": isDuration, "period": isPeriod,
	"uri": isURI, "uri-reference": isURIReference, "iri": isIRI, "iri-reference": isIRIReference, "uri-template": isURITemplate,
	"hostname": isHostname, "ipv4": isIPv4, "regex": isRegex,
}

func formatNamed(name string) func(any) bool {
	if f, ok := formats[name]; ok {
		return f
	}
	return jsonschema.Formats[name]
}
