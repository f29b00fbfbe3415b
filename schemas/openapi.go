package schemas

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// An OpenAPI document is no schema, but has many. Each that is reached is a file
// of its own to the library, so that it is checked and compiled alone, in the
// document's dialect, and with references that lead to other such files.

// dialect is how the schemas of an OpenAPI document are written.
type dialect struct {
	name string // "3.0", "3.1"
	draft
}

var (
	openAPI30 = &dialect{"3.0", draft4}
	openAPI31 = &dialect{"3.1", latest}
)

var (
	errNoSchema = errors.New("it is an OpenAPI document and no schema: choose schemas in it by rules, such as type order.created openapi.json#/components/schemas/order, or let its name begin with _ if others refer to it")
	errYAML     = errors.New("YAML is not read: convert it once, as with yq -o json openapi.yaml > openapi.json, and name that")
)

func isOpenAPI(doc any) bool {
	object, _ := doc.(map[string]any)
	_, three := object["openapi"].(string)
	_, two := object["swagger"].(string)
	return three || two
}

// openAPIOf returns the dialect of what a file refers to in another, or nil if
// that is JSON Schema.
func openAPIOf(f, other *file) *dialect {
	object, _ := other.doc.(map[string]any)
	if isOpenAPI(other.doc) {
		if version, _ := object["openapi"].(string); strings.HasPrefix(version, "3.0") {
			return openAPI30
		}
		return openAPI31
	}
	// What a document of 3.0 is cut into is of 3.0 as well.
	if _, own := object["$schema"]; f != nil && f.whole != nil && f.draft.version == draft4.version && !own {
		return openAPI30
	}
	return nil
}

// checkVersion reports a version that is not understood.
func checkVersion(doc any) error {
	object, _ := doc.(map[string]any)
	if version, ok := object["swagger"].(string); ok {
		return fmt.Errorf("Swagger %s is not read: convert the document to OpenAPI 3, as with npx swagger2openapi", version) //nolint:staticcheck // a name
	}
	version, ok := object["openapi"].(string)
	if ok && !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1.") && !strings.HasPrefix(version, "3.2.") {
		return fmt.Errorf("OpenAPI %q is not understood: 3.0, 3.1 and 3.2 are", version)
	}
	return nil
}

// part returns the schema at a JSON Pointer of a document.
func (d *directory) part(whole *file, pointer string, in *dialect) (*file, error) {
	if err := checkVersion(whole.doc); err != nil {
		return nil, err
	}
	if pointer != "" && pointer[0] != '/' {
		anchored, ok := whole.anchored(pointer)
		if !ok {
			return nil, fmt.Errorf("%s has no $anchor %q", whole.name, pointer)
		}
		pointer = anchored
	}
	if isOpenAPI(whole.doc) && !isSchemaPointer(pointer) {
		return nil, fmt.Errorf("this is no place for a schema in an OpenAPI document: write #/components/schemas/... or #/webhooks/.../post/requestBody/content/application~1json/schema")
	}
	node, ok := jsonptr.Lookup(whole.doc, pointer)
	if !ok {
		return nil, fmt.Errorf("there is nothing at this JSON Pointer%s", nearest(whole, place{node: whole.doc}, pointer))
	}
	u := whole.url() + "?" + in.name + url.QueryEscape(pointer)
	if known := d.parts[u]; known != nil {
		return known, nil
	}
	f := &file{name: whole.name, sha256: whole.sha256, id: u, whole: whole, at: pointer, draft: in.draft, doc: node}
	if in == openAPI30 {
		f.translate()
	} else if err := f.chooseDraft(); err != nil {
		return nil, err
	}
	f.look()
	for at := range f.dynamic() {
		f.wrong = append(f.wrong, f.mistake(at, errors.New("what this means depends on all of a document: move the schema out of the OpenAPI document, into a file of its own")))
	}
	d.parts[u] = f
	return f, nil
}

// chooseDraft sets another draft than that of OpenAPI 3.1 if the schema or its
// document says so.
func (f *file) chooseDraft() error {
	object, _ := f.doc.(map[string]any)
	text, own := object["$schema"].(string)
	if !own {
		document, _ := f.whole.doc.(map[string]any)
		text, own = document["jsonSchemaDialect"].(string)
	}
	if !own || strings.HasPrefix(text, "https://spec.openapis.org/oas/3.") {
		return nil
	}
	if f.draft = draftByURL(text); f.draft.version == nil {
		return fmt.Errorf("%q is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, in $schema or jsonSchemaDialect", text)
	}
	return nil
}

// dynamic yields the places of references that no document without a scope of
// its own can have.
func (f *file) dynamic() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, ref := range f.refs {
			if !strings.HasSuffix(ref.at, "/$ref") && !yield(ref.at) {
				return
			}
		}
	}
}

// anchored finds an anchor anywhere in a document.
func (f *file) anchored(name string) (pointer string, ok bool) {
	f.look()
	for key, place := range f.anchors {
		if strings.HasSuffix(key, "#"+name) {
			return place.at, true
		}
	}
	return "", false
}

