package schemas

import (
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// draft is a version of JSON Schema.
type draft struct {
	version *jsonschema.Draft // nil if a schema's "$schema" names none of them
	old     bool              // up to draft 7, where "$ref" hides what stands beside it
	idName  string
}

var (
	latest = draft{jsonschema.Draft2020, false, "$id"}

	drafts = map[string]draft{
		"draft/2020-12/schema": latest,
		"schema":               latest,
		"draft/2019-09/schema": {jsonschema.Draft2019, false, "$id"},
		"draft-07/schema":      {jsonschema.Draft7, true, "$id"},
		"draft-06/schema":      {jsonschema.Draft6, true, "$id"},
		"draft-04/schema":      {jsonschema.Draft4, true, "id"},
	}
)

// cutHost returns what follows the host of JSON Schema's own documents.
func cutHost(rawURL string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(rawURL, "https://json-schema.org/")
	if !ok {
		rest, ok = strings.CutPrefix(rawURL, "http://json-schema.org/")
	}
	return rest, ok
}

// draftOf returns the draft of a document.
func draftOf(doc any) draft {
	object, _ := doc.(map[string]any)
	text, ok := object["$schema"].(string)
	if !ok {
		return latest
	}
	rest, _ := cutHost(strings.TrimSuffix(strings.TrimSuffix(text, "/"), "#"))
	if d, ok := drafts[rest]; ok {
		return d
	}
	return draft{nil, false, "$id"}
}

// isMetaschema reports whether the library has the document itself.
func isMetaschema(rawURL string) bool {
	rest, ok := cutHost(rawURL)
	_, whole := drafts[rest]
	return ok && (whole || strings.HasPrefix(rest, "draft/2019-09/meta/") || strings.HasPrefix(rest, "draft/2020-12/meta/"))
}

// id returns the URL of a schema that stands below another URL.
func (d draft) id(node any, base string) string {
	object, _ := node.(map[string]any)
	text, _ := object[d.idName].(string)
	if _, hidden := object["$ref"]; text == "" || hidden && d.old {
		return base
	}
	id, _, err := resolve(base, text)
	if err != nil {
		return base // the metaschema refuses it
	}
	return id
}

// anchors returns the names that a schema has beside its URL.
func (d draft) anchors(object map[string]any) (names []string) {
	if d.old {
		text, _ := object[d.idName].(string)
		if _, name, ok := strings.Cut(text, "#"); ok && name != "" {
			names = append(names, name)
		}
		return names
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if name, ok := object[keyword].(string); ok {
			names = append(names, name)
		}
	}
	return names
}
