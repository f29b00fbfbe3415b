package schemas

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"weak"
)

func shareFiles(text string) fstest.MapFS {
	return fstest.MapFS{
		"a.json":       &fstest.MapFile{Data: []byte(text)},
		"_common.json": &fstest.MapFile{Data: []byte(`{"type":"object"}`)},
	}
}

// Equal files and options are one set, from wherever they are read.
func TestShare(t *testing.T) {
	t.Parallel()
	const text = `{"$ref":"_common.json","title":"TestShare"}`
	cfg := Config{FS: shareFiles(text), Rules: []Rule{{"a", "a.json"}}}
	first, err := Load(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, f := range shareFiles(text) {
		if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		same   bool
	}{
		"nothing":     {func(*Config) {}, true},
		"directory":   {func(c *Config) { c.FS, c.Dir = nil, dir }, true},
		"file":        {func(c *Config) { c.FS = shareFiles(text + " ") }, false},
		"name":        {func(c *Config) { c.Name = "x" }, false},
		"rule":        {func(c *Config) { c.Rules = []Rule{{"b", "a.json"}} }, false},
		"no rules":    {func(c *Config) { c.Rules = nil }, false},
		"unknown":     {func(c *Config) { c.RefuseUnknown = true }, false},
		"steps":       {func(c *Config) { c.MaxSteps = 7 }, false},
		"file's name": {func(c *Config) { files := shareFiles(text); files["b.json"] = files["a.json"]; c.FS = files }, false},
	} {
		changed := cfg
		tt.change(&changed)
		got, err := Load(changed)
		if err != nil {
			t.Fatal(err)
		}
		if (got == first) != tt.same {
			t.Errorf("%s: got the same set: %v, want %v", name, got == first, tt.same)
		}
	}
	runtime.KeepAlive(first)
}

// Many at once compile once; what nobody uses goes, and its entry too.
func TestShareConcurrently(t *testing.T) {
	t.Parallel()
	cfg := Config{FS: shareFiles(`{"title":"TestShareConcurrently"}`)}
	loaded := make([]*Set, 16)
	var wg sync.WaitGroup
	for i := range loaded {
		wg.Go(func() {
			set, err := Load(cfg)
			if err != nil {
				t.Error(err)
			}
			loaded[i] = set
		})
	}
	wg.Wait()
	for _, set := range loaded {
		if set == nil || set != loaded[0] {
			t.Fatalf("got different sets: %v", loaded)
		}
	}
	unused := weak.Make(loaded[0])
	clear(loaded)
	dir, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	there := func() bool {
		sets.mu.Lock()
		defer sets.mu.Unlock()
		return sets.entries[dir.key(cfg)] != nil
	}
	for deadline := time.Now().Add(10 * time.Second); unused.Value() != nil || there(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after ten seconds: the set is there: %v, its entry: %v", unused.Value() != nil, there())
		}
		runtime.GC()
	}
	if set, err := Load(cfg); err != nil || set == nil {
		t.Errorf("loaded again: got %v, %v", set, err)
	}
}

// Mistakes are not kept.
func TestShareNoMistakes(t *testing.T) {
	t.Parallel()
	cfg := Config{FS: shareFiles(`{"type":"TestShareNoMistakes"}`)}
	dir, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Load(cfg); err == nil {
			t.Error("got no error")
		}
		sets.mu.Lock()
		if sets.entries[dir.key(cfg)] != nil {
			t.Error("the entry is there")
		}
		sets.mu.Unlock()
	}
}

// BenchmarkReload compares the first load of GitHub's OpenAPI document with one
// while nothing has changed.
func BenchmarkReload(b *testing.B) {
	dir, rules := openAPIDir(b)
	cfg := Config{Dir: dir, Rules: rules}
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := d.set(cfg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		kept, err := Load(cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if set, err := Load(cfg); err != nil || set != kept {
				b.Fatal(set, err)
			}
		}
	})
}
