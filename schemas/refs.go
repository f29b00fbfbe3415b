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

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// scan is what there is to know about the names in a file.
type scan struct {
	ids     map[string]place // the schemas with a URL of their own
	anchors map[string]place // by URL, "#" and name
	refs    []reference
	others  []*file // that it refers to directly
	targets map[string]target
	large   error // why not all of it was looked at
	places  int   // bytes of JSON Pointers
	schemas int   // that the draft's own schema looks at
}

// place is a value in a file.
type place struct {
	node   any
	at     string // JSON Pointer
	schema bool   // by the draft's own schema
}

type reference struct {
	at   string // JSON Pointer
	base string // URL to which it is relative
	text string
}

// target is where a reference leads.
type target struct {
	file *file
	at   string             // JSON Pointer, as canonical writes it
	meta *jsonschema.Schema // instead, a part of what the library has
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
	places := make(map[target]bool)
	for _, a := range addresses {
		add(a.file)
		places[a.target()] = true
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
		if f.large != nil {
			problems = append(problems, f.mistake("", f.large))
			continue
		}
		meta, mistakes := d.checkFile(f)
		problems = append(problems, f.wrong...)
		others := make(map[*file]bool)
		if meta != nil {
			others[meta] = true
		}
		for _, ref := range f.refs {
			to, err := d.follow(f, ref)
			if err != nil {
				mistakes = slices.DeleteFunc(mistakes, func(m *LoadError) bool { return m.Pointer == f.at+ref.at }) // it says less
				problems = append(problems, f.mistake(ref.at, err))
				continue
			}
			f.targets[ref.at] = to
			if to.meta == nil {
				others[to.file], places[to] = true, true
			}
		}
		problems = append(problems, mistakes...)
		delete(others, f)
		f.others = slices.SortedFunc(maps.Keys(others), func(a, b *file) int { return strings.Compare(a.url(), b.url()) })
		for _, other := range f.others {
			add(other)
		}
	}
	for t := range places {
		// The rest has been checked with the whole file.
		if t.file.err == nil && t.file.scan != nil && t.file.large == nil && t.file.draft.version != nil && !t.file.isSchema(t.at) {
			node, _ := jsonptr.Lookup(t.file.doc, t.at)
			problems = append(problems, t.file.checkSchema(node, t.at)...)
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
		ids: map[string]place{}, anchors: map[string]place{}, targets: map[string]target{},
	}
	start := f.url()
	if f.whole != nil {
		start = f.whole.url()
	} else {
		f.ids[f.url()], f.ids[f.id] = place{f.doc, "", true}, place{f.doc, "", true}
	}
	f.walk(place{f.doc, "", true}, start)
	switch {
	case f.places > maxPlaces:
		f.large = fmt.Errorf("the JSON Pointers of what is in it have more than %d MiB together: write shorter names, or less nesting", maxPlaces>>20)
	case f.schemas > maxSchemas:
		f.large = errManySchemas
	}
}

// values are the keywords below which nothing is a schema.
var values = map[string]bool{"const": true, "enum": true, "default": true, "examples": true, "example": true}

// named are the keywords whose members are schemas, by names that may be those
// of keywords.
var named = map[string]bool{
	"properties": true, "patternProperties": true, "$defs": true, "definitions": true,
	"dependentSchemas": true, "dependencies": true,
}

// walk notes the names in what stands at a place.
func (f *file) walk(p place, base string) {
	f.places += len(p.at)
	if p.schema {
		f.schemas++
	}
	full := func() bool { return f.places > maxPlaces || f.schemas > maxSchemas }
	switch node := p.node.(type) {
	case []any:
		for i := 0; i < len(node) && !full(); i++ {
			f.walk(place{node[i], p.at + "/" + strconv.Itoa(i), false}, base)
		}
	case map[string]any:
		base = f.identify(p, node, base)
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if full() {
				return
			}
			here := p.at + "/" + jsonptr.Escape(key)
			where := spot(0)
			if p.schema {
				where = f.draft.spot(key)
			}
			child := node[key]
			text, isText := child.(string)
			members, isObject := child.(map[string]any)
			items, isArray := child.([]any)
			switch {
			case isText && isReference(key):
				f.refs = append(f.refs, reference{here, base, text})
			case isObject && named[key]:
				for _, name := range slices.Sorted(maps.Keys(members)) {
					if full() {
						return
					}
					f.walk(place{members[name], here + "/" + jsonptr.Escape(name), where&inMembers != 0}, base)
				}
			case values[key] || f.whole != nil && notSchema(key):
			case isArray:
				for i := 0; i < len(items) && !full(); i++ {
					f.walk(place{items[i], here + "/" + strconv.Itoa(i), where&inItems != 0}, base)
				}
			default:
				f.walk(place{child, here, where&itself != 0}, base)
			}
		}
	}
}

