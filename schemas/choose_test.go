package schemas

import (
	"strings"
	"testing"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a*", "*a", true},
		{"a*", "b*", false},
		{"*a", "*b", false},
		{"pull_request.*", "*.opened", true},
		{"pull_request*", "pull_request_review*", true},
		{"a*c", "a*d", false},
		{"*", "anything", true},
		{"*", "", true},
		{"", "", true},
		{"a", "", false},
		{"**", "*", true},
		{"a*b*c", "ab*c", true},
		{"a*b*c", "acb", false},
	} {
		if got := overlap(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := overlap(tt.b, tt.a); got != tt.want {
			t.Errorf("%q, %q: got %v, want %v", tt.b, tt.a, got, tt.want)
		}
	}
}

// A text that fits both globs proves that they overlap.
func FuzzOverlap(f *testing.F) {
	f.Add("a*b", "*ab", "aab")
	f.Add("*a*", "b*", "ba")
	f.Fuzz(func(t *testing.T, a, b, s string) {
		if len(a)+len(b) > 1000 {
			return // the time grows with the product of the lengths
		}
		if overlap(a, b) != overlap(b, a) {
			t.Errorf("%q, %q: it depends on the order", a, b)
		}
		if !strings.Contains(s, "*") && matchGlob(a, s) && matchGlob(b, s) && !overlap(a, b) {
			t.Errorf("%q fits %q and %q, but they do not overlap", s, a, b)
		}
		if !strings.Contains(b, "*") && overlap(a, b) != matchGlob(a, b) {
			t.Errorf("%q, %q: got %v", a, b, overlap(a, b))
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b", "axxb")
	f.Add("**", "")
	f.Add("*a*a*a*", "aaaaaaaaaaaaaaaaaaaab")
	f.Fuzz(func(t *testing.T, glob, s string) {
		parts := strings.Split(glob, "*")
		if got, want := matchGlob(glob, s), slowGlob(parts, s); got != want {
			t.Errorf("%q, %q: got %v, want %v", glob, s, got, want)
		}
	})
}

// slowGlob takes the literal parts between stars from left to right.
func slowGlob(parts []string, s string) bool {
	if len(parts) == 1 {
		return parts[0] == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
