package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// compiled is one schema, ready for use.
type compiled struct {
	address string
	sha256  string // of its Info
	schema  *jsonschema.Schema
}

// chooser finds the schema for a type.
type chooser struct {
	exact map[string]*compiled // by type; without rules by its name as typeName makes it
	globs []glob               // most specific first
	named bool                 // there are no rules
}

type glob struct {
	pattern        string
	stars, letters int
	schema         *compiled
}

// envelope is the name of the schema for types that have no file of their own.
const envelope = "envelope"

func newChooser(rules []Rule, schemas map[string]*compiled) (c chooser, problems []*LoadError) {
	c.exact = make(map[string]*compiled)
	c.named = len(rules) == 0
	if c.named {
		for address, schema := range schemas {
			name := typeName(strings.TrimSuffix(address, ".json"))
			if other := c.exact[name]; other != nil {
				first, second := min(address, other.address), max(address, other.address)
				problems = append(problems, &LoadError{File: second, Err: fmt.Errorf("%s is for the same type: remove one of them", first)})
			}
			c.exact[name] = schema
		}
		return c, problems
	}
	for _, r := range rules {
		schema := schemas[r.Schema]
		if stars := strings.Count(r.Type, "*"); stars > 0 {
			c.globs = append(c.globs, glob{r.Type, stars, len(r.Type) - stars, schema})
			continue
		}
		if other := c.exact[r.Type]; other != nil && other != schema {
			problems = append(problems, &LoadError{File: r.Schema, Err: fmt.Errorf("the type %q has another schema as well, %s: remove one of them", r.Type, other.address)})
		}
		c.exact[r.Type] = schema
	}
	slices.SortStableFunc(c.globs, func(a, b glob) int {
		return cmp.Or(cmp.Compare(b.letters, a.letters), cmp.Compare(a.stars, b.stars))
	})
	for i, a := range c.globs {
		for _, b := range c.globs[i+1:] {
			if a.letters != b.letters || a.stars != b.stars {
				break
			}
			if a.schema != b.schema && overlap(a.pattern, b.pattern) {
				problems = append(problems, &LoadError{File: b.schema.address, Err: errors.New(tie(a, b))})
			}
		}
	}
	return c, problems
}

func tie(a, b glob) string {
	if a.pattern == b.pattern {
		return fmt.Sprintf("the type %q has another schema as well, %s: remove one of them", b.pattern, a.schema.address)
	}
	return fmt.Sprintf("the types %q and %q are equally specific and one event may fit both: write more of one of them", a.pattern, b.pattern)
}

func (c *chooser) choose(eventType string) *compiled {
	if c.named {
		return c.byName(typeName(eventType))
	}
	if schema := c.exact[eventType]; schema != nil {
		return schema
	}
	for i := range c.globs {
		if matchGlob(c.globs[i].pattern, eventType) {
			return c.globs[i].schema
		}
	}
	return nil
}

func (c *chooser) byName(name string) *compiled {
	for {
		if schema := c.exact[name]; schema != nil && name != "" {
			return schema
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return c.exact[envelope]
		}
		name = name[:i]
	}
}

var typeSeparators = strings.NewReplacer("/", ".", ":", ".")

func typeName(s string) string { return typeSeparators.Replace(s) }

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
