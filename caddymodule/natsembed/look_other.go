//go:build !unix

package natsembed

import (
	"errors"
	"os"
	"path/filepath"
)

// Locked reports whether a process has the directory as its store. A directory that
// is not there is nobody's.
func Locked(dir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, nil //nolint:nilerr // that is how a lock looks here
	}
	return false, f.Close()
}
