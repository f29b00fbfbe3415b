// Package driftbook keeps what is known of the payloads of all sources of a
// process: in memory, of which there is a bound for all of them, and in a file for
// each; and tells what was found, no more often than once a minute for each source.
package driftbook

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// Defaults of a Config.
const (
	defaultSources = 1000
	defaultBytes   = 64 << 20
	defaultPause   = time.Minute

	// mostTold is how many findings a Notice has.
	mostTold = 20
)

// Config describes a Book.
type Config struct {
	// Dir is where the files are; it is made. "" means memory alone.
	Dir string
	// MaxSources is how many sources there may be; 0 means 1000. Others are not
	// looked at.
	MaxSources int
	// MaxBytes is how much memory all of them may have; 0 means 64 MiB.
	MaxBytes int64
	// Save is the time between two looks at what has to be written; 0 means a minute.
	Save time.Duration
	// Pause is the least time between two notices of one source; 0 means a minute.
	Pause time.Duration
	// Tell, if not nil, is told what was found. It is called from a goroutine of its
	// own, and once more for each source in Close.
	Tell func(Notice)
	// Logger gets what no caller is told; nil means that nobody does.
	Logger *slog.Logger
}

// Name names a source.
type Name struct{ Tenant, Source string }

// Notice is what was found in the payloads of a source since the last one.
type Notice struct {
	Name
	// Findings are at most 20, and More is how many there were besides.
	Findings []drift.Finding
	More     int
	// Open is how many findings are on the report now.
	Open int
}

// Book holds the sources. It is safe for concurrent use.
type Book struct {
	cfg   Config
	bytes atomic.Int64 // of all trackers

	mu      sync.RWMutex
	sources map[Name]*Source
	turned  atomic.Uint64 // events of sources for which there was no place
	said    sync.Once     // that there are such
	closed  bool

	memory atomic.Bool // there is no file that can be written
	stop   chan struct{}
	work   sync.WaitGroup
}

// Open returns a Book that writes until Close. What is wrong with the directory is
// logged, and then the memory has to do.
func Open(cfg Config) *Book {
	cfg.MaxSources = cmp.Or(cfg.MaxSources, defaultSources)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultBytes)
	cfg.Save, cfg.Pause = cmp.Or(cfg.Save, time.Minute), cmp.Or(cfg.Pause, defaultPause)
	if cfg.Tell == nil {
		cfg.Tell = func(Notice) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Book{cfg: cfg, sources: make(map[Name]*Source), stop: make(chan struct{})}
	b.prepareDir()
	b.work.Go(b.run)
	return b
}

// Close writes what has changed, tells what has not been told, and ends.
func (b *Book) Close() {
	b.mu.Lock()
	closed := b.closed
	b.closed = true
	b.mu.Unlock()
	if closed {
		return
	}
	close(b.stop)
	b.work.Wait()
	for _, s := range b.all() {
		s.tell(true)
	}
	b.saveAll(true)
}

func (b *Book) run() {
	tick := time.NewTicker(b.cfg.Save)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.saveAll(false)
		}
	}
}

// Source returns the source of that name, with these settings from now on, or nil
// if there are too many. The label is the caller's. What the file has is read first.
// The settings' Reserve is the Book's.
func (b *Book) Source(name Name, label string, cfg drift.Config) *Source {
	b.mu.RLock()
	s := b.sources[name]
	b.mu.RUnlock()
	if s == nil {
		if s = b.add(name); s == nil {
			return nil
		}
	}
	s.set(label, cfg) // first, since it says how much is read
	s.load.Do(s.read)
	return s
}

func (b *Book) add(name Name) *Source {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sources[name]; s != nil {
		return s
	}
	if len(b.sources) >= b.cfg.MaxSources || b.closed {
		b.turned.Add(1)
		b.said.Do(func() {
			b.cfg.Logger.Warn("there are too many sources to learn what the payloads of all look like; those that came first are looked at", "sources", len(b.sources))
		})
		return nil
	}
	s := &Source{book: b, name: name, tracker: drift.New(drift.Config{Reserve: b.reserve})}
	b.sources[name] = s
	return s
}

// reserve is the account of all trackers.
func (b *Book) reserve(bytes int) bool {
	n := int64(bytes)
	if b.bytes.Add(n) > b.cfg.MaxBytes && n > 0 {
		b.bytes.Add(-n)
		return false
	}
	return true
}

// all returns the sources in the order of their names.
func (b *Book) all() []*Source {
	b.mu.RLock()
	defer b.mu.RUnlock()
	list := make([]*Source, 0, len(b.sources))
	for _, s := range b.sources {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y *Source) int {
		return cmp.Or(cmp.Compare(x.name.Tenant, y.name.Tenant), cmp.Compare(x.name.Source, y.name.Source))
	})
	return list
}

// Sources returns those whose tenant and source are these; "" fits all.
func (b *Book) Sources(tenant, source string) []*Source {
	return slices.DeleteFunc(b.all(), func(s *Source) bool {
		return tenant != "" && s.name.Tenant != tenant || source != "" && s.name.Source != source
	})
}

// Status is what there is to say about a Book.
type Status struct {
	// Dir is where the files are; "" means that there are none.
	Dir string `json:"dir,omitempty"`
	// Bytes of MaxBytes are used for all sources.
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
	// Ignored counts events of sources for which there was no place.
	Ignored uint64 `json:"ignored"`
}

// Status returns how the book is.
func (b *Book) Status() Status {
	st := Status{Dir: b.cfg.Dir, Bytes: b.bytes.Load(), MaxBytes: b.cfg.MaxBytes, Ignored: b.turned.Load()}
	if b.memory.Load() {
		st.Dir = ""
	}
	return st
}
