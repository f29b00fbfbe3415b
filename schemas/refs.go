package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// scan is what there is to know about the names in a file.
type scan struct {
	ids     map[string]any  // the schemas with a URL of their own
	anchors map[string]bool // URL, "#" and name
	refs    []reference
	others  []*file // that it refers to directly
}

type reference struct {
	at   string // JSON Pointer
	base string // URL to which it is relative
	text string
}

// check reports what is wrong with the files of the addresses and with all that
// they refer to.
func (d *directory) check(addresses []address) (problems []*LoadError) {
	queue := make([]*file, 0, len(d.files))
	queued := make(map[*file]bool)
	add := func(f *file) {
		if !queued[f] {
			queued[f] = true
			queue = append(queue, f)
		}
	}
	for _, a := range addresses {
		add(a.file)
	}
	for i := 0; i < len(queue); i++ {
		f := queue[i]
		if f.err != nil {
			problems = append(problems, &LoadError{File: f.name, Err: f.err})
			continue
		}
		f.look()
		meta, mistakes := d.checkMeta(f)
		problems = append(problems, mistakes...)
		if meta != nil {
			f.others = append(f.others, meta)
			add(meta)
		}
		for _, ref := range f.refs {
			other, err := d.follow(f, ref)
			if err != nil {
				problems = append(problems, &LoadError{File: f.name, Pointer: ref.at, Err: err})
			}
			if other != nil && other != f && !slices.Contains(f.others, other) {
				f.others = append(f.others, other)
				add(other)
			}
		}
	}
	return problems
}

// look scans the file once.
func (f *file) look() {
	if f.scan != nil || f.err != nil {
		return
	}
	f.scan = &scan{ids: map[string]any{f.url(): f.doc, f.id: f.doc}, anchors: map[string]bool{}}
	f.walk(f.doc, "", f.url(), draftOf(f.doc))
}

// values are the keywords below which nothing is a schema.
var values = map[string]bool{"const": true, "enum": true, "default": true, "examples": true, "example": true}

// named are the keywords whose members are schemas, by names that may be those
// of keywords.
var named = map[string]bool{
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true,
	"dependentSchemas": true, "dependencies": true,
}

func (f *file) walk(node any, at, base string, draft draft) {
	switch node := node.(type) {
	case []any:
		for i, child := range node {
			f.walk(child, at+"/"+strconv.Itoa(i), base, draft)
		}
	case map[string]any:
		if u := draft.id(node, base); u != base {
			base = u
			f.ids[u] = node
		}
		for _, name := range draft.anchors(node) {
			f.anchors[base+"#"+name] = true
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			here := at + "/" + escapePointer(key)
			child := node[key]
			text, isText := child.(string)
			members, isObject := child.(map[string]any)
			switch {
			case isText && (key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef"):
				f.refs = append(f.refs, reference{here, base, text})
			case isObject && named[key]:
				for _, name := range slices.Sorted(maps.Keys(members)) {
					f.walk(members[name], here+"/"+escapePointer(name), base, draft)
				}
			case !values[key]:
				f.walk(child, here, base, draft)
			}
		}
	}
}

// follow returns the file that a reference leads to; nil if it is one of the
// library's own.
func (d *directory) follow(f *file, ref reference) (*file, error) {
	u, err := url.Parse(ref.text)
	if err != nil {
		return nil, errors.New("the reference is not a URL")
	}
	target, fragment, err := resolve(ref.base, ref.text)
	if err != nil {
		return nil, errors.New("the reference is not a URL")
	}
	if isMetaschema(target) {
		return nil, nil //nolint:nilnil // there is no file and no mistake
	}
	other, doc, declared := d.named(f, target)
	switch {
	case !declared && !u.IsAbs() && (strings.HasPrefix(u.Path, "/") || u.Host != "" || hasDots(u.Path)):
		return nil, fmt.Errorf("the reference %q may leave the directory: name a file inside it, without .. and without a slash at the beginning", ref.text)
	case other == nil:
		return nil, fmt.Errorf("the reference %q: %w", ref.text, errOutside)
	}
	if other.look(); other.scan == nil {
		return other, nil // its own mistake is reported there
	}
	found := fragment == "" || other.anchors[target+"#"+fragment] || other.anchors[other.id+"#"+fragment]
	if strings.HasPrefix(fragment, "/") {
		_, found = lookup(doc, fragment)
	}
	if !found {
		return other, fmt.Errorf("the reference %q points at nothing", ref.text)
	}
	return other, nil
}

// named returns the file and the schema in it that a URL leads to from a file,
// and whether that is by an $id and not by the name of the file.
func (d *directory) named(f *file, target string) (other *file, doc any, declared bool) {
	if doc, ok := f.ids[target]; ok {
		return f, doc, target != f.url()
	}
	if other = d.find(target); other == nil {
		return nil, nil, false
	}
	return other, other.doc, target != other.url()
}

func hasDots(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// resolve returns the URL of a reference and its fragment, decoded.
func resolve(base, ref string) (target, fragment string, err error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", "", err
	}
	u, err := b.Parse(ref)
	if err != nil {
		return "", "", err
	}
	fragment = u.Fragment
	u.Fragment, u.RawFragment = "", ""
	return u.String(), fragment, nil
}

// lookup follows a JSON Pointer.
func lookup(doc any, pointer string) (any, bool) {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch node := doc.(type) {
		case map[string]any:
			child, ok := node[token]
			if !ok {
				return nil, false
			}
			doc = child
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(node) {
				return nil, false
			}
			doc = node[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func escapePointer(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}
