package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// base is the URL under which the library knows the directory. No loader
// understands its scheme but ours.
const base = "schemas:///"

// maxFile bounds the size of a file.
const maxFile = 16 << 20

// directory holds the files as read.
type directory struct {
	files   []*file
	byName  map[string]*file
	byID    map[string]*file
	dynamic bool // a schema has dynamic references
}

type file struct {
	name   string // with slashes, relative to the directory
	data   []byte
	sha256 string
	doc    any
	id     string // the absolute $id without its fragment, or ""
}

func (f *file) url() string { return base + (&url.URL{Path: f.name}).EscapedPath() }

// readDir reads every file whose name ends in .json. Symbolic links are followed
// where they stay inside.
func readDir(name string) (*directory, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, &LoadError{Err: fmt.Errorf("opening the directory: %w", err)}
	}
	defer root.Close()
	d := &directory{byName: make(map[string]*file), byID: make(map[string]*file)}
	var problems []error
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".json":
			return nil
		}
		if err := d.add(root, name); err != nil {
			problems = append(problems, err)
		}
		return nil
	})
	if err != nil {
		problems = append(problems, &LoadError{Err: fmt.Errorf("reading the directory: %w", err)})
	}
	if len(d.files) == 0 && len(problems) == 0 {
		problems = append(problems, &LoadError{Err: fmt.Errorf("%s has no file that ends in .json", name)})
	}
	for _, f := range d.files {
		problems = append(problems, d.checkRefs(f)...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *directory) add(root *os.Root, name string) error {
	r, err := root.Open(name)
	if err != nil {
		return &LoadError{File: name, Err: fmt.Errorf("reading it: %w", err)}
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return &LoadError{File: name, Err: fmt.Errorf("reading it: %w", err)}
	case len(data) > maxFile:
		return &LoadError{File: name, Err: fmt.Errorf("it is larger than %d bytes", maxFile)}
	}
	digest := sha256.Sum256(data)
	f := &file{name: name, data: data, sha256: hex.EncodeToString(digest[:])}
	if f.doc, err = decode(data); err != nil {
		return &LoadError{File: name, Err: err}
	}
	if f.id = declaredID(f.doc); f.id != "" {
		if other := d.byID[f.id]; other != nil {
			return &LoadError{File: name, Pointer: "/$id", Err: fmt.Errorf("%s has the same $id", other.name)}
		}
		d.byID[f.id] = f
	}
	d.files, d.byName[name] = append(d.files, f), f
	return nil
}

// decode decodes one JSON value and says where a mistake is.
func decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var doc any
	err := dec.Decode(&doc)
	at := dec.InputOffset()
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return doc, nil
		}
		err = errors.New("there is more after the schema")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	before := data[:min(int(at), len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := max(len(before)-(bytes.LastIndexByte(before, '\n')+1), 1)
	return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
}

func declaredID(doc any) string {
	object, _ := doc.(map[string]any)
	for _, keyword := range []string{"$id", "id"} {
		if id, ok := object[keyword].(string); ok {
			if u, err := url.Parse(id); err == nil && u.IsAbs() {
				u.Fragment = ""
				return u.String()
			}
		}
	}
	return ""
}

// open is the library's only way to a document. The library has the metaschemas
// of the drafts itself.
func (d *directory) open(rawURL string) (io.ReadCloser, error) {
	f := d.find(rawURL)
	if f == nil {
		return nil, errOutside
	}
	return io.NopCloser(bytes.NewReader(f.data)), nil
}

func (d *directory) find(rawURL string) *file {
	if f := d.byID[rawURL]; f != nil {
		return f
	}
	if name, ok := strings.CutPrefix(rawURL, base); ok {
		if name, err := url.PathUnescape(name); err == nil {
			return d.byName[name]
		}
	}
	return nil
}

var errOutside = errors.New("it is not in the directory: put the file there and refer to it by its name, or by its $id")

func (d *directory) compiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = d.open
	c.Formats["uri-template"] = isURITemplate
	return c
}

// compile compiles the schema at an address: a file and perhaps a JSON Pointer.
func (d *directory) compile(c *jsonschema.Compiler, address string) (*jsonschema.Schema, error) {
	name, pointer, _ := strings.Cut(address, "#")
	f := d.byName[name]
	switch {
	case f == nil && path.Clean("/"+name) != "/"+name:
		return nil, &LoadError{File: name, Err: errors.New("name a file inside the directory, without dots")}
	case f == nil:
		return nil, &LoadError{File: name, Err: errors.New("there is no such file in the directory")}
	case pointer != "":
		if _, ok := lookup(f.doc, pointer); !ok {
			return nil, &LoadError{File: name, Pointer: pointer, Err: errors.New("there is nothing at this JSON Pointer")}
		}
	}
	target := f.url()
	if pointer != "" {
		target += "#" + (&url.URL{Fragment: pointer}).EscapedFragment()
	}
	s, err := c.Compile(target)
	if err != nil {
		return nil, d.explain(name, err)
	}
	return s, nil
}

// explain makes a LoadError of the library's error.
func (d *directory) explain(name string, err error) error {
	out := &LoadError{File: name, Err: err}
	if schema, ok := errors.AsType[*jsonschema.SchemaError](err); ok {
		rawURL, _, _ := strings.Cut(schema.SchemaURL, "#")
		if f := d.find(rawURL); f != nil {
			out.File = f.name
		}
		out.Err = schema.Err
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		// The instance is the schema here: it is the operator's own.
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		out.Pointer, out.Err = invalid.InstanceLocation, errors.New(invalid.Message)
		if out.Pointer == "" {
			out.Pointer = "/"
		}
	}
	return out
}
