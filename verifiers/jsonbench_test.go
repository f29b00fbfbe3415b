package verifiers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// eventOf returns JSON of about so many bytes that looks like an event.
func eventOf(size int) []byte {
	var doc strings.Builder
	doc.WriteString(`{"time":1531420618,"id":"evt_1","type":"push","items":[`)
	for i := 0; doc.Len() < size-120; i++ {
		if i > 0 {
			doc.WriteByte(',')
		}
		doc.WriteString(`{"sha":"0123456789abcdef0123456789abcdef01234567","n":` + strconv.Itoa(i) + `,"ok":true,"name":"a name"}`)
	}
	doc.WriteString(`]}`)
	return []byte(doc.String())
}

// githubEvents are GitHub's published examples, compact as they are sent.
func githubEvents(tb testing.TB) [][]byte {
	tb.Helper()
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpora", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, "examples.json"))
	if err != nil {
		tb.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json", dir)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		tb.Fatal(err)
	}
	var list [][]byte
	for _, e := range events {
		for _, example := range e.Examples {
			var b bytes.Buffer
			if err := json.Compact(&b, example); err != nil {
				tb.Fatal(err)
			}
			list = append(list, b.Bytes())
		}
	}
	return list
}

// TestGitHubIsStrict: nothing that GitHub sends is refused.
func TestGitHubIsStrict(t *testing.T) {
	t.Parallel()
	for _, text := range githubEvents(t) {
		if f, err := (order{want: &noPointers, limits: &JSONLimits{}}).read(text); err != nil || f.fault != nil {
			t.Errorf("%.100s: got %v, %v", text, f.fault, err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	want := PointersOf(JSON("/id"), JSON("/action"), JSON("/time"), JSON("/repository/full_name"))
	for _, size := range []int{1 << 10, 8 << 10, 64 << 10} {
		benchmarkJSON(b, strconv.Itoa(size>>10)+"KiB", [][]byte{eventOf(size)}, want)
	}
	b.Run("github", func(b *testing.B) { benchmarkJSON(b, "all", githubEvents(b), want) })
}

func benchmarkJSON(b *testing.B, name string, texts [][]byte, want *Pointers) {
	size, limits := 0, new(JSONLimits)
	for _, text := range texts {
		size += len(text)
	}
	for _, bb := range []struct {
		name string
		read func(text []byte) error
	}{
		{"scan", func(text []byte) error { _, err := order{want: want}.read(text); return err }},
		{"strict", func(text []byte) error { _, err := order{want: want, limits: limits}.read(text); return err }},
		{"tree", func(text []byte) error {
			_, err := order{want: want, limits: limits, tree: wholeTree}.read(text)
			return err
		}},
		{"library", func(text []byte) error { _, err := libraryJSON(text); return err }},
		{"library_valid", func(text []byte) error {
			if !json.Valid(text) {
				return ErrMalformed
			}
			return nil
		}},
	} {
		b.Run(name+"/"+bb.name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range texts {
					if err := bb.read(text); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
