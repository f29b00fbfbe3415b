package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// Draft7 is [Document.Draft] of what is in draft 7.
const Draft7 = "draft-07"

// Export is the schemas of a directory for a document that holds them all, and in
// which a "$ref" is a JSON Pointer into that document.
type Export struct {
	// Documents are the files that can be chosen, and what they refer to, in the order
	// of their names.
	Documents []Document
	// Roots are the schemas that can be chosen, in the order of their addresses.
	Roots []Root
}

// Document is a file, or one schema of an OpenAPI document.
type Document struct {
	// Name is that of the file, after that of the set and a slash.
	Name string
	// Draft is [Draft7], into which drafts are translated that say nothing else, or
	// "draft-2019-09" or "draft-2020-12" of a file that has keywords which draft 7
	// has not, or refers to one that has.
	Draft string
	// Schema is the schema, as encoding/json decodes it with UseNumber.
	Schema any
}

// Root is a schema that can be chosen.
type Root struct {
	Info

	// Types are the globs of the types that have it, as they stand in the rules;
	// without rules the name of the file, with which those begin that it is for, and
	// "*" for an envelope.
	Types []string
	// Document is the name of the [Document], and Pointer the place in it.
	Document, Pointer string
	// Err says why there is none.
	Err error
}

var (
	errDynamic  = errors.New("what it means depends on where a reference comes from")
	errMeta     = errors.New("it refers to JSON Schema's own schema")
	errDialect  = errors.New("it has a metaschema of its own")
	errOddPlace = errors.New("it refers to what is no schema by its place")
	errOldNew   = errors.New("schemas of several drafts refer to each other, and one has keywords that the others have not")
	errTwice    = errors.New("it has the same name in $defs and definitions")
)

// NewExport loads the directory as [Load] does, whose errors it has. Ref returns what
// a "$ref" is that leads to a place in a document, whose Schema is not yet there.
func NewExport(cfg Config, ref func(to Document, pointer string) string) (*Export, error) {
	dir, err := open(cfg)
	if err != nil {
		return nil, err
	}
	set, err := sets.load(dir.key(cfg), func() (*Set, error) { return dir.set(cfg) })
	if err != nil {
		return nil, err
	}
	dir = dir.again() // the set may be that of an earlier load, and is of the same bytes
	addresses, err := dir.prepare(cfg.Rules)
	if err != nil {
		return nil, err
	}
	x := &exporter{set: cfg.Name, ref: ref, files: make(map[*file]*exported)}
	for _, a := range addresses {
		for _, f := range a.file.closure() {
			x.add(f)
		}
	}
	x.settle()
	for _, e := range x.files {
		e.write()
	}
	for _, e := range x.files {
		e.link(x)
	}
	x.spread() // what cannot be linked
	result := new(Export)
	for _, e := range x.sorted() {
		if e.err == nil {
			result.Documents = append(result.Documents, Document{e.name, e.draft, e.schema})
		}
	}
	for i, a := range addresses {
		e := x.files[a.file]
		root := Root{Info: set.all[i], Types: typesOf(cfg.Rules, a.text), Document: e.name, Err: e.err}
		at, known := e.places[canonical(a.pointer)]
		if root.Pointer = at; !known && root.Err == nil {
			root.Err = errOddPlace
		}
		result.Roots = append(result.Roots, root)
	}
	return result, nil
}

