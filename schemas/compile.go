package schemas

import (
	"fmt"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
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
	if _, ok := jsonptr.Lookup(f.doc, pointer); !ok {
		return mistake(pointer, "there is nothing at this JSON Pointer%s", nearest(f, place{node: f.doc}, pointer))
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

func (a address) target() target { return target{file: a.file, at: canonical(a.pointer)} }

// compile compiles the schemas, by address. The files are checked.
func (d *directory) compile(addresses []address) (map[string]*compiled, []*LoadError) {
	schemas := make(map[string]*compiled, len(addresses))
	r, b := newReader(), newBuilder()
	read := func(t target) *jsonschema.Schema {
		s := r.schema(t)
		r.run()
		return s
	}
	for _, a := range addresses {
		s := read(a.target())
		if len(r.problems) > 0 {
			return nil, r.problems
		}
		schemas[a.text] = &compiled{address: a.text, root: b.node(s)}
	}
	longest := b.finish(d, read)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	for _, s := range schemas {
		s.longest = longest
	}
	return schemas, nil
}

// checkFile reports where a file is not a schema of its draft. If the file names
// a metaschema of the operator's, that is returned.
func (d *directory) checkFile(f *file) (*file, []*LoadError) {
	if at, ok := unusableNumber(f.doc); ok {
		return nil, []*LoadError{f.mistake(at, errUnusableNumber)} // nothing would be made of the keyword
	}
	if f.draft.version == nil {
		object, _ := f.doc.(map[string]any)
		return nil, []*LoadError{f.mistake("/$schema", fmt.Errorf(
			"%q is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, or 2019-09, or http://json-schema.org/draft-07/schema#, draft-06 or draft-04", object["$schema"]))}
	}
	_, problems := f.declared()
	var custom *file
	if f.whole == nil && draftOf(f.doc).version == nil {
		if custom = d.metaschema(f); custom != nil {
			f.vocabulary, _ = custom.declared()
		}
	}
	return custom, append(problems, f.checkSchema(f.doc, "")...)
}
