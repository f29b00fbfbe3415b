package lint

import (
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// dialect is what an OpenAPI document adds to JSON Schema.
type dialect int

const (
	plain dialect = iota
	openAPI30
	openAPI31 // and later
)

// openAPIWords are the keywords of OpenAPI 3.1 that JSON Schema has not.
var openAPIWords = []string{"example", "discriminator", "xml", "externalDocs"}

// document returns how the schemas of a document are written.
func document(doc map[string]any) (draft, dialect) {
	version, api := doc["openapi"].(string)
	switch {
	case !api:
		return draftOf(doc), plain
	case strings.HasPrefix(version, "3.0"):
		return draft4, openAPI30
	}
	text, _ := doc["jsonSchemaDialect"].(string)
	return draftOf(map[string]any{"$schema": text}), openAPI31
}

// parts looks at the schemas of a document that rules name, by JSON Pointers, and at
// those in the same document that they refer to.
func (l *linter) parts(doc any, pointers []string) {
	document := l.draft
	seen := make(map[string]bool)
	for queue := slices.Clone(pointers); len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		node, ok := jsonptr.Lookup(doc, at)
		if !ok || seen[at] {
			continue // Load says what is not there
		}
		seen[at] = true
		l.draft, l.whole = document, slices.Contains(pointers, at)
		if object, ok := node.(map[string]any); ok && object["$schema"] != nil {
			l.draft = draftOf(object)
		}
		l.schema(node, at, 0)
		queue = append(queue, refs(node, nil)...)
	}
}

// refs appends the JSON Pointers of all references within the document.
func refs(node any, list []string) []string {
	switch node := node.(type) {
	case map[string]any:
		ref, _ := node["$ref"].(string)
		if pointer, err := url.PathUnescape(strings.TrimPrefix(ref, "#")); err == nil && strings.HasPrefix(ref, "#/") {
			list = append(list, pointer)
		}
		for _, child := range node {
			list = refs(child, list)
		}
	case []any:
		for _, child := range node {
			list = refs(child, list)
		}
	}
	return list
}
