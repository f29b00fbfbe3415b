// Package diff says what is different between two versions of schemas, and for
// whom that is a break.
//
// A change tightens if it makes payloads refused that were accepted: what sends
// them gets into trouble. It loosens if it makes payloads accepted that were
// refused: who consumes them may get what never came before. It may do both.
//
// If no change tightens, then no payload that the old version accepts is refused by
// the new one; and the reverse for changes that loosen. The other way round that is
// not so: a change that is named may have no effect, because of something else in
// the schema. What cannot be judged counts as tightening and loosening, and so does
// what refers to something dynamically.
package diff

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// Change is one difference.
type Change struct {
	// Type is the event type, or the beginning of it, whose schema it is, if
	// directories are compared; "" for schemas.
	Type string `json:"type,omitempty"`
	// Pointer is where in a payload, as a JSON Pointer, in which "*" is any item or
	// any other member, and {pattern} any member that fits the pattern.
	Pointer string `json:"pointer"`
	// Keyword is the keyword that has changed.
	Keyword string `json:"keyword"`
	// Old and New are where the schemas stand, as file and JSON Pointer; "" if there
	// is none.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Tightens: payloads that were accepted are refused now.
	Tightens bool `json:"tightens"`
	// Loosens: payloads that were refused are accepted now.
	Loosens bool `json:"loosens"`
	// Unjudged: whether it does either is not known.
	Unjudged bool `json:"unjudged,omitempty"`
	// Breaking is false for what adds to a schema: more members are allowed, or one
	// that nothing was said about is described, which tightens all the same: payloads
	// may have had it before, as something else.
	Breaking bool `json:"breaking"`
	// Text says it in words.
	Text string `json:"text"`
}

// Class returns "breaking", "additive" or "described". If all changes are additive,
// then no payload that was accepted is refused. Described is a member that nothing
// was said about: the like is refused only if it came before as something else.
func (c Change) Class() string {
	switch {
	case c.Breaking:
		return "breaking"
	case c.Tightens:
		return "described"
	}
	return "additive"
}

// String returns the change in one line.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s", c.Class())
	if c.Type != "" {
		b.WriteString(c.Type + " ")
	}
	if c.Pointer == "" {
		b.WriteString("(the payload)")
	}
	b.WriteString(c.Pointer + ": " + c.Text)
	return b.String()
}

// Report is what is different.
type Report struct {
	Changes []Change `json:"changes"`
	// More is how many changes there are that are not listed.
	More int `json:"more,omitempty"`
}

// maxChanges bounds a report.
const maxChanges = 1000

// Tightens, Loosens and Breaking report whether any change does or is.
func (r *Report) Tightens() bool { return r.any(func(c *Change) bool { return c.Tightens }) }

// Loosens reports whether any change loosens.
func (r *Report) Loosens() bool { return r.any(func(c *Change) bool { return c.Loosens }) }

// Breaking reports whether any change is breaking.
func (r *Report) Breaking() bool { return r.any(func(c *Change) bool { return c.Breaking }) }

func (r *Report) any(is func(*Change) bool) bool {
	if r.More > 0 {
		return true
	}
	for i := range r.Changes {
		if is(&r.Changes[i]) {
			return true
		}
	}
	return false
}

// Directories compares directories in which schemas are found by name. For each
// name of either it compares what events of that type are checked by: if the new
// directory has no file of that name, that is the one of the next shorter name, or
// envelope.json, or nothing. The error is that of [schemas.Load].
func Directories(old, current schemas.Config) (*Report, error) {
	if len(old.Rules)+len(current.Rules) > 0 {
		return nil, errors.New("comparing directories with rules: compare the schemas one by one")
	}
	c, err := load(old, current)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, side := range []*schemas.Compiled{c.old, c.new} {
		for _, info := range side.Schemas() {
			names = append(names, strings.ReplaceAll(strings.TrimSuffix(info.Schema, ".json"), "/", "."))
		}
	}
	slices.Sort(names)
	done := map[[2]string]bool{}
	for _, name := range slices.Compact(names) {
		was, _ := c.old.Choose(name)
		is, _ := c.new.Choose(name)
		pair := [2]string{was.Schema, is.Schema}
		if done[pair] {
			continue
		}
		done[pair] = true
		c.kind = name
		c.root(c.old.Schema(was.Schema), c.new.Schema(is.Schema))
	}
	return c.report(), nil
}

