package schemas

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// ref is $ref, $recursiveRef or $dynamicRef.
type ref struct {
	node   *node
	how    int
	anchor string // for dynamic
}

// How a ref finds its schema: always the same; or the outermost of the resources
// on the way that says "$recursiveAnchor", or that has the anchor.
const (
	static = iota
	recursive
	dynamic
)

// resource is a schema with a URL of its own, and what can be found in it on the
// way through it.
type resource struct {
	recursive *node
	anchors   map[string]*node
}

// target returns the schema that a reference leads to from here.
func (e *evaluator) target(r *ref) *node {
	if r.how == static {
		return r.node
	}
	e.spend(len(e.scopes))
	for _, scope := range e.scopes {
		found := scope.recursive
		if r.how == dynamic {
			found = scope.anchors[r.anchor]
		}
		if found != nil {
			return found
		}
	}
	return r.node
}

// document is what has to be known of a file: its resources by JSON Pointer.
type document struct {
	doc       any // nil for those of the library
	resources map[string]*resource
}

// at returns the resource in which a schema of the document stands.
func (d *document) at(pointer string) *resource {
	for {
		if r := d.resources[pointer]; r != nil {
			return r
		}
		pointer = pointer[:max(strings.LastIndexByte(pointer, '/'), 0)]
	}
}

// scopes finds the resources of all nodes, if there are references that depend on
// them. The library does not tell what it knows of them.
func (b *builder) scopes(d *directory, read func(target) *jsonschema.Schema) {
	if !b.scoped {
		return
	}
	documents := make(map[string]*document)
	for i := 0; i < len(b.order); i++ { // anchors that nothing refers to come to it
		s := b.order[i]
		base, fragment, _ := strings.Cut(s.Location, "#")
		pointer := unescape(fragment)
		doc := documents[base]
		if doc == nil {
			doc = &document{resources: map[string]*resource{"": {anchors: make(map[string]*node)}}}
			documents[base] = doc
			if f := d.known(base); f != nil {
				doc.doc = f.doc
				b.findAnchors(doc, f, base, read)
			}
		}
		n, r := b.nodes[s], doc.at(pointer)
		n.scope = r
		if doc.doc == nil {
			if s.DynamicAnchor != "" {
				r.anchors[s.DynamicAnchor] = n
			}
			if s.RecursiveAnchor && pointer == "" {
				r.recursive = n
			}
		}
		b.resolveRefs(n, s, doc, pointer)
	}
}

// resolveRefs decides which references are dynamic: those that lead to an anchor
// of the kind, by its name.
func (b *builder) resolveRefs(n *node, s *jsonschema.Schema, doc *document, pointer string) {
	if n.logic == nil {
		return
	}
	for i := range n.logic.refs {
		switch r := &n.logic.refs[i]; r.how {
		case recursive:
			if !s.RecursiveRef.RecursiveAnchor {
				r.how = static
			}
		case dynamic:
			r.anchor = s.DynamicRef.DynamicAnchor
			if doc.doc != nil {
				schema := doc.doc
				if pointer != "" {
					schema, _ = jsonptr.Lookup(doc.doc, pointer)
				}
				object, _ := schema.(map[string]any)
				text, _ := object["$dynamicRef"].(string)
				if _, fragment, _ := strings.Cut(text, "#"); fragment != r.anchor {
					r.anchor = ""
				}
			}
			if r.anchor == "" {
				r.how = static
			}
		}
	}
}

// findAnchors finds the resources of a file and their anchors.
func (b *builder) findAnchors(doc *document, f *file, base string, read func(target) *jsonschema.Schema) {
	at := func(pointer string) *node { return b.node(read(target{file: f, at: pointer})) }
	var walk func(v any, pointer string, r *resource)
	walk = func(v any, pointer string, r *resource) {
		switch v := v.(type) {
		case []any:
			for i, child := range v {
				walk(child, pointer+"/"+strconv.Itoa(i), r)
			}
		case map[string]any:
			if pointer != "" && f.draft.id(v, base) != base {
				r = &resource{anchors: make(map[string]*node)}
				doc.resources[pointer] = r
			}
			if on, _ := v["$recursiveAnchor"].(bool); on && doc.resources[pointer] == r {
				r.recursive = at(pointer)
			}
			if name, ok := v["$dynamicAnchor"].(string); ok {
				r.anchors[name] = at(pointer)
			}
			for _, key := range slices.Sorted(maps.Keys(v)) {
				token := "/" + jsonptr.Escape(key)
				members, isObject := v[key].(map[string]any)
				switch {
				case isObject && named[key]:
					for _, name := range slices.Sorted(maps.Keys(members)) {
						walk(members[name], pointer+token+"/"+jsonptr.Escape(name), r)
					}
				case !values[key]:
					walk(v[key], pointer+token, r)
				}
			}
		}
	}
	walk(f.doc, "", doc.resources[""])
}