// isSchemaPointer reports whether the document has a schema there: the pointer
// leads through components or through what has a member called schema.
func isSchemaPointer(pointer string) bool {
	tokens := strings.Split(pointer, "/")[1:]
	if len(tokens) >= 3 && tokens[0] == "components" && tokens[1] == "schemas" {
		return true
	}
	i := slices.Index(tokens, "schema")
	return i > 0 && tokens[0] != "info"
}

// notSchema reports whether a keyword of a schema in an OpenAPI document holds
// something else.
func notSchema(keyword string) bool {
	switch keyword {
	case "discriminator", "externalDocs", "xml":
		return true
	}
	return strings.HasPrefix(keyword, "x-")
}

// keywords30 are the keywords of OpenAPI 3.0, with how their values are read.
var keywords30 = map[string]shape30{
	"title": aValue, "multipleOf": aValue, "maximum": aValue, "exclusiveMaximum": aValue, "minimum": aValue,
	"exclusiveMinimum": aValue, "maxLength": aValue, "minLength": aValue, "pattern": aValue, "maxItems": aValue,
	"minItems": aValue, "uniqueItems": aValue, "maxProperties": aValue, "minProperties": aValue, "required": aValue,
	"enum": aValue, "type": aValue, "format": aValue, "$ref": aValue,
	"allOf": aList, "oneOf": aList, "anyOf": aList, "not": aSchema, "items": aSchema,
	"properties": someNames, "additionalProperties": aSchema,
	"nullable": dropped, "description": dropped, "default": dropped, "discriminator": dropped, "readOnly": dropped,
	"writeOnly": dropped, "example": dropped, "externalDocs": dropped, "deprecated": dropped, "xml": dropped,
}

type shape30 uint8

const (
	aValue shape30 = iota + 1
	aSchema
	aList
	someNames
	dropped // it says nothing about what is valid
)

// instead30 says what to write in OpenAPI 3.0 where JSON Schema has a keyword that
// it lacks.
var instead30 = map[string]string{
	"const":             "write enum with one value",
	"examples":          "write example",
	"$defs":             "move them to components/schemas",
	"definitions":       "move them to components/schemas",
	"patternProperties": "write additionalProperties",
	"prefixItems":       "write items with oneOf",
	"id":                "remove it",
	"$id":               "remove it",
	"$comment":          "write description",
}

// translate makes draft 4 of a schema in OpenAPI 3.0, which differs from it in
// nullable and in what it lacks. Places stay the same.
func (f *file) translate() { f.doc = f.schema30(f.doc, "") }

func (f *file) schema30(node any, at string) any {
	object, ok := node.(map[string]any)
	if !ok {
		return node // the metaschema refuses it, except below additionalProperties
	}
	if ref, ok := object["$ref"]; ok {
		return map[string]any{"$ref": ref} // it hides all else
	}
	schema := make(map[string]any, len(object))
	for _, keyword := range slices.Sorted(maps.Keys(object)) {
		value, here := object[keyword], at+"/"+jsonptr.Escape(keyword)
		switch keywords30[keyword] {
		case aValue:
			schema[keyword] = value
		case aSchema:
			schema[keyword] = f.schema30(value, here)
		case aList:
			schema[keyword] = f.list30(value, here)
		case someNames:
			schema[keyword] = f.names30(value, here)
		case dropped:
		default:
			if !strings.HasPrefix(keyword, "x-") {
				f.lacks30(keyword, here)
			}
		}
	}
	f.type30(object, schema, at)
	return schema
}

func (f *file) list30(value any, at string) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	schemas := make([]any, len(list))
	for i, child := range list {
		schemas[i] = f.schema30(child, at+"/"+strconv.Itoa(i))
	}
	return schemas
}

func (f *file) names30(value any, at string) any {
	members, ok := value.(map[string]any)
	if !ok {
		return value
	}
	schemas := make(map[string]any, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		schemas[name] = f.schema30(members[name], at+"/"+jsonptr.Escape(name))
	}
	return schemas
}

// type30 adds null where the schema is nullable. By the specification that has no
// effect where there is no type, and permits no null that enum lacks.
func (f *file) type30(object, schema map[string]any, at string) {
	switch kind := object["type"].(type) {
	case string:
		if kind == "null" {
			f.wrong = append(f.wrong, f.mistake(at+"/type", errors.New(`OpenAPI 3.0 has no type "null": write nullable: true beside the other type`)))
		} else if object["nullable"] == true {
			schema["type"] = []any{kind, "null"}
		}
	case []any:
		f.wrong = append(f.wrong, f.mistake(at+"/type", errors.New("OpenAPI 3.0 has no lists of types: write one, with nullable: true for null, or oneOf")))
	}
	if nullable, ok := object["nullable"]; ok && nullable != true && nullable != false {
		f.wrong = append(f.wrong, f.mistake(at+"/nullable", errors.New("it is true or false")))
	}
}

func (f *file) lacks30(keyword, at string) {
	instead, known := instead30[keyword]
	if !known {
		instead = "remove it, or call it x-" + keyword
	}
	f.wrong = append(f.wrong, f.mistake(at, fmt.Errorf("OpenAPI 3.0 has no %s: %s, or make the document one of OpenAPI 3.1", keyword, instead)))
}
