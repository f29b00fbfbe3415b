package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// scan is what there is to know about the names in a file.
type scan struct {
	ids     map[string]place // the schemas with a URL of their own
	anchors map[string]place // by URL, "#" and name
	refs    []reference
	changes map[string]any // what the library is to see instead, by JSON Pointer
	others  []*file        // that it refers to directly
	targets map[string]target
}

// place is a value in a file.
type place struct {
	node any
	at   string // JSON Pointer
}

type reference struct {
	at   string // JSON Pointer
	base string // URL to which it is relative
	text string
}

// target is where a reference leads.
type target struct {
	file *file
	at   string // JSON Pointer
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
			problems = append(problems, f.unreadable())
			continue
		}
		if f.whole == nil && isOpenAPI(f.doc) {
			problems = append(problems, f.mistake("", errNoSchema))
			continue
		}
		f.look()
		meta, mistakes := d.checkMeta(f)
		problems = append(problems, mistakes...)
		problems = append(problems, f.wrong...)
		others := make(map[*file]bool)
		if meta != nil {
			others[meta] = true
		}
		for _, ref := range f.refs {
			to, err := d.follow(f, ref)
			if err != nil {
				problems = append(problems, f.mistake(ref.at, err))
				continue
			}
			if to.file == nil {
				continue
			}
			f.targets[ref.at] = to
			if to.file.whole != nil {
				f.changes[ref.at] = to.file.url() + "#" + escapeFragment(to.at)
			}
			others[to.file] = true
		}
		delete(others, f)
		f.others = slices.SortedFunc(maps.Keys(others), func(a, b *file) int { return strings.Compare(a.url(), b.url()) })
		for _, other := range f.others {
			add(other)
		}
	}
	if len(problems) == 0 {
		problems = findLoops(queue)
	}
	return problems
}

// unreadable says why there is no document.
func (f *file) unreadable() *LoadError {
	if inside, ok := errors.AsType[*LoadError](f.err); ok {
		return f.mistake(inside.Pointer, inside.Err)
	}
	return f.mistake("", f.err)
}

// look scans the file once.
func (f *file) look() {
	if f.scan != nil || f.err != nil {
		return
	}
	f.scan = &scan{
		ids: map[string]place{}, anchors: map[string]place{}, changes: map[string]any{}, targets: map[string]target{},
	}
	start := f.url()
	if f.whole != nil {
		start = f.whole.url()
	} else {
		f.ids[f.url()], f.ids[f.id] = place{f.doc, ""}, place{f.doc, ""}
	}
	f.walk(f.doc, "", start)
}

// values are the keywords below which nothing is a schema.
var values = map[string]bool{"const": true, "enum": true, "default": true, "examples": true, "example": true}

// named are the keywords whose members are schemas, by names that may be those
// of keywords.
var named = map[string]bool{
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true,
	"dependentSchemas": true, "dependencies": true,
}

func (f *file) walk(node any, at, base string) {
	switch node := node.(type) {
	case []any:
		for i, child := range node {
			f.walk(child, at+"/"+strconv.Itoa(i), base)
		}
	case map[string]any:
		if u := f.draft.id(node, base); u != base {
			base = u
			f.ids[u] = place{node, at}
		}
		if text, ok := node["$schema"].(string); ok && at != "" && draftByURL(text).version != f.draft.version {
			f.wrong = append(f.wrong, f.mistake(at+"/$schema", errors.New("a schema inside another has the same draft: remove the $schema, or move the schema into a file of its own and refer to that")))
		}
		for _, name := range f.draft.anchors(node) {
			f.anchors[base+"#"+name] = place{node, at}
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			here := at + "/" + escapePointer(key)
			child := node[key]
			text, isText := child.(string)
			members, isObject := child.(map[string]any)
			switch {
			case isText && isReference(key):
				f.refs = append(f.refs, reference{here, base, text})
			case isObject && named[key]:
				for _, name := range slices.Sorted(maps.Keys(members)) {
					f.walk(members[name], here+"/"+escapePointer(name), base)
				}
			case values[key] || f.whole != nil && notSchema(key):
			default:
				f.walk(child, here, base)
			}
		}
	}
}

func isReference(keyword string) bool {
	return keyword == "$ref" || keyword == "$dynamicRef" || keyword == "$recursiveRef"
}

