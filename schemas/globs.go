package schemas

import (
	"cmp"
	"slices"
	"strings"
)

// Choice is a value for some types of events.
type Choice[T comparable] struct {
	// Type is a glob over the type: "*" is any run of characters, also none.
	Type string
	// Value is what is chosen.
	Value T
}

// Globs choose a value by the type of an event. The most specific glob that fits
// counts: one without a star before any with, then the one with more other
// characters, then the one with fewer stars. They are safe for concurrent use.
type Globs[T comparable] struct {
	exact map[string]T
	globs []glob[T] // most specific first
}

type glob[T comparable] struct {
	Choice[T]
	stars, letters int
}

// Tie are two choices with different values that are equally specific, and could
// fit the same type.
type Tie[T comparable] struct{ First, Second Choice[T] }

// NewGlobs returns what chooses among the choices, and every tie among them, each
// of which is a mistake.
func NewGlobs[T comparable](choices []Choice[T]) (*Globs[T], []Tie[T]) {
	g := &Globs[T]{exact: make(map[string]T)}
	var ties []Tie[T]
	for _, c := range choices {
		if stars := strings.Count(c.Type, "*"); stars > 0 {
			g.globs = append(g.globs, glob[T]{c, stars, len(c.Type) - stars})
			continue
		}
		if other, taken := g.exact[c.Type]; taken && other != c.Value {
			ties = append(ties, Tie[T]{Choice[T]{c.Type, other}, c})
		}
		g.exact[c.Type] = c.Value
	}
	slices.SortStableFunc(g.globs, func(a, b glob[T]) int {
		return cmp.Or(cmp.Compare(b.letters, a.letters), cmp.Compare(a.stars, b.stars))
	})
	for i, a := range g.globs {
		for _, b := range g.globs[i+1:] {
			if a.letters != b.letters || a.stars != b.stars {
				break
			}
			if a.Value != b.Value && overlap(a.Type, b.Type) {
				ties = append(ties, Tie[T]{a.Choice, b.Choice})
			}
		}
	}
	return g, ties
}

// Choose returns the value for a type, and whether there is one.
func (g *Globs[T]) Choose(eventType string) (T, bool) {
	if v, ok := g.exact[eventType]; ok {
		return v, true
	}
	for i := range g.globs {
		if matchGlob(g.globs[i].Type, eventType) {
			return g.globs[i].Value, true
		}
	}
	var none T
	return none, false
}

// matchGlob reports whether s fits the pattern, in which "*" is any run of
// characters. Only the last star is ever tried again, so that the time is at
// most the product of the lengths.
func matchGlob(pattern, s string) bool {
	star, mark, g, i := -1, 0, 0, 0
	for i < len(s) {
		switch {
		case g < len(pattern) && pattern[g] == '*':
			star, mark = g, i
			g++
		case g < len(pattern) && pattern[g] == s[i]:
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[g:], "*") == ""
}

// overlap reports whether some text fits both patterns.
func overlap(a, b string) bool {
	// row[j] says whether some text fits both a[:i] and b[:j].
	row := make([]bool, len(b)+1)
	for i := range len(a) + 1 {
		diagonal := false // row[j-1] of the row before
		for j := range len(b) + 1 {
			above := row[j]
			switch {
			case i == 0 && j == 0:
				row[j] = true
			case i > 0 && a[i-1] == '*':
				row[j] = above || j > 0 && row[j-1]
			case j > 0 && b[j-1] == '*':
				row[j] = i > 0 && above || row[j-1]
			default:
				row[j] = i > 0 && j > 0 && a[i-1] == b[j-1] && diagonal
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