// Schemas compares two schemas: the only ones of their configurations, each with
// one rule. The error is that of [schemas.Load].
func Schemas(old, current schemas.Config) (*Report, error) {
	if len(old.Rules) != 1 || len(current.Rules) != 1 {
		return nil, errors.New("comparing schemas: each side needs one rule")
	}
	c, err := load(old, current)
	if err != nil {
		return nil, err
	}
	c.root(c.old.Schema(c.old.Schemas()[0].Schema), c.new.Schema(c.new.Schemas()[0].Schema))
	return c.report(), nil
}

func load(old, current schemas.Config) (*comparer, error) {
	was, err := schemas.Compile(old)
	if err != nil {
		return nil, fmt.Errorf("loading the old version: %w", err)
	}
	is, err := schemas.Compile(current)
	if err != nil {
		return nil, fmt.Errorf("loading the new version: %w", err)
	}
	return &comparer{old: was, new: is, equal: map[pair]bool{}, visited: map[visit]bool{}}, nil
}

// comparer compares schemas, each pair once.
type comparer struct {
	old, new *schemas.Compiled
	kind     string
	changes  []Change
	more     int
	equal    map[pair]bool
	visited  map[visit]bool
}

type pair struct{ old, new *jsonschema.Schema }

type visit struct {
	pair
	polarity
}

func (c *comparer) report() *Report {
	return &Report{Changes: append([]Change{}, c.changes...), More: c.more}
}

// root compares what payloads are checked by; nil means that they are not.
func (c *comparer) root(old, current *jsonschema.Schema) {
	if !c.same(old, current) && (isDynamic(old) || isDynamic(current)) {
		c.add(place{}, effect{keyword: "$dynamicRef", old: old, new: current, dir: both, unjudged: true},
			"something has changed where references are dynamic, so that anything may have")
	}
	c.schema(place{}, old, current)
}

// direction is what a change does.
type direction uint8

const (
	tightens direction = 1 << iota
	loosens
	both = tightens | loosens
)

// polarity is what a change in a schema does to those around it.
type polarity uint8

const (
	plain   polarity = iota
	negated          // below not
	mixed            // where more and fewer payloads both count
)

func (p polarity) of(d direction) direction {
	switch {
	case p == mixed && d != 0:
		return both
	case p == negated:
		return d&tightens<<1 | d&loosens>>1
	}
	return d
}

func (p polarity) not() polarity {
	switch p {
	case plain:
		return negated
	case negated:
		return plain
	case mixed:
	}
	return p
}

// place is where in a payload, and below what in the schema.
type place struct {
	pointer string
	polarity
	fresh bool // a member of which nothing was known
}

func (p place) at(token string) place {
	p.pointer += "/" + token
	p.fresh = false
	return p
}

func (p place) member(name string) place {
	return p.at(jsonptr.Escape(name))
}

// effect is a change before it is known what is around it.
type effect struct {
	keyword  string
	old, new *jsonschema.Schema
	dir      direction
	additive bool
	unjudged bool
}

func (c *comparer) add(at place, e effect, text string, args ...any) {
	if len(c.changes) == maxChanges {
		c.more++
		return
	}
	dir := at.of(e.dir)
	change := Change{
		Type: c.kind, Pointer: at.pointer, Keyword: e.keyword,
		Tightens: dir&tightens != 0, Loosens: dir&loosens != 0,
		Unjudged: e.unjudged || at.polarity == mixed, Text: fmt.Sprintf(text, args...),
	}
	change.Breaking = !e.additive || change.Unjudged || at.polarity == negated
	if e.old != nil {
		change.Old = c.old.Location(e.old)
	}
	if e.new != nil {
		change.New = c.new.Location(e.new)
	}
	switch {
	case change.Unjudged:
		change.Text += ": changed, cannot be judged"
	case at.polarity == negated && dir == tightens:
		change.Text += ", below not: payloads that were accepted are refused"
	case at.polarity == negated && dir == loosens:
		change.Text += ", below not: payloads that were refused are accepted"
	}
	c.changes = append(c.changes, change)
}
