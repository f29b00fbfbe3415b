package schemas

import (
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// draft is a version of JSON Schema.
type draft struct {
	version *jsonschema.Draft // nil if a schema's "$schema" names none of them
	number  int
	old     bool // up to draft 7, where "$ref" hides what stands beside it
	idName  string
}

var (
	latest = draft{jsonschema.Draft2020, 2020, false, "$id"}
	draft4 = draft{jsonschema.Draft4, 4, true, "id"}

	drafts = map[string]draft{
		"draft/2020-12/schema": latest,
		"schema":               latest,
		"draft/2019-09/schema": {jsonschema.Draft2019, 2019, false, "$id"},
		"draft-07/schema":      {jsonschema.Draft7, 7, true, "$id"},
		"draft-06/schema":      {jsonschema.Draft6, 6, true, "$id"},
		"draft-04/schema":      draft4,
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

// draftOf returns the draft of a document that names one itself.
func draftOf(doc any) draft {
	object, _ := doc.(map[string]any)
	text, ok := object["$schema"].(string)
	if !ok {
		return latest
	}
	return draftByURL(text)
}

func draftByURL(text string) draft {
	rest, ok := cutHost(strings.TrimSuffix(strings.TrimSuffix(text, "/"), "#"))
	if d, known := drafts[rest]; known && ok {
		return d
	}
	return draft{nil, 0, false, "$id"}
}

// maxMeta bounds how far metaschemas of metaschemas are followed.
const maxMeta = 8

// draft returns the draft of a file: its own or that of its metaschema.
func (d *directory) draft(f *file) draft {
	own := draftOf(f.doc)
	for meta, i := f, 0; own.version == nil && i < maxMeta; i++ {
		if meta = d.metaschema(meta); meta == nil {
			break
		}
		own = draftOf(meta.doc)
	}
	return own
}

// metaschema returns the file that another names as its "$schema", or nil. It is
// known before all ids are.
func (d *directory) metaschema(f *file) *file {
	object, _ := f.doc.(map[string]any)
	text, _ := object["$schema"].(string)
	target, _, err := resolve(f.url(), text)
	if err != nil {
		return nil
	}
	if other := d.find(target); other != nil {
		return other
	}
	for _, other := range d.files {
		if object, ok := other.doc.(map[string]any); ok && (object["$id"] == text || object["id"] == text) {
			return other
		}
	}
	return nil
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

// anchors returns the names that a schema has beside its URL, by keyword.
func (d draft) anchors(object map[string]any) map[string]string {
	var names map[string]string
	note := func(keyword, name string) {
		if names == nil {
			names = make(map[string]string, 1)
		}
		names[keyword] = name
	}
	if d.old {
		text, _ := object[d.idName].(string)
		if _, name, ok := strings.Cut(text, "#"); ok && name != "" {
			note(d.idName, name)
		}
		return names
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if name, ok := object[keyword].(string); ok {
			note(keyword, name)
		}
	}
	return names
}
