package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// settle syncs what the store has. A process that was killed may have written
// events that it had not synced and not acknowledged; the next one finds them, and
// acknowledges copies of them as duplicates.
func settle(dir string) error {
	for _, pattern := range []string{"*", "msgs", "msgs/*"} {
		names, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", filepath.Join("*", pattern)))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := syncFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("syncing what the store has: %w", err)
			}
		}
	}
	return nil
}

func syncFile(name string) error {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() || info.IsDir() && !syncsDirs {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
