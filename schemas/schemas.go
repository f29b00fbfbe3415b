// Package schemas validates payloads against the JSON Schemas of a directory.
// Everything is read and compiled when the directory is loaded; nothing is ever
// read from outside of it, and nothing from the network.
//
// Drafts 4, 6, 7, 2019-09 and 2020-12 are understood, by "$schema"; without it
// a schema is 2020-12. Formats are asserted in all of them. Patterns are RE2,
// so that their time is linear. Validation takes time in proportion to payload
// and schema, except that each level of oneOf and anyOf may look at the payload
// once for each branch; a oneOf at the top of a schema whose branches pin one
// member to different values is decided by that member.
package schemas

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config says what to load.
type Config struct {
	// Dir is the directory. Required.
	Dir string
	// Rules choose the schema for a type. The most specific rule that fits
	// counts: one without a star before any with, then the one with more other
	// characters, then the one that stands first.
	//
	// Without rules a type's schema is the file of its name: for
	// "pull_request.opened" that is pull_request.opened.json, else
	// pull_request.json, else envelope.json. "/" and ":" in a type count as ".",
	// and so does a directory: orders/create.json is for "orders/create".
	Rules []Rule
	// RefuseUnknown makes a payload invalid for whose type there is no schema.
	RefuseUnknown bool
}

// Rule is the schema for some types.
type Rule struct {
	// Type is a glob over the type: "*" is any run of characters.
	Type string
	// Schema is a file inside the directory, with slashes, and optionally a JSON
	// Pointer: "schema.json#/definitions/push_event".
	Schema string
}

// Set is a compiled directory. It is safe for concurrent use.
type Set struct {
	cfg   Config
	rules []rule               // most specific first
	files map[string]*compiled // by type, if there are no rules
	all   []Info
}

// Info describes one schema that a Set may choose.
type Info struct {
	// Schema is its address inside the directory, as Validate returns it.
	Schema string
	// SHA256 is the digest of its file in lower-case hex. The files that it
	// refers to are not part of it.
	SHA256 string
}

type rule struct {
	glob   string
	schema *compiled
}

// compiled is one schema, ready for use.
type compiled struct {
	address string
	plan    *plan
}

const envelope = "envelope"

// Load compiles the directory. The error joins a [*LoadError] for each mistake.
func Load(cfg Config) (*Set, error) {
	dir, err := readDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg}
	addresses := make([]string, 0, len(dir.files))
	if len(cfg.Rules) == 0 {
		for _, f := range dir.files {
			addresses = append(addresses, f.name)
		}
	}
	var problems []error
	for i, r := range cfg.Rules {
		switch {
		case r.Type == "" || r.Schema == "":
			problems = append(problems, &LoadError{Err: errors.New("a rule needs a type and a schema")})
		case slices.ContainsFunc(cfg.Rules[:i], func(o Rule) bool { return o.Type == r.Type }):
			problems = append(problems, &LoadError{File: r.Schema, Err: fmt.Errorf("the type %q has two schemas: remove one of them", r.Type)})
		case !slices.Contains(addresses, r.Schema):
			addresses = append(addresses, r.Schema)
		}
	}
	slices.Sort(addresses)
	byAddress := make(map[string]*compiled, len(addresses))
	c := dir.compiler()
	for _, address := range addresses {
		sch, err := dir.compile(c, address)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		file, _, _ := strings.Cut(address, "#")
		byAddress[address] = &compiled{address: address, plan: newPlan(sch, dir.dynamic)}
		s.all = append(s.all, Info{Schema: address, SHA256: dir.byName[file].sha256})
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s.index(cfg.Rules, byAddress)
	return s, nil
}

func (s *Set) index(rules []Rule, byAddress map[string]*compiled) {
	if len(rules) == 0 {
		s.files = make(map[string]*compiled, len(byAddress))
		for address, c := range byAddress {
			s.files[typeName(strings.TrimSuffix(address, ".json"))] = c
		}
		return
	}
	for _, r := range rules {
		s.rules = append(s.rules, rule{glob: r.Type, schema: byAddress[r.Schema]})
	}
	slices.SortStableFunc(s.rules, func(a, b rule) int {
		aStars, bStars := strings.Count(a.glob, "*"), strings.Count(b.glob, "*")
		switch {
		case aStars == 0 && bStars > 0:
			return -1
		case bStars == 0 && aStars > 0:
			return 1
		}
		return len(b.glob) - bStars - (len(a.glob) - aStars)
	})
}

// Schemas returns what was compiled, in the order of the addresses.
func (s *Set) Schemas() []Info { return slices.Clone(s.all) }

// Validate checks a payload, decoded as by encoding/json with UseNumber, against
// the schema for the event type. It returns the schema's address, or "" if there
// is none for the type. The error is an [*Invalid].
func (s *Set) Validate(eventType string, payload any) (schema string, err error) {
	c := s.choose(eventType)
	if c == nil {
		if s.cfg.RefuseUnknown {
			return "", &Invalid{Violations: []Violation{{Keyword: "type"}}, unknown: true}
		}
		return "", nil
	}
	if err := c.validate(payload); err != nil {
		return c.address, newInvalid(c.address, err)
	}
	return c.address, nil
}

// validate never lets a payload pass because of a mistake in the validator.
func (c *compiled) validate(payload any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errBroken
		}
	}()
	return c.plan.validate(payload)
}

var errBroken = errors.New("the validator failed")

func (s *Set) choose(eventType string) *compiled {
	for i := range s.rules {
		if matchGlob(s.rules[i].glob, eventType) {
			return s.rules[i].schema
		}
	}
	if s.files == nil {
		return nil
	}
	name := typeName(eventType)
	for {
		if c := s.files[name]; c != nil && name != "" {
			return c
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return s.files[envelope]
		}
		name = name[:i]
	}
}

var typeSeparators = strings.NewReplacer("/", ".", ":", ".")

func typeName(s string) string { return typeSeparators.Replace(s) }

// matchGlob reports whether s fits the glob, in which "*" is any run of
// characters. Only the last star is ever tried again, so that the time is at
// most the product of the lengths.
func matchGlob(glob, s string) bool {
	star, mark, g, i := -1, 0, 0, 0
	for i < len(s) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, mark = g, i
			g++
		case g < len(glob) && glob[g] == s[i]:
			g++
			i++
		case star >= 0:
			mark++
			g, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(glob[g:], "*") == ""
}
