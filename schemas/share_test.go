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

// What counts is what the files hold when they are read: a file that is replaced
// with its size and time kept, or a link that leads elsewhere, is another set.
func TestShareReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1_700_000_000, 0)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		must(os.WriteFile(name, []byte(text), 0o600))
		must(os.Chtimes(name, at, at))
	}
	link := func(to string) {
		t.Helper()
		name := filepath.Join(dir, "link.json")
		must(os.RemoveAll(name))
		must(os.Symlink(to, name))
	}
	write("_a.json", `{"type":"string"}`)
	write("_b.json", `{"type":"number"}`)
	write("x.json", `{"type":"string"}`)
	link("_a.json")
	refuses := func(set *Set, eventType string) string {
		if _, err := set.Validate(eventType, "text"); err != nil {
			return err.Error()
		}
		return ""
	}
	first, err := Load(Config{Dir: dir})
	must(err)
	write("x.json", `{"type":"number"}`)
	second, err := Load(Config{Dir: dir})
	must(err)
	link("_b.json")
	third, err := Load(Config{Dir: dir})
	must(err)
	for i, set := range []*Set{first, second, third} {
		if got, want := refuses(set, "x") != "", i > 0; got != want {
			t.Errorf("load %d: x.json refuses a string: %v, want %v", i+1, got, want)
		}
		if got, want := refuses(set, "link") != "", i > 1; got != want {
			t.Errorf("load %d: link.json refuses a string: %v, want %v", i+1, got, want)
		}
	}
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
