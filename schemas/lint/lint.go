// Package lint looks for what is allowed in a schema and is probably not meant, or
// does harm to those who receive webhooks.
//
// It finds:
//   - what does not load (error);
//   - keywords that are none, most of them misspelt, and those of another draft,
//     which say nothing where they stand (warning);
//   - objects that are closed, so that an event is refused once its sender adds a
//     member (warning);
//   - members that are required and not described, and bounds that contradict each
//     other (warning);
//   - formats that nobody checks, and what stands beside a "$ref" that hides it
//     (warning);
//   - rules that stand twice or are never chosen, patterns of great size, and branches
//     that lead back to what they stand in more than once (warning);
//   - arrays without a bound whose objects have to be unique, and many branches of
//     which no member says which one is meant (info);
//   - enumerations that senders extend, members of what need not be an object,
//     patterns without an anchor, and types for which there is no envelope.json
//     (info).
package lint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // it does not load
	Warning Severity = "warning" // it is probably not meant, or refuses good events
	Info    Severity = "info"    // it may be meant
)

// Finding is one thing that was found.
type Finding struct {
	// File is the file inside the directory; "" for all of it.
	File string `json:"file"`
	// Pointer is a JSON Pointer into the file; "" for all of it.
	Pointer  string   `json:"pointer"`
	Severity Severity `json:"severity"`
	// Problem says what is wrong, and Cure what to write instead; Cure may be "".
	Problem string `json:"problem"`
	Cure    string `json:"cure,omitempty"`
}

// Place returns "push.json#/properties/ref".
func (f *Finding) Place() string {
	if f.Pointer == "" {
		return cmp.Or(f.File, "all files")
	}
	return f.File + "#" + f.Pointer
}

// maxDepth bounds how deep a schema is looked into; one that is deeper does not load.
const maxDepth = 500

// Check looks at every schema that [schemas.Load] would read with the configuration,
// in the order of files and pointers. The error says that the files cannot be read at
// all; what does not load is a Finding.
func Check(cfg schemas.Config) ([]Finding, error) {
	fsys := cfg.FS
	if fsys == nil {
		info, err := os.Stat(cfg.Dir)
		switch {
		case err != nil:
			return nil, fmt.Errorf("opening the directory: %w", err)
		case !info.IsDir():
			return nil, fmt.Errorf("%s is not a directory", cfg.Dir)
		}
		root, err := os.OpenRoot(cfg.Dir) // so that no link leaves it
		if err != nil {
			return nil, fmt.Errorf("opening the directory: %w", err)
		}
		defer root.Close()
		fsys = root.FS()
	}
	var l linter
	_, err := schemas.Load(cfg)
	l.loading(err)
	l.rules(cfg.Rules)
	if err := l.files(fsys, cfg); err != nil {
		return nil, err
	}
	slices.SortFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(l.found), nil
}

type linter struct {
	found []Finding
	file  string
	draft
	dialect
	whole bool // what is looked at first is for all of a payload
	asked int  // how many if and not are around: what does not fit there is not refused
}

// loading takes over what Load says.
func (l *linter) loading(err error) {
	var add func(err error)
	add = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				add(one)
			}
			return
		}
		f := Finding{Severity: Error, Problem: err.Error()}
		if load, ok := errors.AsType[*schemas.LoadError](err); ok {
			f.File, f.Pointer, f.Problem = load.File, load.Pointer, load.Err.Error()
		}
		l.found = append(l.found, f)
	}
	if err != nil {
		add(err)
	}
}

