package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestStyleWithoutTerminal(t *testing.T) {
	t.Parallel()
	f, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, s := range []Style{StyleOf(&bytes.Buffer{}), StyleOf(f), StyleOf(null)} {
		if got := s.Good("a") + s.Bad("b") + s.Warn("c") + s.Strong("d") + s.Faint("e"); got != "abcde" {
			t.Errorf("got %q", got)
		}
	}
	if got := (Style{on: true}).Bad("no"); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if p := NewProgress(f, "reading"); p != nil {
		t.Error("there is a bar in a file")
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now, width := time.Unix(0, 0), 100
	p := newProgress(&out, "reading", func() int { return width }, func() time.Time { return now })
	last := func() string {
		s := out.String()
		return strings.TrimSuffix(s[strings.LastIndex(s, "\r")+1:], "\x1b[K")
	}
	p.At(1, 10, 100)
	if out.Len() > 0 {
		t.Errorf("got %q at once", &out)
	}
	now = now.Add(2 * time.Second)
	p.At(50, 25, 100)
	if got, want := last(), "reading  [======>                 ]  25%  50  25/s  6s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	now = now.Add(progressEvery / 2)
	p.At(51, 26, 100)
	if strings.Contains(out.String(), "26%") {
		t.Error("it is drawn too often")
	}
	now = now.Add(progressEvery)
	p.At(52, 0, 0)
	if got, want := last(), "reading  52  24/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	// What is printed meanwhile stands in lines of its own.
	out.Reset()
	if _, err := p.Over(&out).Write([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\r\x1b[Ka line\n\rreading  52  24/s\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	now, width = now.Add(time.Second), 20
	p.At(60, 100, 100)
	if got := last(); len(got) != 19 || !strings.HasPrefix(got, "reading  [====") {
		t.Errorf("got %q in 20 columns", got)
	}
	out.Reset()
	p.Done()
	p.Done()
	if got, want := out.String(), "\r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	var none *Progress
	none.At(1, 1, 2)
	none.Done()
	if none.Over(&out) != &out {
		t.Error("a writer without a bar is another")
	}
}