// typesOf returns for which types a schema is.
func typesOf(rules []Rule, address string) (types []string) {
	if len(rules) == 0 {
		if name := typeName(strings.TrimSuffix(address, ".json")); name != envelope {
			return []string{name}
		}
		return []string{"*"}
	}
	for _, r := range rules {
		if r.Schema == address {
			types = append(types, r.Type)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// exporter makes documents of files.
type exporter struct {
	set   string
	ref   func(Document, string) string
	files map[*file]*exported
}

// exported is a file on its way to a document.
type exported struct {
	*file

	name   string
	draft  string
	raw    bool // it stays in its draft
	err    error
	schema any
	places map[string]string // of its schemas, by where they are in the file
	refs   []exportedRef
}

// exportedRef is a reference that is to be written when all places are known.
type exportedRef struct {
	into map[string]any
	to   target
}

func (x *exporter) add(f *file) {
	if x.files[f] != nil {
		return
	}
	e := &exported{file: f, name: path.Join(x.set, f.place("")), draft: Draft7, places: make(map[string]string)}
	x.files[f] = e
	if f.vocabulary != nil {
		e.err = errDialect
	}
	for _, r := range f.refs {
		switch {
		case !strings.HasSuffix(r.at, "/$ref"):
			e.err = errDynamic
		case f.targets[r.at].meta != nil:
			e.err = errMeta
		}
	}
	e.raw = e.has(f.doc, "")
}

// sorted returns the files in the order of their names.
func (x *exporter) sorted() []*exported {
	return slices.SortedFunc(maps.Values(x.files), func(a, b *exported) int { return strings.Compare(a.name, b.name) })
}

// settle decides which files stay in their draft: those with keywords that draft 7
// has not, those that refer to them, and those that they refer to.
func (x *exporter) settle() {
	files := x.sorted()
	for changed := true; changed; {
		changed = false
		for _, e := range files {
			for _, other := range e.others {
				if o := x.files[other]; o != nil && o.raw != e.raw {
					e.raw, o.raw, changed = true, true, true
				}
			}
		}
	}
	for _, e := range files {
		if e.raw = e.raw && !e.file.draft.old; e.raw {
			e.draft = map[int]string{2019: "draft-2019-09", 2020: "draft-2020-12"}[e.file.draft.number]
		}
	}
	for _, e := range files {
		for _, other := range e.closure() {
			if o := x.files[other]; e.err == nil && o != nil && o.draft != e.draft {
				e.err = errOldNew
			}
		}
	}
	x.spread()
}

// spread says of files that refer to what cannot be exported that they cannot be
// either.
func (x *exporter) spread() {
	own := make(map[*exported]error)
	for _, e := range x.files {
		own[e] = e.err
	}
	for _, e := range x.files {
		for _, other := range e.closure() {
			if o := x.files[other]; e.err == nil && own[o] != nil {
				e.err = fmt.Errorf("%s: %w", o.name, own[o])
			}
		}
	}
}

// beyond are the keywords that draft 7 has no words for.
var beyond = map[string]int{"unevaluatedProperties": 2019, "unevaluatedItems": 2019, "minContains": 2019, "maxContains": 2019}

// has reports whether a schema has keywords that draft 7 has no words for.
func (e *exported) has(node any, at string) bool {
	object, _ := node.(map[string]any)
	for keyword, value := range object {
		if since := beyond[keyword]; since > 0 && e.file.draft.number >= since {
			return true
		}
		for child, where := range children(e.file.draft, keyword, value, at) {
			if e.has(child, where) {
				return true
			}
		}
	}
	return false
}

// children yields the schemas in the value of a keyword, with their places.
func children(d draft, keyword string, value any, at string) func(yield func(any, string) bool) {
	return func(yield func(any, string) bool) {
		where, at := d.spot(keyword), at+"/"+jsonptr.Escape(keyword)
		switch value := value.(type) {
		case []any:
			for i := range value {
				if where&inItems != 0 && !yield(value[i], at+"/"+strconv.Itoa(i)) {
					return
				}
			}
		case map[string]any:
			if where&itself != 0 {
				yield(value, at)
				return
			}
			for name, child := range value {
				if where&inMembers != 0 && !yield(child, at+"/"+jsonptr.Escape(name)) {
					return
				}
			}
		default:
			if where&itself != 0 {
				yield(value, at)
			}
		}
	}
}

// write makes the document, without what its references are.
func (e *exported) write() {
	if e.err != nil {
		return
	}
	e.schema = e.translate(e.doc, "", "")
}

// link writes the references.
func (e *exported) link(x *exporter) {
	for _, r := range e.refs {
		to := x.files[r.to.file]
		at, ok := to.places[r.to.at]
		if !ok && to.err == nil {
			e.err = errOddPlace
			return
		}
		r.into["$ref"] = x.ref(Document{Name: to.name, Draft: to.draft}, at)
	}
}

// kept are the keywords that stay as they are, by the first draft that has them.
// What is in none of the lists has no effect on what is valid.
var kept = map[string]int{
	"title": 4, "description": 4, "default": 4, "type": 4, "enum": 4, "format": 4, "pattern": 4, "multipleOf": 4,
	"maximum": 4, "minimum": 4, "exclusiveMaximum": 4, "exclusiveMinimum": 4, "maxLength": 4, "minLength": 4,
	"maxItems": 4, "minItems": 4, "uniqueItems": 4, "maxProperties": 4, "minProperties": 4, "required": 4,
	"not": 4, "allOf": 4, "anyOf": 4, "oneOf": 4, "properties": 4, "additionalProperties": 4, "patternProperties": 4,
	"definitions": 4, "const": 6, "examples": 6, "contains": 6, "propertyNames": 6,
	"if": 7, "then": 7, "else": 7, "$comment": 7, "readOnly": 7, "writeOnly": 7, "contentEncoding": 7, "contentMediaType": 7,
	"deprecated": 2019,
}

// translate returns a schema that stands at a place of the file as it stands at
// another of the document.
func (e *exported) translate(node any, at, to string) any {
	e.places[at] = to
	object, ok := node.(map[string]any)
	if !ok {
		return node
	}
	s := make(map[string]any, len(object))
	d := e.file.draft
	hidden := false // all but the reference
	if target, ok := e.targets[at+"/$ref"]; ok {
		alone := map[string]any{}
		switch {
		case len(object) == 1:
			alone = s
		default:
			// Beside a reference draft 7, and AsyncAPI, have nothing.
			s["allOf"] = []any{alone}
		}
		hidden = d.old
		e.refs = append(e.refs, exportedRef{alone, target})
	}
	for _, keyword := range slices.Sorted(maps.Keys(object)) {
		value := object[keyword]
		switch {
		case hidden && keyword != "definitions":
		case e.raw:
			if !isName(keyword) {
				e.put(s, keyword, keyword, value, at, to)
			}
		case keyword == "$defs" && d.number >= 2019:
			e.put(s, "definitions", keyword, value, at, to)
		case keyword == "prefixItems" && d.number >= 2020:
			e.put(s, "items", keyword, value, at, to)
		case keyword == "items" && d.number >= 2020 && object["prefixItems"] != nil:
			e.put(s, "additionalItems", keyword, value, at, to)
		case keyword == "items", keyword == "additionalItems" && d.number < 2020:
			e.put(s, keyword, keyword, value, at, to)
		case keyword == "dependentRequired" && d.number >= 2019, keyword == "dependencies" && d.old:
			e.put(s, "dependencies", keyword, value, at, to)
		case keyword == "dependentSchemas" && d.number >= 2019:
			// Beside dependentRequired there may be the same names.
			inner, place := map[string]any{}, to+"/allOf/"+strconv.Itoa(len(listOf(s["allOf"])))
			e.put(inner, "dependencies", keyword, value, at, place)
			s["allOf"] = append(listOf(s["allOf"]), inner)
		case kept[keyword] > 0 && kept[keyword] <= max(d.number, 4):
			e.put(s, keyword, keyword, value, at, to)
		}
	}
	if d.number == 4 && !hidden {
		exclusive(s, "exclusiveMinimum", "minimum")
		exclusive(s, "exclusiveMaximum", "maximum")
	}
	return s
}

// isName reports whether a keyword names a schema, or says how it is written.
func isName(keyword string) bool {
	switch keyword {
	case "$id", "$schema", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$ref":
		return true
	}
	return false
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// put writes the value of a keyword under another name, with the schemas in it.
func (e *exported) put(s map[string]any, name, keyword string, value any, at, to string) {
	d := e.file.draft
	where, from := d.spot(keyword), at+"/"+jsonptr.Escape(keyword)
	to += "/" + jsonptr.Escape(name)
	switch v := value.(type) {
	case []any:
		if where&inItems == 0 {
			s[name] = v
			return
		}
		// allOf may have a reference or dependencies already.
		list := slices.Clone(listOf(s[name]))
		for i := range v {
			list = append(list, e.translate(v[i], from+"/"+strconv.Itoa(i), to+"/"+strconv.Itoa(len(list))))
		}
		s[name] = list
	case map[string]any:
		if where&itself != 0 {
			s[name] = e.translate(v, from, to)
			return
		}
		members, _ := s[name].(map[string]any)
		if members == nil {
			members = make(map[string]any, len(v))
		}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			if _, twice := members[member]; twice {
				e.err = errTwice
			}
			members[member] = v[member]
			if _, isList := v[member].([]any); where&inMembers != 0 && !isList {
				members[member] = e.translate(v[member], from+"/"+jsonptr.Escape(member), to+"/"+jsonptr.Escape(member))
			}
		}
		s[name] = members
	default:
		if where&itself != 0 {
			e.places[from] = to
		}
		s[name] = value
	}
}

// exclusive makes a number of what draft 4 has as true beside another keyword.
func exclusive(s map[string]any, keyword, bound string) {
	strict, ok := s[keyword].(bool)
	if !ok {
		return
	}
	delete(s, keyword)
	if number, there := s[bound].(json.Number); strict && there {
		s[keyword] = number
		delete(s, bound)
	}
}
