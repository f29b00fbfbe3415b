//go:build unix

package natsembed

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Locked reports whether a process has the directory as its store. It changes
// nothing. A directory that is not there is nobody's.
func Locked(dir string) (bool, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	// Shared, for a moment: who starts now tries again.
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
