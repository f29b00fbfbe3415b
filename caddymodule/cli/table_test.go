package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTable(t *testing.T) {
	t.Parallel()
	tab := table{
		head:  []string{"NAME", "WHAT", "WHERE"},
		rows:  [][]string{{"a", "ünïcode is long here", "header X-Something"}, {"bcd", "x", "y"}},
		gives: []int{2, 1},
	}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "NAME  WHAT                  WHERE\na     ünïcode is long here  header X-Something\nbcd   x                     y\n"},
		{80, "NAME  WHAT                  WHERE\na     ünïcode is long here  header X-Something\nbcd   x                     y\n"},
		{40, "NAME  WHAT                  WHERE\na     ünïcode is long here  header X-So…\nbcd   x                     y\n"},
		{30, "NAME  WHAT            WHERE\na     ünïcode is lo…  header …\nbcd   x               y\n"},
		{5, "NAME  WHAT      WHERE\na     ünïcode…  header …\nbcd   x         y\n"},
	} {
		var out bytes.Buffer
		if err := tab.write(&out, Style{}, tt.width); err != nil || out.String() != tt.want {
			t.Errorf("%d: got %v\n%s\nwant\n%s", tt.width, err, &out, tt.want)
		}
	}
	var out bytes.Buffer
	if err := tab.write(&out, Style{on: true}, 0); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[1mbcd\x1b[0m   x ") {
		t.Errorf("got %q", &out)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("word ünd ", 20)
	for line := range strings.SplitSeq(wrap(text, 50, 4), "\n") {
		if n := utf8.RuneCountInString(strings.TrimPrefix(line, "    ")); n > 46 || n < 30 && !strings.HasSuffix(text, strings.TrimSpace(line)+" ") {
			t.Errorf("got %d characters in %q", n, line)
		}
	}
	if got := wrap(text, 0, 4); got != text {
		t.Errorf("got %q", got)
	}
	if got, want := unmarked("**a** `b` [`c d`](../e.md#f) <https://g/> <h>"), "a b c d https://g/ <h>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
