package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// payload is the schema of a payload.
func (d *asyncAPIDoc) payload(r *ContractRoute, s *ContractSchema, media string) *object {
	switch {
	case s == nil:
		return newObject("description", "The exact bytes that "+cmp.Or(r.Title, r.Provider)+" sent. There is no schema for them.")
	case s.Problem != "":
		d.problems = append(d.problems, fmt.Sprintf("the schema %s is not in the document: %s", s.Schema, s.Problem))
		return newObject("description", "There is a schema, "+s.Schema+", that cannot be written here: "+s.Problem+".", "x-dataschema", "schema:"+s.Schema)
	}
	ref := newObject("$ref", d.place(s.Document, s.Pointer))
	if draft := d.drafts[s.Document]; draft != schemas.Draft7 {
		return newObject("schemaFormat", schemaFormat(draft), "schema", ref)
	}
	if media == mediaForm {
		return newObject("description", "A form. The schema is of an object with a member for each field; a field that is there several times is a list.", "allOf", []any{ref})
	}
	return ref
}

func schemaFormat(draft string) string { return "application/schema+json;version=" + draft }

// nameDocuments chooses the names of the schemas' documents.
func (d *asyncAPIDoc) nameDocuments() {
	names := newObject()
	for _, doc := range d.contract.Documents {
		file, part, _ := strings.Cut(doc.Name, "#")
		key := unique(names, notInName.ReplaceAllString(strings.ReplaceAll(strings.TrimSuffix(file, ".json"), "/", ".")+part, "_"))
		names.put(key, true)
		d.keys[doc.Name], d.drafts[doc.Name] = key, doc.Draft
	}
}

// place is a reference to a place in a document.
func (d *asyncAPIDoc) place(document, pointer string) string {
	ref := "#/components/schemas/payload." + d.keys[document]
	if d.drafts[document] != schemas.Draft7 {
		ref += "/schema"
	}
	var b strings.Builder
	for i := range len(pointer) {
		c := pointer[i]
		if c > ' ' && c <= '~' && !strings.ContainsRune("\"#%<>\\^`{|}[]", rune(c)) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return ref + b.String()
}

// addDocuments adds the documents that messages refer to, and those that these refer
// to.
func (d *asyncAPIDoc) addDocuments() {
	byName := make(map[string]*ContractDocument)
	for i := range d.contract.Documents {
		byName[d.contract.Documents[i].Name] = &d.contract.Documents[i]
	}
	var queue []string
	for i := range d.contract.Routes {
		for _, s := range d.contract.Routes[i].Schemas {
			if s.Document != "" {
				queue = append(queue, s.Document)
			}
		}
	}
	values := make(map[string]any)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		doc := byName[name]
		if _, done := values[name]; done || doc == nil {
			continue
		}
		var schema any
		dec := json.NewDecoder(bytes.NewReader(doc.Schema))
		dec.UseNumber()
		if err := dec.Decode(&schema); err != nil {
			d.problems = append(d.problems, fmt.Sprintf("the schema %s cannot be read: %v", name, err))
			continue
		}
		values[name] = d.relink(schema, func(other string) { queue = append(queue, other) })
	}
	for _, doc := range d.contract.Documents {
		schema, there := values[doc.Name]
		if !there {
			continue
		}
		if doc.Draft != schemas.Draft7 {
			schema = newObject("schemaFormat", schemaFormat(doc.Draft), "schema", schema)
		}
		d.schemas.put("payload."+d.keys[doc.Name], schema)
	}
}

// relink writes the references of a schema as those of the document, and names the
// documents that they lead to.
func (d *asyncAPIDoc) relink(value any, other func(string)) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = d.relink(v[i], other)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = d.relink(member, other)
		}
		ref, ok := v["$ref"].(string)
		if !ok {
			break
		}
		i := strings.LastIndexByte(ref, '#')
		if i > 0 && d.keys[ref[1:i]] != "" {
			other(ref[1:i])
			v["$ref"] = d.place(ref[1:i], ref[i+1:])
		}
	}
	return value
}
