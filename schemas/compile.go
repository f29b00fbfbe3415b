package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"strings"

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
	switch {
	case f == nil && path.Clean("/"+name) != "/"+name:
		return address{}, &LoadError{File: name, Err: errors.New("name a file inside the directory, without dots and without a slash at the beginning")}
	case f == nil:
		return address{}, &LoadError{File: name, Err: errors.New("there is no such file in the directory")}
	case pointer != "" && pointer[0] != '/':
		return address{}, &LoadError{File: name, Err: fmt.Errorf("%q is not a JSON Pointer: it begins with a slash", pointer)}
	case pointer != "" && f.err == nil:
		if _, ok := lookup(f.doc, pointer); !ok {
			return address{}, &LoadError{File: name, Pointer: pointer, Err: errors.New("there is nothing at this JSON Pointer")}
		}
	}
	return address{text, f, pointer}, nil
}

// url writes the pointer as the library writes its own.
func (a address) url() string {
	var b strings.Builder
	b.WriteString(a.file.url() + "#")
	if a.pointer != "" {
		for token := range strings.SplitSeq(a.pointer[1:], "/") {
			b.WriteString("/" + url.PathEscape(token))
		}
	}
	return b.String()
}

func (d *directory) compiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = d.document
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
// a metaschema of the operator's instead, that is returned, and the library
// checks the file when it compiles it.
func (d *directory) checkMeta(f *file) (*file, []*LoadError) {
	if at, ok := unusableNumber(f.doc); ok {
		return nil, []*LoadError{{File: f.name, Pointer: at, Err: errUnusableNumber}} // the library would ignore the keyword
	}
	version := draftOf(f.doc).version
	if version == nil {
		object, _ := f.doc.(map[string]any)
		text, _ := object["$schema"].(string)
		if target, _, err := resolve(f.url(), text); err == nil && d.find(target) != nil {
			return d.find(target), nil
		}
		return nil, []*LoadError{{
			File: f.name, Pointer: "/$schema",
			Err: fmt.Errorf("%q is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04", text),
		}}
	}
	meta, err := compileOne(d.compiler(), version.URL())
	if err == nil {
		err = meta.Validate(f.doc)
	}
	if err == nil {
		return nil, nil
	}
	return nil, d.explain(f, err)
}

// explain makes LoadErrors of the library's error.
func (d *directory) explain(f *file, err error) []*LoadError {
	if schema, ok := errors.AsType[*jsonschema.SchemaError](err); ok {
		err = schema.Err
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		text := strings.TrimPrefix(err.Error(), "jsonschema: ")
		return []*LoadError{{File: f.name, Err: errors.New(strings.ReplaceAll(text, base, ""))}}
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
			problems = append(problems, &LoadError{File: f.name, Pointer: unescape(node.InstanceLocation), Err: errors.New(text)})
		}
	}
	visit(invalid)
	return problems
}
