package schemas

import (
	"errors"
	"fmt"
	"strings"
)

// compiled is one schema, ready for use.
type compiled struct {
	address string
	sha256  string // of its Info
	root    *node
	longest int // see evaluator
}

// chooser finds the schema for a type.
type chooser struct {
	named map[string]*compiled // by the name as typeName makes it; nil if there are rules
	rules *Globs[*compiled]
}

// envelope is the name of the schema for types that have no file of their own.
const envelope = "envelope"

func newChooser(rules []Rule, schemas map[string]*compiled) (c chooser, problems []*LoadError) {
	if len(rules) == 0 {
		c.named = make(map[string]*compiled)
		for address, schema := range schemas {
			name := typeName(strings.TrimSuffix(address, ".json"))
			if other := c.named[name]; other != nil {
				first, second := min(address, other.address), max(address, other.address)
				problems = append(problems, &LoadError{File: second, Err: fmt.Errorf("%s is for the same type: remove one of them", first)})
			}
			c.named[name] = schema
		}
		return c, problems
	}
	choices := make([]Choice[*compiled], len(rules))
	for i, r := range rules {
		choices[i] = Choice[*compiled]{r.Type, schemas[r.Schema]}
	}
	var ties []Tie[*compiled]
	c.rules, ties = NewGlobs(choices)
	for _, t := range ties {
		problems = append(problems, &LoadError{File: t.Second.Value.address, Err: errors.New(tie(t))})
	}
	return c, problems
}

func tie(t Tie[*compiled]) string {
	if t.First.Type == t.Second.Type {
		return fmt.Sprintf("the type %q has another schema as well, %s: remove one of them", t.Second.Type, t.First.Value.address)
	}
	return fmt.Sprintf("the types %q and %q are equally specific and one event may fit both: write more of one of them", t.First.Type, t.Second.Type)
}

func (c *chooser) choose(eventType string) *compiled {
	if c.rules == nil {
		return c.byName(typeName(eventType))
	}
	schema, _ := c.rules.Choose(eventType)
	return schema
}

func (c *chooser) byName(name string) *compiled {
	for {
		if schema := c.named[name]; schema != nil && name != "" {
			return schema
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return c.named[envelope]
		}
		name = name[:i]
	}
}

var typeSeparators = strings.NewReplacer("/", ".", ":", ".")

func typeName(s string) string { return typeSeparators.Replace(s) }
