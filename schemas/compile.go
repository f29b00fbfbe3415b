package schemas

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// address is a schema inside the directory: a file and perhaps a JSON Pointer.
type address struct {
	text    string
	file    *file
	pointer string
}

func (d *directory) address(text string) (address, *LoadError) {
	name, pointer, _ := strings.Cut(text, "#")
	f := d.byName[name]
	mistake := func(pointer, format string, args ...any) (address, *LoadError) {
		return address{}, &LoadError{File: name, Pointer: pointer, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case f == nil && path.Clean("/"+name) != "/"+name:
		return mistake("", "name a file inside the directory, without dots and without a slash at the beginning")
	case f == nil && (path.Ext(name) == ".yaml" || path.Ext(name) == ".yml"):
		return mistake("", "%w", errYAML)
	case f == nil:
		return mistake("", "there is no such file in the directory%s", d.similar(name))
	case pointer != "" && pointer[0] != '/':
		return mistake("", "%q is not a JSON Pointer: it begins with a slash", pointer)
	case f.err != nil || pointer == "":
		return address{text, f, ""}, nil
	}
	if version := openAPIOf(nil, f); version != nil {
		part, err := d.part(f, pointer, version)
		if err != nil {
			return mistake(pointer, "%w", err)
		}
		return address{text, part, ""}, nil
	}
	if _, ok := lookup(f.doc, pointer); !ok {
		return mistake(pointer, "there is nothing at this JSON Pointer%s", nearest(f, place{f.doc, ""}, pointer))
	}
	return address{text, f, pointer}, nil
}

// similar says which file has nearly the name.
func (d *directory) similar(name string) string {
	for _, f := range d.files {
		if strings.EqualFold(f.name, name) {
			return ": write " + f.name
		}
		if f.name == name+".json" {
			return ": write " + f.name
		}
	}
	return ": put it there, or name another"
}

func (a address) url() string { return a.file.url() + "#" + escapeFragment(a.pointer) }

func (d *directory) compiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = d.load
	maps.Copy(c.Formats, formats)
	return c
}

// compile compiles the schemas, by address.
func (d *directory) compile(addresses []address) (map[string]*compiled, []*LoadError) {
	schemas := make(map[string]*compiled, len(addresses))
	var problems []*LoadError
	c, b := d.compiler(), newBuilder()
	for _, a := range addresses {
		s, err := compileOne(c, a.url())
		if err != nil {
			problems = append(problems, d.explain(a.file, err)...)
			c = d.compiler() // the library keeps what it has half compiled
			continue
		}
		if len(problems) == 0 {
			schemas[a.text] = &compiled{address: a.text, root: b.node(s)}
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	longest, err := b.finish(d, func(url string) (*jsonschema.Schema, error) { return compileOne(c, url) })
	if err != nil {
		return nil, []*LoadError{{Err: err}}
	}
	for _, s := range schemas {
		s.longest = longest
	}
	return schemas, nil
}

func compileOne(c *jsonschema.Compiler, rawURL string) (s *jsonschema.Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("compiling failed: %v", p)
		}
	}()
	return c.Compile(rawURL)
}

// checkMeta reports where a file is not a schema of its draft. If the file names
// a metaschema of the operator's, that is returned.
func (d *directory) checkMeta(f *file) (*file, []*LoadError) {
	if at, ok := unusableNumber(f.doc); ok {
		return nil, []*LoadError{f.mistake(at, errUnusableNumber)} // the library would ignore the keyword
	}
	version := f.draft.version
	if version == nil {
		object, _ := f.doc.(map[string]any)
		return nil, []*LoadError{f.mistake("/$schema", fmt.Errorf(
			"%q is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04", object["$schema"]))}
	}
	var custom *file
	if f.whole == nil && draftOf(f.doc).version == nil {
		custom = d.metaschema(f)
	}
	meta, err := compiledMeta(version)
	if err == nil {
		err = meta.Validate(f.doc)
	}
	if err == nil {
		return custom, nil
	}
	return custom, d.explain(f, err)
}

// compiledMeta returns the metaschema of a draft. Each is compiled once.
func compiledMeta(version *jsonschema.Draft) (*jsonschema.Schema, error) {
	if known, ok := metas.Load(version); ok {
		return known.(*jsonschema.Schema), nil
	}
	meta, err := compileOne((&directory{}).compiler(), version.URL())
	if err == nil {
		metas.Store(version, meta)
	}
	return meta, err
}

var metas sync.Map // of *jsonschema.Draft to *jsonschema.Schema

// explain makes LoadErrors of the library's error.
func (d *directory) explain(f *file, err error) []*LoadError {
	if schema, ok := errors.AsType[*jsonschema.SchemaError](err); ok {
		err = schema.Err
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		text := strings.TrimPrefix(err.Error(), "jsonschema: ")
		return []*LoadError{f.mistake("", errors.New(strings.ReplaceAll(text, base, "")))}
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
			problems = append(problems, f.mistake(unescape(node.InstanceLocation), errors.New(text)))
		}
	}
	visit(invalid)
	return problems
}
