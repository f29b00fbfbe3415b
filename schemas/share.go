package schemas

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"weak"
)

// sharing holds the sets that are in use, so that what is loaded again, as when a
// configuration is reloaded, is compiled once. A set that nobody uses is collected.
type sharing struct {
	mu      sync.Mutex
	entries map[[sha256.Size]byte]*shared
}

type shared struct {
	compiling sync.Mutex
	loads     int               // that are under way
	set       weak.Pointer[Set] // with both, guarded by sharing.mu
}

var sets = sharing{entries: make(map[[sha256.Size]byte]*shared)}

// key is the digest of all that decides what a set is. Files that nothing refers
// to count as well: what they are is known only once all are read.
func (d *directory) key(cfg Config) [sha256.Size]byte {
	h := sha256.New()
	rest := cfg
	rest.Dir, rest.FS = "", nil
	fmt.Fprintf(h, "%#v\n", rest)
	for _, f := range d.files {
		fmt.Fprintf(h, "%s %q\n", f.sha256, f.name)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// load returns the set of the key, compiled if it is not there.
func (s *sharing) load(key [sha256.Size]byte, compile func() (*Set, error)) (*Set, error) {
	e := s.begin(key)
	defer s.end(key, e)
	e.compiling.Lock()
	defer e.compiling.Unlock()
	if set := s.get(e); set != nil {
		return set, nil
	}
	set, err := compile()
	if err != nil {
		return nil, err
	}
	runtime.AddCleanup(set, s.forget, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.set = weak.Make(set)
	return set, nil
}

func (s *sharing) begin(key [sha256.Size]byte) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		e = &shared{}
		s.entries[key] = e
	}
	e.loads++
	return e
}

func (s *sharing) end(key [sha256.Size]byte, e *shared) {
	s.mu.Lock()
	e.loads--
	s.mu.Unlock()
	s.forget(key)
}

func (s *sharing) get(e *shared) *Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.set.Value()
}

// forget removes the entry if neither a set nor a load needs it.
func (s *sharing) forget(key [sha256.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[key]; e != nil && e.loads == 0 && e.set.Value() == nil {
		delete(s.entries, key)
	}
}
