//go:build !unix

package natsembed

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// lockDir takes the directory for this server: a file that is open cannot be
// removed here, so that whoever can remove it knows that nobody has it.
func lockDir(dir string) (*os.File, error) {
	name := filepath.Join(dir, lockName)
	_ = os.Remove(name)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // the operator's directory
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	return f, nil
}

// syncsDirs: a directory cannot be synced here.
const syncsDirs = false

func unlock(f *os.File) { _ = f.Close() }

// freeSpace is not known here.
func freeSpace(string) (int64, error) { return math.MaxInt64 / 4, nil }
