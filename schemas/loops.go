package schemas

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// findLoops reports where references lead back to where they began without going
// into the payload: validating would never end.
func findLoops(files []*file) (problems []*LoadError) {
	l := loops{state: make(map[target]state)}
	for _, f := range files {
		if f.scan == nil {
			continue
		}
		for _, at := range slices.Sorted(maps.Keys(f.targets)) {
			l.visit(target{file: f, at: at[:strings.LastIndexByte(at, '/')]})
		}
	}
	return l.problems
}

// maxChain bounds how many schemas may lead to one another. A walk along so many
// ends at maxFrames.
const maxChain = 10_000

type state uint8

const (
	underWay state = iota + 1
	done
)

// loops is a search, depth first.
type loops struct {
	state    map[target]state
	path     []link
	problems []*LoadError
}

// link is a schema, and by which keyword it leads to the next.
type link struct {
	from target
	via  string
}

func (l *loops) visit(s target) {
	switch l.state[s] {
	case done:
		return
	case underWay:
		i := slices.IndexFunc(l.path, func(k link) bool { return k.from == s })
		l.report(l.path[i:])
		return
	}
	if s.meta != nil {
		return // the library's own have no loops
	}
	if len(l.path) == maxChain {
		l.state[s] = done
		l.problems = append(l.problems, s.file.mistake(s.at, fmt.Errorf("references lead through more than %d schemas that apply to the same place: refer to the last of them", maxChain)))
		return
	}
	l.state[s] = underWay
	for via, next := range s.beside {
		l.path = append(l.path, link{s, via})
		l.visit(next)
		l.path = l.path[:len(l.path)-1]
	}
	l.state[s] = done
}

func (l *loops) report(cycle []link) {
	var refs []*LoadError
	for _, k := range cycle {
		if isReference(strings.TrimPrefix(k.via, "/")) {
			refs = append(refs, k.from.file.mistake(k.from.at+k.via, nil))
		}
	}
	// The outermost comes first.
	first := slices.Index(refs, slices.MinFunc(refs, func(a, b *LoadError) int {
		return cmp.Or(cmp.Compare(len(a.Pointer), len(b.Pointer)), cmp.Compare(a.File, b.File), cmp.Compare(a.Pointer, b.Pointer))
	}))
	refs = slices.Concat(refs[first:], refs[:first])
	var steps strings.Builder
	for _, ref := range refs {
		steps.WriteString(ref.File + "#" + ref.Pointer + " -> ")
	}
	refs[0].Err = fmt.Errorf("the reference leads back to itself and never into the payload: %s%s#%s: remove one of them, or refer from inside properties or items",
		steps.String(), refs[0].File, refs[0].Pointer)
	l.problems = append(l.problems, refs[0])
}

// beside yields the schemas that apply to the same place in a payload, by the
// keyword, with what follows it.
func (s target) beside(yield func(via string, next target) bool) {
	node, _ := jsonptr.Lookup(s.file.doc, s.at)
	object, ok := node.(map[string]any)
	if !ok {
		return
	}
	for _, keyword := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		to, ok := s.file.targets[s.at+"/"+keyword]
		if ok && !yield("/"+keyword, to) {
			return
		}
	}
	if _, hidden := object["$ref"]; hidden && s.file.draft.old {
		return
	}
	for _, keyword := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := object[keyword].([]any)
		for i := range list {
			via := "/" + keyword + "/" + strconv.Itoa(i)
			if !yield(via, target{file: s.file, at: s.at + via}) {
				return
			}
		}
	}
	for _, keyword := range []string{"not", "if", "then", "else"} {
		if _, ok := object[keyword].(map[string]any); ok && !yield("/"+keyword, target{file: s.file, at: s.at + "/" + keyword}) {
			return
		}
	}
	for _, keyword := range []string{"dependentSchemas", "dependencies"} {
		members, _ := object[keyword].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			via := "/" + keyword + "/" + jsonptr.Escape(name)
			if !yield(via, target{file: s.file, at: s.at + via}) {
				return
			}
		}
	}
}
