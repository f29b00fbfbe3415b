package natsembed

import (
	"io/fs"
	"path/filepath"
)

// usedSpace returns the bytes that the directory's files have. What cannot be
// read does not count.
func usedSpace(dir string) (used int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				used += info.Size()
			}
		}
		return nil
	})
	return used
}
