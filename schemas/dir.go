package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// base is the URL under which the library knows the directory. No loader
// understands its scheme but ours.
const base = "schemas:///"

const (
	maxFile  = 16 << 20 // bytes of a file
	maxTotal = 64 << 20 // bytes of all files
	maxFiles = 10_000   // files in the directory
)

// directory holds the files as read.
type directory struct {
	files  []*file // in the order of their names
	byName map[string]*file
	byID   map[string]*file
	parts  map[string]*file // of OpenAPI documents, by their URLs
	bytes  int

	byInner map[string]*file // by the $id of a schema inside; nil until it is needed
}

// file is a file or, in an OpenAPI document, one schema of it.
type file struct {
	name   string // with slashes, relative to the directory
	data   []byte
	sha256 string
	doc    any
	draft  draft
	id     string // the URL of its $id without the fragment, else url()
	err    error  // why doc is missing

	whole *file  // the document of which it is a part
	at    string // where in that, as a JSON Pointer

	vocabulary vocabulary // of its metaschema

	wrong []*LoadError // what was found while it was made or scanned
	*scan              // nil until the file is needed
}

func (f *file) url() string {
	if f.whole != nil {
		return f.id
	}
	return base + (&url.URL{Path: f.name}).EscapedPath()
}

// document returns the file of which f is the whole or a part.
func (f *file) document() *file {
	if f.whole != nil {
		return f.whole
	}
	return f
}

// mistake is about a place in the file.
func (f *file) mistake(pointer string, err error) *LoadError {
	return &LoadError{File: f.name, Pointer: f.at + pointer, Err: err}
}

// place writes a place in the file as errors do.
func (f *file) place(pointer string) string {
	if pointer = f.at + pointer; pointer == "" {
		return f.name
	}
	return f.name + "#" + pointer
}

// isPart reports whether the file is for others to refer to, and for no type.
func (f *file) isPart() bool {
	return f.name[0] == '_' || strings.Contains(f.name, "/_")
}

// open reads the files of a configuration.
func open(cfg Config) (*directory, error) {
	if cfg.FS != nil {
		return readFS(cfg.FS, "the file system")
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, &LoadError{Err: fmt.Errorf("opening %s: %w", cfg.Dir, said(err))}
	}
	defer root.Close()
	return readFS(root.FS(), cfg.Dir)
}

// said returns what an error of the file system says, without the operation and
// the name, and what to do about it.
func said(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	switch text := err.Error(); { // the text is all that os.Root has
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: create it, or name what is there", err)
	case errors.Is(err, syscall.ENOTDIR), text == "not a directory":
		return fmt.Errorf("%w: name the directory in which the file is", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let the user read it as whom this runs", err)
	case errors.Is(err, syscall.ELOOP), text == "too many levels of symbolic links", text == "too many symlinks":
		return fmt.Errorf("%w: it is a link that leads back to itself: put the file there instead", err)
	case text == "path escapes from parent":
		return errors.New("it is a link that leaves the directory: put a copy there instead")
	}
	return err
}

// readFS reads every file whose name ends in .json.
func readFS(fsys fs.FS, title string) (*directory, error) {
	d := &directory{byName: make(map[string]*file)}
	var problems []*LoadError
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", name, said(err))
		case name == ".":
			return nil
		case strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || path.Ext(name) != ".json":
			return nil
		case len(d.files) == maxFiles:
			return fmt.Errorf("there are more than %d files: name a directory of schemas alone", maxFiles)
		}
		data, err := read(fsys, name)
		if err != nil {
			problems = append(problems, &LoadError{File: name, Err: fmt.Errorf("reading the file: %w", said(err))})
			return nil
		}
		if d.bytes += len(data); d.bytes > maxTotal {
			return fmt.Errorf("the files have more than %d MiB together: name a directory of schemas alone", maxTotal>>20)
		}
		sum := sha256.Sum256(data)
		f := &file{name: name, data: data, sha256: hex.EncodeToString(sum[:])}
		d.files, d.byName[name] = append(d.files, f), f
		return nil
	})
	if err != nil {
		problems = append(problems, &LoadError{Err: fmt.Errorf("reading the directory: %w", err)})
	}
	if len(d.files) == 0 && len(problems) == 0 {
		problems = append(problems, &LoadError{Err: fmt.Errorf("%s has no file that ends in .json: write one for a type, such as envelope.json for all; YAML is not read", title)})
	}
	return d, join(problems)
}

// again returns the files as they were read.
func (d *directory) again() *directory {
	fresh := &directory{byName: make(map[string]*file, len(d.files)), bytes: d.bytes}
	for _, f := range d.files {
		f = &file{name: f.name, data: f.data, sha256: f.sha256}
		fresh.files, fresh.byName[f.name] = append(fresh.files, f), f
	}
	return fresh
}

func read(fsys fs.FS, name string) ([]byte, error) {
	// Opening a pipe would wait for its writer.
	switch info, err := fs.Stat(fsys, name); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file: end the name otherwise if it is for something else")
	case info.Size() > maxFile:
		return nil, errLarge
	}
	r, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errLarge
	}
	return data, err
}

var errLarge = fmt.Errorf("it is larger than %d MiB: keep the schemas that are needed, or split it into several", maxFile>>20)

// parse decodes the files and finds their names. A file that is not JSON is a
// mistake only once it is needed.
func (d *directory) parse() error {
	d.byID, d.parts = make(map[string]*file), make(map[string]*file)
	for _, f := range d.files {
		f.doc, f.err = decode(f.data)
	}
	var problems []*LoadError
	for _, f := range d.files {
		f.draft = d.draft(f)
		f.id = f.draft.id(f.doc, f.url())
		if other := d.byID[f.id]; other != nil {
			problems = append(problems, f.mistake("/"+f.draft.idName, fmt.Errorf("%s has the same %s: give each its own", other.name, f.draft.idName)))
			continue
		}
		d.byID[f.id] = f
	}
	return join(problems)
}

// known returns the file or the part of one that the library knows by the URL.
func (d *directory) known(rawURL string) *file {
	if f := d.parts[rawURL]; f != nil {
		return f
	}
	return d.find(rawURL)
}

// find returns the file that declares the URL as its $id, or whose own it is.
func (d *directory) find(rawURL string) *file {
	if u, err := url.Parse(rawURL); err == nil {
		rawURL = u.String()
	}
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

// closure returns the file and all that it refers to.
func (f *file) closure() []*file {
	files, known := []*file{f}, map[*file]bool{f: true}
	for i := 0; i < len(files); i++ {
		for _, other := range files[i].others {
			if !known[other] {
				known[other] = true
				files = append(files, other)
			}
		}
	}
	return files
}

// digest is that of the documents, in the order of their names.
func digest(files []*file) string {
	documents := make([]*file, len(files))
	for i, f := range files {
		documents[i] = f.document()
	}
	slices.SortFunc(documents, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	documents = slices.Compact(documents)
	if len(documents) == 1 {
		return documents[0].sha256
	}
	h := sha256.New()
	for _, f := range documents {
		fmt.Fprintf(h, "%s  %s\n", f.sha256, f.name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