// files looks at the files that are schemas: all, or those that rules name.
func (l *linter) files(fsys fs.FS, cfg schemas.Config) error {
	named := make(map[string][]string) // JSON Pointers
	for _, r := range cfg.Rules {
		name, pointer, _ := strings.Cut(r.Schema, "#")
		named[name] = append(named[name], pointer)
	}
	envelope := len(cfg.Rules) > 0
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || path.Ext(name) != ".json":
			return nil
		}
		envelope = envelope || name == "envelope.json"
		pointers := named[name]
		if len(cfg.Rules) > 0 && len(pointers) == 0 {
			return nil // it may be anything
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil //nolint:nilerr // Load has said so
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var doc any
		if dec.Decode(&doc) != nil {
			return nil // so has it here
		}
		object, _ := doc.(map[string]any)
		l.file = name
		l.draft, l.dialect = document(object)
		if len(cfg.Rules) > 0 && !slices.Contains(pointers, "") {
			l.parts(doc, pointers) // what there is beside them may be anything
			return nil
		}
		if l.dialect == plain {
			l.whole = true
			l.schema(doc, "", 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	if !envelope {
		l.file = ""
		l.add("", Info, "types without a file of their own have no schema", "write envelope.json with what all events have in common")
	}
	return nil
}

func (l *linter) add(at string, severity Severity, problem, cure string) {
	l.found = append(l.found, Finding{l.file, at, severity, problem, cure})
}

// schema looks at one schema and those in it.
func (l *linter) schema(node any, at string, depth int) {
	object, ok := node.(map[string]any)
	if !ok || depth > maxDepth {
		return
	}
	_, refers := object["$ref"].(string)
	hides := refers && l.draft <= draft7
	for _, name := range slices.Sorted(maps.Keys(object)) {
		here := at + "/" + jsonptr.Escape(name)
		if hides && name != "$ref" && !annotations[name] && !containers[name] {
			l.add(here, Warning, "a $ref hides what stands beside it in this draft", "put the $ref into an allOf, or write the schema in draft 2019-09 or later")
			continue
		}
		l.keyword(name, here)
		l.below(name, object[name], here, depth)
	}
	if hides {
		return
	}
	if l.asked == 0 {
		l.closed(object, at)
	}
	l.required(object, at)
	l.bounds(object, at)
	l.values(object, at)
	l.expensive(object, at)
	if object["properties"] != nil && object["type"] == nil && object["$ref"] == nil && depth == 0 && l.whole {
		l.add(at+"/properties", Info, "a payload that is no object fits, whatever its members would have to be", `write "type": "object" beside it`)
	}
}

// below looks at the schemas that are the value of a keyword.
func (l *linter) below(name string, value any, at string, depth int) {
	if name == "if" || name == "not" {
		l.asked++
		defer func() { l.asked-- }()
	}
	switch keywords[name].holds {
	case one:
		l.schema(value, at, depth+1)
	case list:
		items, _ := value.([]any)
		for i, item := range items {
			l.schema(item, at+"/"+strconv.Itoa(i), depth+1)
		}
	case oneOrList:
		if items, ok := value.([]any); ok {
			for i, item := range items {
				l.schema(item, at+"/"+strconv.Itoa(i), depth+1)
			}
			return
		}
		l.schema(value, at, depth+1)
	case byName:
		members, _ := value.(map[string]any)
		for _, member := range slices.Sorted(maps.Keys(members)) {
			l.schema(members[member], at+"/"+jsonptr.Escape(member), depth+1)
			if name == "patternProperties" && !strings.ContainsAny(member, "^$") {
				l.add(at+"/"+jsonptr.Escape(member), Info, "the pattern fits anywhere in a name", "begin it with ^ and end it with $ if all of it is meant")
			}
		}
	case nothing:
	}
}

// keyword says whether the draft knows a keyword.
func (l *linter) keyword(name, at string) {
	k, known := keywords[name]
	switch {
	case !known && strings.HasPrefix(name, "x-"), l.dialect == openAPI31 && slices.Contains(openAPIWords, name):
	case l.dialect == openAPI30: // Load has said so
	case !known && name == "nullable":
		l.add(at, Warning, "nullable is a keyword of OpenAPI 3.0, and says nothing here", `write "type": ["string", "null"], with the type that it has`)
	case !known && name == "example":
		l.add(at, Info, "example is a keyword of OpenAPI, and says nothing here", "write examples, a list")
	case !known:
		cure := "remove it, or begin its name with x-"
		if near := nearest(name, slices.Sorted(maps.Keys(keywords))); near != "" {
			cure = "write " + near
		}
		l.add(at, Warning, fmt.Sprintf("%s is no keyword of JSON Schema, and says nothing", name), cure)
	case l.draft < k.from:
		l.add(at, Warning, fmt.Sprintf("%s came with draft %s, and says nothing in %s", name, k.from, l.draft), cmp.Or(k.before, "name a later draft in $schema"))
	case k.until != 0 && l.draft > k.until:
		l.add(at, Warning, fmt.Sprintf("%s went with draft %s, and says nothing in %s", name, k.until, l.draft), k.after)
	}
}

// closed finds objects that refuse an event once its sender adds a member.
func (l *linter) closed(object map[string]any, at string) {
	for _, name := range []string{"additionalProperties", "unevaluatedProperties"} {
		if object[name] == false {
			l.add(at+"/"+name, Warning, "an event is refused once its sender adds a member here", "remove it: consumers pass over what they do not know, and the drift report tells of it")
		}
	}
}

// required finds members that are required and not described, where others are.
func (l *linter) required(object map[string]any, at string) {
	properties, _ := object["properties"].(map[string]any)
	names, _ := object["required"].([]any)
	if len(properties) == 0 || object["patternProperties"] != nil {
		return
	}
	for i, value := range names {
		name, ok := value.(string)
		if !ok || properties[name] != nil {
			continue
		}
		if near := nearest(name, slices.Sorted(maps.Keys(properties))); near != "" {
			l.add(at+"/required/"+strconv.Itoa(i), Warning, fmt.Sprintf("the member %s is required and not described", name), fmt.Sprintf("write %s, if that is meant", near))
		}
	}
}

// bounds finds those between which there is nothing.
func (l *linter) bounds(object map[string]any, at string) {
	for _, pair := range [][2]string{
		{"minimum", "maximum"}, {"minLength", "maxLength"}, {"minItems", "maxItems"}, {"minProperties", "maxProperties"}, {"minContains", "maxContains"},
	} {
		low, okLow := number(object[pair[0]])
		high, okHigh := number(object[pair[1]])
		if okLow && okHigh && low > high {
			l.add(at+"/"+pair[0], Warning, fmt.Sprintf("nothing fits: %s is above %s", pair[0], pair[1]), "exchange them")
		}
	}
}

// values looks at enumerations, formats and patterns.
func (l *linter) values(object map[string]any, at string) {
	if format, ok := object["format"].(string); ok && !slices.Contains(formats, format) {
		cure := "use a pattern, or remove it"
		if near := nearest(format, formats); near != "" {
			cure = "write " + near
		}
		l.add(at+"/format", Warning, fmt.Sprintf("the format %s is not checked", format), cure)
	}
	if pattern, ok := object["pattern"].(string); ok && !strings.ContainsAny(pattern, "^$") {
		l.add(at+"/pattern", Info, "the pattern fits anywhere in a text", "begin it with ^ and end it with $ if all of it is meant")
	}
	name := at[strings.LastIndexByte(at, '/')+1:]
	if list, ok := object["enum"].([]any); ok && len(list) > 1 && l.asked == 0 && openEnded(name) {
		l.add(at+"/enum", Info, fmt.Sprintf("an event is refused once its sender adds a value of %s", name), `write "type": "string", unless consumers cannot do with another one; the drift report tells of new values`)
	}
}

// openEnded reports whether senders extend the values of a member of this name.
func openEnded(name string) bool {
	for _, word := range []string{"type", "status", "state", "reason", "action", "event", "kind", "topic", "category", "currency"} {
		if name == word || strings.HasSuffix(name, "_"+word) || strings.HasSuffix(name, strings.ToUpper(word[:1])+word[1:]) {
			return true
		}
	}
	return false
}

func number(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
