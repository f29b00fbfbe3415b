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
	"slices"
	"strings"
)

// base is the URL under which the library knows the directory. No loader
// understands its scheme but ours.
const base = "schemas:///"

const (
	maxFile  = 16 << 20 // bytes of a file
	maxFiles = 10_000   // files in the directory
)

// directory holds the files as read.
type directory struct {
	files  []*file // in the order of their names
	byName map[string]*file
	byID   map[string]*file
}

type file struct {
	name   string // with slashes, relative to the directory
	data   []byte
	sha256 string
	doc    any
	id     string // the URL of its $id without the fragment, else url()
	err    error  // why doc is missing

	*scan // nil until the file is needed
}

func (f *file) url() string { return base + (&url.URL{Path: f.name}).EscapedPath() }

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
		return nil, &LoadError{Err: fmt.Errorf("opening the directory: %w", err)}
	}
	defer root.Close()
	return readFS(root.FS(), cfg.Dir)
}

// readFS reads every file whose name ends in .json. A file that is not JSON is
// a mistake only once it is needed.
func readFS(fsys fs.FS, title string) (*directory, error) {
	d := &directory{byName: make(map[string]*file), byID: make(map[string]*file)}
	var problems []*LoadError
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
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
		if err := d.add(fsys, name); err != nil {
			problems = append(problems, err)
		}
		return nil
	})
	if err != nil {
		problems = append(problems, &LoadError{Err: fmt.Errorf("reading the directory: %w", err)})
	}
	if len(d.files) == 0 && len(problems) == 0 {
		problems = append(problems, &LoadError{Err: fmt.Errorf("%s has no file that ends in .json", title)})
	}
	return d, join(problems)
}

func (d *directory) add(fsys fs.FS, name string) *LoadError {
	data, err := read(fsys, name)
	if err != nil {
		return &LoadError{File: name, Err: fmt.Errorf("reading the file: %w", err)}
	}
	sum := sha256.Sum256(data)
	f := &file{name: name, data: data, sha256: hex.EncodeToString(sum[:])}
	f.doc, f.err = decode(data)
	f.id = draftOf(f.doc).id(f.doc, f.url())
	if other := d.byID[f.id]; other != nil {
		return &LoadError{File: name, Pointer: "/$id", Err: fmt.Errorf("%s has the same $id: give each its own", other.name)}
	}
	d.files, d.byName[name], d.byID[f.id] = append(d.files, f), f, f
	return nil
}

func read(fsys fs.FS, name string) ([]byte, error) {
	// Opening a pipe would wait for its writer.
	switch info, err := fs.Stat(fsys, name); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	}
	r, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return data, err
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
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		at, err = int64(len(data)), errors.New("the JSON ends too early")
	}
	before := data[:min(int(at), len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := max(len(before)-(bytes.LastIndexByte(before, '\n')+1), 1)
	return nil, fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// document is the library's only way to a document. The library has the metaschemas
// of the drafts itself.
func (d *directory) document(rawURL string) (io.ReadCloser, error) {
	f := d.find(rawURL)
	if f == nil {
		return nil, errOutside
	}
	return io.NopCloser(bytes.NewReader(f.data)), nil
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

var errOutside = errors.New("it is not in the directory: put the file there and refer to it by its name, or by its $id")

// closure returns the file and all that it refers to, in the order of the names.
func (f *file) closure() []*file {
	files := []*file{f}
	for i := 0; i < len(files); i++ {
		for _, other := range files[i].others {
			if !slices.Contains(files, other) {
				files = append(files, other)
			}
		}
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	return files
}

func digest(files []*file) string {
	if len(files) == 1 {
		return files[0].sha256
	}
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s  %s\n", f.sha256, f.name)
	}
	return hex.EncodeToString(h.Sum(nil))
}
