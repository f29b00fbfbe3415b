package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Load compiles the directory. The error joins a [*LoadError] for each mistake, up to
// a hundred.
// While a Set of the same files and the same Config is in use, Load returns that.
func Load(cfg Config) (*Set, error) {
	dir, err := open(cfg)
	if err != nil {
		return nil, err
	}
	return sets.load(dir.key(cfg), func() (*Set, error) { return dir.set(cfg) })
}

func (d *directory) set(cfg Config) (*Set, error) {
	addresses, err := d.prepare(cfg.Rules)
	if err != nil {
		return nil, err
	}
	schemas, problems := d.compile(addresses)
	if err := join(problems); err != nil {
		return nil, err
	}
	s := &Set{names: make(map[string]string), refuseUnknown: cfg.RefuseUnknown, maxSteps: cmp.Or(cfg.MaxSteps, DefaultMaxSteps)}
	s.choice, problems = newChooser(cfg.Rules, schemas)
	if err := join(problems); err != nil {
		return nil, err
	}
	for _, a := range addresses {
		files := a.file.closure()
		c := schemas[a.text]
		c.address, c.sha256 = path.Join(cfg.Name, a.text), digest(files)
		s.all = append(s.all, Info{c.address, c.sha256})
		for _, f := range files {
			name := path.Join(cfg.Name, f.name)
			if f.whole != nil {
				name += "#" + f.at
			}
			s.names[f.url()], s.names[f.id] = name, name
		}
	}
	return s, nil
}

// prepare decodes and checks the files, and returns the schemas that are to be
// compiled.
func (d *directory) prepare(rules []Rule) ([]address, error) {
	if err := d.parse(); err != nil {
		return nil, err
	}
	addresses, problems := d.addresses(rules)
	problems = append(problems, d.check(addresses)...)
	return addresses, join(problems)
}

// addresses returns the schemas that can be chosen, each once and in order.
func (d *directory) addresses(rules []Rule) (list []address, problems []*LoadError) {
	if len(rules) == 0 {
		for _, f := range d.files {
			if !f.isPart() {
				list = append(list, address{text: f.name, file: f})
			}
		}
		if len(list) == 0 {
			problems = append(problems, &LoadError{Err: errors.New("the names of all files begin with _, so that they are for no type: rename one")})
		}
	}
	for _, r := range rules {
		if r.Type == "" || r.Schema == "" {
			problems = append(problems, &LoadError{File: r.Schema, Err: errors.New("a rule needs a type and a schema")})
			continue
		}
		a, err := d.address(r.Schema)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b address) int { return strings.Compare(a.text, b.text) })
	return slices.CompactFunc(list, func(a, b address) bool { return a.text == b.text }), problems
}

// maxProblems bounds how many mistakes are listed.
const maxProblems = 100

// join makes one error of the problems, each once, by file and pointer.
func join(problems []*LoadError) error {
	slices.SortFunc(problems, func(a, b *LoadError) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Error(), b.Error()))
	})
	problems = slices.CompactFunc(problems, func(a, b *LoadError) bool { return a.Error() == b.Error() })
	if more := len(problems) - maxProblems; more > 0 {
		problems = append(problems[:maxProblems:maxProblems], &LoadError{Err: fmt.Errorf("and %d more mistakes", more)})
	}
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
