package schemas

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// metaschema is the schema of the schemas of a draft. The library has it.
type metaschema struct {
	schema  *jsonschema.Schema
	node    *node
	longest int
	parts   map[string]*jsonschema.Schema // by what follows the host
}

var metaschemas sync.Map // of *jsonschema.Draft to func() (*metaschema, error)

// metaschemaOf returns the metaschema of a draft. Each is compiled once.
func metaschemaOf(version *jsonschema.Draft) (*metaschema, error) {
	once, _ := metaschemas.LoadOrStore(version, sync.OnceValues(func() (*metaschema, error) { return newMetaschema(version) }))
	return once.(func() (*metaschema, error))()
}

func newMetaschema(version *jsonschema.Draft) (*metaschema, error) {
	c := newCompiler()
	schema, err := c.Compile(version.URL())
	if err != nil {
		return nil, err
	}
	b := newBuilder()
	m := &metaschema{schema: schema, node: b.node(schema), parts: make(map[string]*jsonschema.Schema)}
	if version == latest.version {
		// No other part of it refers to this one.
		assertion, err := c.Compile("https://json-schema.org/draft/2020-12/meta/format-assertion")
		if err != nil {
			return nil, err
		}
		b.node(assertion)
	}
	m.longest = b.finish(&directory{}, nil)
	for _, s := range b.order {
		rest, _ := cutHost(s.Location)
		whole, fragment, _ := strings.Cut(rest, "#")
		m.parts[whole+"#"+unescape(fragment)] = s
		if s.DynamicAnchor != "" {
			m.parts[whole+"#"+s.DynamicAnchor] = s
		}
	}
	return m, nil
}

// newCompiler returns the library's compiler, which reads nothing but its own.
func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = func(string) (io.ReadCloser, error) { return nil, errOutside }
	maps.Copy(c.Formats, formats)
	return c
}

// isMetaschema reports whether the library has the document itself.
func isMetaschema(rawURL string) bool {
	rest, ok := cutHost(rawURL)
	_, whole := drafts[rest]
	return ok && (whole || strings.HasPrefix(rest, "draft/2019-09/meta/") || strings.HasPrefix(rest, "draft/2020-12/meta/"))
}

// metaschemaAt returns what a fragment means in a document of the library's.
func metaschemaAt(rawURL, fragment string) (*jsonschema.Schema, error) {
	rest, _ := cutHost(rawURL)
	version, whole := drafts[rest]
	if whole {
		rest, _ = cutHost(version.version.URL())
	} else if version = latest; strings.HasPrefix(rest, "draft/2019-09/") {
		version = drafts["draft/2019-09/schema"]
	}
	m, err := metaschemaOf(version.version)
	if err != nil {
		return nil, err
	}
	if s := m.parts[rest+"#"+canonical(fragment)]; s != nil {
		return s, nil
	}
	return nil, errors.New("the draft's own schema has no schema there: refer to one that it has, or write your own")
}

// checkSchema reports where a value in a file is not a schema of its draft.
func (f *file) checkSchema(node any, at string) []*LoadError {
	m, err := metaschemaOf(f.draft.version)
	if err != nil {
		return []*LoadError{f.mistake(at, err)}
	}
	e := &evaluator{left: unbounded, longest: m.longest}
	if e.eval(m.node, node, nil, 0) && e.stop == nil {
		return nil
	}
	// The library has better words, or is what judges beyond a bound of ours. Long
	// lists would take it much memory.
	if err := m.schema.Validate(shorten(node)); err != nil || errors.Is(e.stop, errBound) {
		return f.explain(at, err)
	}
	found, _, err := m.node.validate(node, unbounded, m.longest)
	if err != nil {
		return []*LoadError{f.mistake(at, err)}
	}
	var problems []*LoadError
	for _, v := range found {
		problems = append(problems, f.mistake(at+v.pointer, fmt.Errorf("%s does not hold in the draft's own schema", v.keyword)))
	}
	return problems
}

// shorten returns a copy of a value without what follows in long lists.
func shorten(v any) any {
	const long = 1000
	switch v := v.(type) {
	case []any:
		list := make([]any, min(len(v), long))
		for i := range list {
			list[i] = shorten(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = shorten(member)
		}
		return object
	}
	return v
}

// explain makes mistakes of what the library finds wrong with a value in a file.
func (f *file) explain(at string, err error) []*LoadError {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		if err == nil {
			return nil
		}
		return []*LoadError{f.mistake(at, err)}
	}
	// The instance is the schema here: it is the operator's own.
	var problems []*LoadError
	var visit func(node *jsonschema.ValidationError)
	visit = func(node *jsonschema.ValidationError) {
		causes := node.Causes
		if strings.HasSuffix(node.KeywordLocation, "/anyOf") {
			causes = causes[:min(len(causes), 1)] // the others say the same of other forms
		}
		for _, cause := range causes {
			visit(cause)
		}
		if len(causes) == 0 {
			text := node.Message
			if strings.HasSuffix(text, "is not valid 'regex'") {
				text += ": patterns are RE2, without lookaround and back-references"
			}
			problems = append(problems, f.mistake(at+unescape(node.InstanceLocation), errors.New(text)))
		}
	}
	visit(invalid)
	return problems
}

// vocabulary is what a metaschema of the operator's makes understood; all if it is
// nil.
type vocabulary map[string]bool

// speaks reports whether the keywords of a vocabulary mean something in the file.
func (f *file) speaks(name string) bool { return f.vocabulary == nil || f.vocabulary[name] }

// vocabularies are those that the library knows, beside the URL of their draft.
var vocabularies = map[int][]string{
	2019: {"core", "applicator", "validation", "meta-data", "format", "content"},
	2020: {"core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "format-assertion", "content"},
}

// declared returns the vocabularies that a file declares, as a metaschema.
func (f *file) declared() (vocabulary, []*LoadError) {
	object, _ := f.doc.(map[string]any)
	members, ok := object["$vocabulary"].(map[string]any)
	if !ok || f.draft.old {
		return nil, nil
	}
	known := map[string]string{}
	for _, name := range vocabularies[f.draft.number] {
		known[strings.TrimSuffix(f.draft.version.URL(), "schema")+"vocab/"+name] = name
	}
	declared := vocabulary{}
	var problems []*LoadError
	for rawURL, required := range members {
		name, ok := known[rawURL]
		switch {
		case required == false:
		case ok:
			declared[name] = true
		default:
			problems = append(problems, f.mistake("/$vocabulary/"+jsonptr.Escape(rawURL), errors.New("nobody knows this vocabulary here: remove it, or write false if schemas can do without")))
		}
	}
	return declared, problems
}
