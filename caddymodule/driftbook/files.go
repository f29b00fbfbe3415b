package driftbook

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	suffix = ".drift"
	// largestFile is the largest that is read.
	largestFile = 64 << 20
	// keptFiles is how many times as many files there may be as sources: sources
	// go, and nobody says so.
	keptFiles = 2
)

// file is where a source is kept. Names that differ in case alone have two.
func (s *Source) file() string {
	sum := sha256.Sum256([]byte(s.name.Tenant + "/" + s.name.Source))
	return filepath.Join(s.book.cfg.Dir, fmt.Sprintf("%s.%s.%x%s", s.name.Tenant, s.name.Source, sum[:4], suffix))
}

// prepareDir makes the directory, and removes the oldest files if there are far too
// many.
func (b *Book) prepareDir() {
	if b.cfg.Dir == "" {
		b.memory.Store(true)
		return
	}
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		b.onlyMemory(err)
		return
	}
	entries, err := os.ReadDir(b.cfg.Dir)
	if err != nil {
		b.onlyMemory(err)
		return
	}
	type aged struct {
		name string
		at   time.Time
	}
	var files []aged
	for _, e := range entries {
		switch info, err := e.Info(); {
		case err != nil || !info.Mode().IsRegular():
		case strings.HasPrefix(e.Name(), tempPrefix):
			_ = os.Remove(filepath.Join(b.cfg.Dir, e.Name())) // of a process that was killed
		case strings.HasSuffix(e.Name(), suffix):
			files = append(files, aged{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(x, y aged) int { return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.name, y.name)) })
	for _, f := range files[:max(len(files)-keptFiles*b.cfg.MaxSources, 0)] {
		if err := os.Remove(filepath.Join(b.cfg.Dir, f.name)); err != nil {
			b.cfg.Logger.Warn("removing what was known of a source that is long gone", "error", err)
		}
	}
}

// onlyMemory says, once, that nothing is kept over a restart.
func (b *Book) onlyMemory(err error) {
	if !b.memory.Swap(true) {
		b.cfg.Logger.Warn("what the payloads look like is kept in memory alone, and learned anew after a restart: make the directory writable for Caddy",
			"dir", b.cfg.Dir, "error", err)
	}
}

// read takes over what the file has.
func (s *Source) read() {
	if s.book.cfg.Dir == "" {
		return
	}
	info, err := os.Stat(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var data []byte
	if err == nil && info.Size() > largestFile {
		err = errors.New("it is too large")
	}
	if err == nil {
		data, err = os.ReadFile(s.file())
	}
	if err == nil {
		err = s.tracker.Restore(data)
	}
	if err != nil {
		s.book.cfg.Logger.Warn("what was known of the payloads of a source cannot be read, and is learned anew",
			"tenant", s.name.Tenant, "source", s.name.Source, "file", s.file(), "error", err)
		return
	}
	s.saved = s.tracker.Changes()
}

func (b *Book) saveAll(last bool) {
	for _, s := range b.all() {
		s.save(last)
	}
}

// save writes what is known if it has changed. At the end the counters of findings,
// which change nothing else, are written as well.
func (s *Source) save(last bool) {
	s.saving.Lock()
	defer s.saving.Unlock()
	changes := s.tracker.Changes()
	if s.book.cfg.Dir == "" || changes == s.saved && (!last || s.tracker.Open() == 0) {
		return
	}
	data, err := s.tracker.Snapshot()
	if err == nil && data == nil {
		if err = os.Remove(s.file()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else if err == nil {
		err = replace(s.file(), data)
	}
	if err != nil {
		s.book.onlyMemory(err)
		return
	}
	if s.book.memory.Swap(false) {
		s.book.cfg.Logger.Info("what the payloads look like is kept over a restart again", "dir", s.book.cfg.Dir)
	}
	s.saved = changes
}

const tempPrefix = ".new-"

// replace writes a file so that it is there as a whole, the new or the old one.
func replace(file string, data []byte) error {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // it has another name, or is of no use
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
