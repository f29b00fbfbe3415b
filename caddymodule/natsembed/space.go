package natsembed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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

// hasStore looks whether the store is still where the server has opened it, and
// can be read. The server itself looks for streams in the directory, and where a
// disk has failed or was taken away it finds none, and nothing wrong with them.
func (s *Server) hasStore() error {
	opened, err := s.lock.Stat()
	if err != nil {
		return fmt.Errorf("looking at the store directory: %w", err)
	}
	there, err := os.Stat(s.lock.Name())
	if err != nil {
		return fmt.Errorf("looking at the store directory: %w", err)
	}
	if !os.SameFile(opened, there) {
		return fmt.Errorf("%s is not the directory any more that was opened", s.cfg.StoreDir)
	}
	for _, dir := range []string{filepath.Join(s.cfg.StoreDir, "jetstream"), s.streams()} {
		if err := readable(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading the store directory: %w", err)
		}
	}
	return nil
}

// readable reads a first entry.
func readable(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	_, err = f.ReadDir(1)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// Space returns how many bytes are free on the disk of a directory that is there,
// and how many the store has already.
func Space(there, store string) (free, used int64, err error) {
	free, err = freeSpace(there)
	return free, usedSpace(store), err
}
