package schemas

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// compiler returns the library's own compiler for the files, so that its verdicts
// can be compared with ours.
func (d *directory) compiler() *jsonschema.Compiler {
	c := newCompiler()
	c.LoadURL = func(rawURL string) (io.ReadCloser, error) {
		f := d.known(rawURL)
		if f == nil {
			f = d.find(rawURL)
		}
		if f == nil {
			return nil, errOutside
		}
		data, err := f.forLibrary()
		if err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return c
}

func compileOne(c *jsonschema.Compiler, rawURL string) (s *jsonschema.Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errBroken
		}
	}()
	return c.Compile(rawURL)
}

func (a address) url() string { return a.file.url() + "#" + escapeFragment(a.pointer) }

// forLibrary returns the file with references written anew that lead into OpenAPI
// documents, which the library does not know.
func (f *file) forLibrary() ([]byte, error) {
	if f.scan == nil {
		return f.data, nil
	}
	changes := map[string]any{}
	for at, to := range f.targets {
		if to.meta == nil && (f.whole != nil || to.file.whole != nil) {
			changes[at] = to.file.url() + "#" + escapeFragment(to.at)
		}
	}
	if f.whole != nil {
		for _, within := range f.ids {
			changes[within.at+"/"+f.draft.idName] = nil // references do without
		}
	}
	if len(changes) == 0 && f.whole == nil {
		return f.data, nil
	}
	doc := change(f.doc, "", changes)
	if object, ok := doc.(map[string]any); ok && f.whole != nil {
		object["$schema"] = f.draft.version.URL()
	}
	return json.Marshal(doc)
}

// change returns a copy of a document in which the values at some JSON Pointers
// are others.
func change(doc any, at string, changes map[string]any) any {
	if other, ok := changes[at]; ok {
		return other
	}
	switch doc := doc.(type) {
	case map[string]any:
		object := make(map[string]any, len(doc))
		for name, child := range doc {
			here := at + "/" + jsonptr.Escape(name)
			if other, ok := changes[here]; ok && other == nil {
				continue
			}
			object[name] = change(child, here, changes)
		}
		return object
	case []any:
		list := make([]any, len(doc))
		for i, child := range doc {
			list[i] = change(child, at+"/"+strconv.Itoa(i), changes)
		}
		return list
	}
	return doc
}