// identify notes what an object at a place is called, and returns the URL to which
// what is in it is relative.
func (f *file) identify(p place, node map[string]any, base string) string {
	note := func(names map[string]place, key, keyword, name string) {
		switch other, twice := names[key]; {
		case twice && other.at != p.at && other.schema && p.schema:
			f.wrong = append(f.wrong, f.mistake(p.at+"/"+keyword, fmt.Errorf("%s has the same %s %q: give each its own", f.place(other.at), keyword, name)))
		case !twice || p.schema:
			names[key] = p
		}
	}
	if text, _ := node[f.draft.idName].(string); (p.at != "" || f.whole != nil) && text != "" && text[0] != '#' {
		if u := f.draft.id(node, base); u != base || p.schema && f.draft.id(node, "") != "" {
			base = u
			note(f.ids, u, f.draft.idName, text)
		}
	} else {
		base = f.draft.id(node, base)
	}
	if text, ok := node["$schema"].(string); ok && p.at != "" && draftByURL(text).version != f.draft.version {
		f.wrong = append(f.wrong, f.mistake(p.at+"/$schema", errors.New("a schema inside another has the same draft: remove the $schema, or move the schema into a file of its own and refer to that")))
	}
	for keyword, name := range f.draft.anchors(node) {
		note(f.anchors, base+"#"+name, keyword, name)
	}
	return base
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
		meta, err := metaschemaAt(to, fragment)
		if err != nil {
			return target{}, fmt.Errorf("the reference %q: %w", ref.text, err)
		}
		return target{meta: meta}, nil
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
		if inside := d.embedded(to); inside != nil {
			return inside.inside(inside.ids[to], to, fragment, ref)
		}
		return target{}, fmt.Errorf("the reference %q: %w", ref.text, d.notHere(f, ref, u, to))
	}
	if other.err != nil {
		return target{file: other}, nil // its own mistake is reported there
	}
	if version := openAPIOf(f, other); version != nil {
		part, err := d.part(other, fragment, version)
		if err != nil {
			return target{}, fmt.Errorf("the reference %q: %w", ref.text, err)
		}
		return target{file: part}, nil
	}
	other.look()
	return other.inside(place{other.doc, "", true}, to, fragment, ref)
}

// embedded returns the file in which a schema has the URL as its $id.
func (d *directory) embedded(to string) *file {
	if d.byInner == nil {
		d.byInner = make(map[string]*file)
		for _, f := range d.files {
			if f.err != nil || f.draft.version == nil || isOpenAPI(f.doc) {
				continue
			}
			f.look()
			for u, p := range f.ids {
				if p.schema && d.byInner[u] == nil {
					d.byInner[u] = f
				}
			}
		}
	}
	return d.byInner[to]
}

// inside returns what a fragment means in a schema of the file.
func (f *file) inside(within place, to, fragment string, ref reference) (target, error) {
	if fragment == "" {
		return target{file: f, at: within.at}, nil
	}
	if !strings.HasPrefix(fragment, "/") {
		for _, u := range []string{to, f.id} {
			if anchored, ok := f.anchors[u+"#"+fragment]; ok {
				return target{file: f, at: anchored.at}, nil
			}
		}
		return target{}, fmt.Errorf("the reference %q points at nothing: %s has no $anchor %q", ref.text, f.name, fragment)
	}
	if _, ok := jsonptr.Lookup(within.node, fragment); !ok {
		return target{}, fmt.Errorf("the reference %q points at nothing%s", ref.text, nearest(f, within, fragment))
	}
	return target{file: f, at: within.at + canonical(fragment)}, nil
}

// nearest says how far a JSON Pointer leads.
func nearest(f *file, within place, pointer string) string {
	known := ""
	for i := 1; i <= len(pointer); i++ {
		if i < len(pointer) && pointer[i] != '/' {
			continue
		}
		if _, ok := jsonptr.Lookup(within.node, pointer[:i]); !ok {
			return fmt.Sprintf(": %s has no %q", f.place(within.at+known), jsonptr.Unescape(pointer[len(known)+1:i]))
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

// canonical writes a JSON Pointer as walk does.
func canonical(pointer string) string {
	if !strings.Contains(pointer, "~") {
		return pointer
	}
	tokens := strings.Split(pointer, "/")
	for i, token := range tokens {
		tokens[i] = jsonptr.Escape(jsonptr.Unescape(token))
	}
	return strings.Join(tokens, "/")
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
