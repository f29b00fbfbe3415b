package tenants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// dirFresh is how long what was read is used: a change of a file takes effect
// within it.
const dirFresh = time.Second

// ErrWritable: others than the owner and its group can write where secrets are,
// and with that send events as any tenant.
var ErrWritable = errors.New("everybody can write it: take that right away with `chmod o-w`")

// Dir is a [Store] of files under one directory.
type Dir struct {
	root     string
	template Template
}

// NewDir returns the store of the files whose paths below root, which is
// absolute, are template's: with slashes, and without "." and "..".
func NewDir(root string, template Template) (*Dir, error) {
	if !filepath.IsAbs(root) {
		return nil, fmt.Errorf("%q is not an absolute path", root)
	}
	sample := template.Expand("tenant", "source")
	if !fs.ValidPath(sample) || sample == "." {
		return nil, fmt.Errorf("%w: %q is not a path below the directory", ErrTemplate, template)
	}
	info, err := os.Stat(root)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a directory", root)
	}
	return &Dir{root: root, template: template}, checkMode(root, info)
}

// Lookup reads the file. Symbolic links are followed as far as they lead to what
// is below the directory; any other is an error, as is a file that everybody can
// write.
func (d *Dir) Lookup(_ context.Context, tenant, source string) ([]byte, error) {
	if foldsCase && (tenant != strings.ToLower(tenant) || source != strings.ToLower(source)) {
		return nil, ErrNotThere // it would be found, and be another's
	}
	// Opened each time, because it may be replaced as a whole.
	root, err := os.OpenRoot(d.root)
	if err != nil {
		// Not fs.ErrNotExist for the caller: without the directory nothing is known.
		return nil, fmt.Errorf("opening the directory of secrets: %w", err)
	}
	defer root.Close()
	name := d.template.Expand(tenant, source)
	for dir := range parents(name) {
		info, err := root.Stat(dir)
		if err != nil {
			return nil, absent(err)
		}
		if err := checkMode(dir, info); err != nil {
			return nil, err
		}
	}
	return readFile(root, name)
}

// Fresh is one second.
func (d *Dir) Fresh() time.Duration { return dirFresh }

func readFile(root *os.Root, name string) ([]byte, error) {
	// Before it is opened: opening a pipe would wait.
	info, err := root.Stat(name)
	if err != nil {
		return nil, absent(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, absent(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := checkMode(name, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxDocument+1))
	if err != nil {
		return nil, err
	}
	return data, nil
}

// parents yields the directories on the way to a file, from the top.
func parents(name string) func(yield func(string) bool) {
	var list []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		list = append(list, dir)
	}
	slices.Reverse(list)
	return slices.Values(list)
}

// absent tells that there is no such file from that it cannot be said.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return ErrNotThere
	}
	return err
}

func checkMode(name string, info fs.FileInfo) error {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("%s: %w", name, ErrWritable)
	}
	return nil
}

// foldsCase: two names that differ in case are one file here, as a rule.
const foldsCase = runtime.GOOS == "windows" || runtime.GOOS == "darwin"

var _ Store = (*Dir)(nil)