// follow returns where a reference leads; no file if it is one of the library's
// own.
func (d *directory) follow(f *file, ref reference) (target, error) {
	u, err := url.Parse(ref.text)
	if err != nil {
		return target{}, fmt.Errorf("the reference %q is not a URL: write the name of a file, #, or both, with %%20 for a space", ref.text)
	}
	to, fragment, err := resolve(ref.base, ref.text)
	if err != nil {
		return target{}, fmt.Errorf("the reference %q is not a URL: write the name of a file, #, or both", ref.text)
	}
	if isMetaschema(to) {
		return target{}, nil
	}
	within, own := f.ids[to]
	other := d.find(to)
	byName := own && to == f.url() || !own && (other == nil || d.byID[to] != other || other.url() == to)
	switch {
	case byName && !u.IsAbs() && (strings.HasPrefix(u.Path, "/") || u.Host != "" || hasDots(u.Path)):
		return target{}, fmt.Errorf("the reference %q may leave the directory: name a file inside it, without .. and without a slash at the beginning", ref.text)
	case own:
		return f.inside(within, to, fragment, ref)
	case other == nil:
		return target{}, fmt.Errorf("the reference %q: %w", ref.text, d.notHere(f, ref, u, to))
	}
	if other.err != nil {
		return target{other, ""}, nil // its own mistake is reported there
	}
	if version := openAPIOf(f, other); version != nil {
		part, err := d.part(other, fragment, version)
		if err != nil {
			return target{}, fmt.Errorf("the reference %q: %w", ref.text, err)
		}
		return target{part, ""}, nil
	}
	other.look()
	found, err := other.inside(place{other.doc, ""}, to, fragment, ref)
	if err == nil && d.byID[to] != other && to != other.url() {
		f.changes[ref.at] = other.url() + "#" + escapeFragment(found.at) // it is written in another way
	}
	return found, err
}

// inside returns what a fragment means in a schema of the file.
func (f *file) inside(within place, to, fragment string, ref reference) (target, error) {
	if fragment == "" {
		return target{f, within.at}, nil
	}
	if !strings.HasPrefix(fragment, "/") {
		for _, u := range []string{to, f.id} {
			if anchored, ok := f.anchors[u+"#"+fragment]; ok {
				return target{f, anchored.at}, nil
			}
		}
		return target{}, fmt.Errorf("the reference %q points at nothing: %s has no $anchor %q", ref.text, f.name, fragment)
	}
	if _, ok := lookup(within.node, fragment); !ok {
		return target{}, fmt.Errorf("the reference %q points at nothing%s", ref.text, nearest(f, within, fragment))
	}
	return target{f, within.at + fragment}, nil
}

// nearest says how far a JSON Pointer leads.
func nearest(f *file, within place, pointer string) string {
	known := ""
	for i := 1; i <= len(pointer); i++ {
		if i < len(pointer) && pointer[i] != '/' {
			continue
		}
		if _, ok := lookup(within.node, pointer[:i]); !ok {
			return fmt.Sprintf(": %s has no %q", f.place(within.at+known), unescapePointer(pointer[len(known)+1:i]))
		}
		known = pointer[:i]
	}
	return ""
}

// notHere says why there is no file for a reference, and what to do.
func (d *directory) notHere(f *file, ref reference, u *url.URL, to string) error {
	switch name := strings.TrimPrefix(to, base); {
	case strings.Contains(u.Path, `\`):
		return errors.New(`write / instead of \`)
	case path.Ext(u.Path) == ".yaml" || path.Ext(u.Path) == ".yml":
		return errYAML
	case !u.IsAbs() && u.Path != "" && name == to:
		if byName := path.Join(path.Dir(f.name), u.Path); d.byName[byName] != nil {
			return fmt.Errorf("it means %s because of the $id above it: remove that, or give %s this $id", to, byName)
		}
		return fmt.Errorf("it means %s because of the $id above it, and no file has this $id: put the file into the directory, with it", to)
	case name != to:
		decoded, _ := url.PathUnescape(name)
		for _, other := range d.files {
			if strings.EqualFold(other.name, decoded) {
				return fmt.Errorf("the file is called %s: write its name with the same capitals", other.name)
			}
		}
	}
	return errOutside
}

var errOutside = errors.New("it is not in the directory: put the file there and refer to it by its name, or by its $id")

func hasDots(p string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(p, `\`, "/"), "/") {
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
	if pointer == "" {
		return doc, true
	}
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = unescapePointer(token)
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

func unescapePointer(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// escapeFragment writes a pointer as the library writes its own.
func escapeFragment(pointer string) string {
	if pointer == "" {
		return ""
	}
	var b strings.Builder
	for token := range strings.SplitSeq(pointer[1:], "/") {
		b.WriteString("/" + url.PathEscape(token))
	}
	return b.String()
}

// change returns a copy of a document in which the values at some JSON Pointers
// are others.
func change(doc any, at string, changes map[string]any) any {
	if other, ok := changes[at]; ok {
		return other
	}
	switch doc := doc.(type) {
	case map[string]any:
		object := make(map[string]any, len(doc))
		for name, child := range doc {
			here := at + "/" + escapePointer(name)
			if other, ok := changes[here]; ok && other == nil {
				continue
			}
			object[name] = change(child, here, changes)
		}
		return object
	case []any:
		list := make([]any, len(doc))
		for i, child := range doc {
			list[i] = change(child, at+"/"+strconv.Itoa(i), changes)
		}
		return list
	}
	return doc
}
