package schemas_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// components is an OpenAPI document with these schemas.
func components(version, members string) string {
	return fmt.Sprintf(`{"openapi":%q,"info":{"title":"x","version":"1","schema":{"type":7}},"paths":{},"components":{"schemas":{%s}}}`, version, members)
}

const component = "openapi.json#/components/schemas/"

// What a schema in an OpenAPI document means depends on its version.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, schema string
		valid, invalid  string // payloads, one a line
	}{
		{"3.0.3", `{"type":"string","nullable":true}`, "\"a\"\nnull", "1"},
		{"3.0.3", `{"type":"string","nullable":false}`, `"a"`, "null"},
		{"3.0.3", `{"nullable":true}`, "null\n1", ""},
		{"3.0.3", `{"type":"string","nullable":true,"enum":["a"]}`, `"a"`, "null\n\"b\""},
		{"3.0.3", `{"type":"string","nullable":true,"enum":["a",null]}`, "\"a\"\nnull", `"b"`},
		{"3.0.3", `{"type":"number","minimum":1,"exclusiveMinimum":true,"maximum":3,"exclusiveMaximum":false}`, "2\n3", "1\n4"},
		{"3.0.3", `{"type":"object","properties":{"nullable":{"type":"string","nullable":true},"example":{"type":"integer"}}}`, `{"nullable":null,"example":1}`, `{"example":null}`},
		{"3.0.3", `{"$ref":"#/components/schemas/other","nullable":true,"type":"string"}`, "1", "null\n\"a\""},
		{"3.0.3", `{"type":"array","items":{"type":"integer","nullable":true},"x-own":{"type":7},"example":{"$ref":"no.json"}}`, "[1,null]", `["a"]`},
		{"3.0.3", `{"additionalProperties":{"$ref":"_parts.json#/a"}}`, `{"a":null}`, `{"a":1}`},
		{"3.0.3", `{"properties":{"next":{"$ref":"#/components/schemas/x"},"n":{"type":"integer"}}}`, `{"next":{"next":{"n":1}}}`, `{"next":{"next":{"n":null}}}`},
		{"3.0.3", `{"oneOf":[{"$ref":"#/components/schemas/other"},{"type":"string"}],"discriminator":{"propertyName":"kind","mapping":{"a":"no.json"}}}`, "1\n\"a\"", "null"},
		{"3.1.0", `{"type":["string","null"]}`, "\"a\"\nnull", "1"},
		{"3.1.0", `{"type":"string","nullable":true}`, `"a"`, "null"},
		{"3.1.0", `{"exclusiveMinimum":1,"const":2}`, "2", "1"},
		{"3.1.0", `{"$ref":"#/components/schemas/other","minimum":5}`, "5", "4\n\"a\""},
		{"3.1.0", `{"$ref":"#/components/schemas/other/x-inner"}`, "true", "1"},
		{"3.1.0", `{"$ref":"#named"}`, "false", "1"},
		{"3.1.0", `{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}],"additionalItems":false}`, `["a"]`, `["a",1]`},
		{"3.1.0", `{"prefixItems":[{"$ref":"plain.json"}]}`, `[null]`, `[1]`},
		{"3.2.0", `{"type":"integer"}`, "1", "null"},
	} {
		doc := components(tt.version, `"x":`+tt.schema+`,"other":{"type":"integer","x-inner":{"type":"boolean"}},"named":{"$anchor":"named","type":"boolean"},"unused":{"type":7,"$ref":"no.json"}`)
		s, err := schemas.Load(schemas.Config{
			FS:    memory(map[string]string{"openapi.json": doc, "_parts.json": `{"a":{"type":"string","nullable":true}}`, "plain.json": `{"type":"null"}`}),
			Rules: []schemas.Rule{{"x", component + "x"}},
		})
		if err != nil {
			t.Errorf("%s %s: %v", tt.version, tt.schema, err)
			continue
		}
		for payload := range strings.FieldsSeq(tt.valid) {
			if _, err := s.Validate("x", decode(t, payload)); err != nil {
				t.Errorf("%s %s: %s: got %v, want it valid", tt.version, tt.schema, payload, err)
			}
		}
		for payload := range strings.FieldsSeq(tt.invalid) {
			if _, err := s.Validate("x", decode(t, payload)); err == nil {
				t.Errorf("%s %s: %s: got no error", tt.version, tt.schema, payload)
			}
		}
	}
}

// Other files refer to what a document holds, and what is wrong with a payload is
// said with the place in the document.
func TestOpenAPIPlaces(t *testing.T) {
	t.Parallel()
	doc := components("3.1.0", `"x":{"properties":{"a":{"$ref":"#/components/schemas/a~1b"}}},"a/b":{"properties":{"n":{"type":"integer"}}}`)
	s := load(t, schemas.Config{FS: memory(map[string]string{"_openapi.json": doc, "push.json": `{"$ref":"_openapi.json#/components/schemas/x"}`}), Name: "own"})
	_, err := s.Validate("push", decode(t, `{"a":{"n":"s"}}`))
	invalid, ok := errors.AsType[*schemas.Invalid](err)
	if !ok || err.Error() != "own/push.json: /a/n type" {
		t.Fatalf("got %v", err)
	}
	if got, want := invalid.Violations[0].Schema, "own/_openapi.json#/components/schemas/a~1b/properties/n/type"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := s.Schemas(); len(got) != 1 || got[0].Schema != "own/push.json" {
		t.Errorf("got %+v, want push.json alone", got)
	}
}

func TestBadOpenAPI(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text, rule string
		want             string
	}{
		{"whole", components("3.1.0", `"x":{}`), "openapi.json", `openapi.json: it is an OpenAPI document and no schema: choose schemas in it by rules, such as type order.created openapi.json#/components/schemas/order, or let its name begin with _ if others refer to it`},
		{"by its name", components("3.1.0", `"x":{}`), "", `openapi.json: it is an OpenAPI document and no schema: choose schemas in it by rules, such as type order.created openapi.json#/components/schemas/order, or let its name begin with _ if others refer to it`},
		{"no such schema", components("3.1.0", `"x":{}`), component + "y", `openapi.json#/components/schemas/y: there is nothing at this JSON Pointer: openapi.json#/components/schemas has no "y"`},
		{"no schema", components("3.1.0", `"x":{}`), "openapi.json#/info", `openapi.json#/info: this is no place for a schema in an OpenAPI document: write #/components/schemas/... or #/webhooks/.../post/requestBody/content/application~1json/schema`},
		{"Swagger", `{"swagger":"2.0","definitions":{"x":{}}}`, "openapi.json#/definitions/x", `openapi.json#/definitions/x: Swagger 2.0 is not read: convert the document to OpenAPI 3, as with npx swagger2openapi`},
		{"OpenAPI 4", components("4.0.0", `"x":{}`), component + "x", `openapi.json#/components/schemas/x: OpenAPI "4.0.0" is not understood: 3.0, 3.1 and 3.2 are`},
		{"dialect", `{"openapi":"3.1.0","jsonSchemaDialect":"https://example.com/own","components":{"schemas":{"x":{}}}}`, component + "x", `openapi.json#/components/schemas/x: "https://example.com/own" is not a draft of JSON Schema that is understood: write https://json-schema.org/draft/2020-12/schema, in $schema or jsonSchemaDialect`},
		{"keyword", components("3.1.0", `"x":{"properties":{"a":{"type":"strng"}}}`), component + "x", `openapi.json#/components/schemas/x/properties/a/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		{"behind a reference", components("3.1.0", `"x":{"items":{"$ref":"#/components/schemas/y"}},"y":{"minimum":"1"}`), component + "x", `openapi.json#/components/schemas/y/minimum: expected number, but got string`},
		{"reference", components("3.1.0", `"x":{"items":{"$ref":"#/components/schemas/y"}}`), component + "x", `openapi.json#/components/schemas/x/items/$ref: the reference "#/components/schemas/y": there is nothing at this JSON Pointer: openapi.json#/components/schemas has no "y"`},
		{"dynamic", components("3.1.0", `"x":{"items":{"$dynamicRef":"#node"},"$dynamicAnchor":"node"}`), component + "x", `openapi.json#/components/schemas/x/items/$dynamicRef: what this means depends on all of a document: move the schema out of the OpenAPI document, into a file of its own`},
		{"loop", components("3.1.0", `"x":{"$ref":"#/components/schemas/y"},"y":{"allOf":[{"$ref":"#/components/schemas/x"}]}`), component + "x", `openapi.json#/components/schemas/x/$ref: the reference leads back to itself and never into the payload: openapi.json#/components/schemas/x/$ref -> openapi.json#/components/schemas/y/allOf/0/$ref -> openapi.json#/components/schemas/x/$ref: remove one of them, or refer from inside properties or items`},
		{"null in 3.0", components("3.0.3", `"x":{"type":"null"}`), component + "x", `openapi.json#/components/schemas/x/type: OpenAPI 3.0 has no type "null": write nullable: true beside the other type`},
		{"types in 3.0", components("3.0.3", `"x":{"type":["string","null"]}`), component + "x", `openapi.json#/components/schemas/x/type: OpenAPI 3.0 has no lists of types: write one, with nullable: true for null, or oneOf`},
		{"const in 3.0", components("3.0.3", `"x":{"properties":{"a":{"const":1}}}`), component + "x", `openapi.json#/components/schemas/x/properties/a/const: OpenAPI 3.0 has no const: write enum with one value, or make the document one of OpenAPI 3.1`},
		{"unknown in 3.0", components("3.0.3", `"x":{"contains":{}}`), component + "x", `openapi.json#/components/schemas/x/contains: OpenAPI 3.0 has no contains: remove it, or call it x-contains, or make the document one of OpenAPI 3.1`},
		{"nullable in 3.0", components("3.0.3", `"x":{"type":"string","nullable":"yes"}`), component + "x", `openapi.json#/components/schemas/x/nullable: it is true or false`},
		{"exclusive in 3.0", components("3.0.3", `"x":{"exclusiveMinimum":1}`), component + "x", "openapi.json#/components/schemas/x: property 'minimum' is required, if 'exclusiveMinimum' property exists\nopenapi.json#/components/schemas/x/exclusiveMinimum: expected boolean, but got number"},
		{"in a part of 3.0", components("3.0.3", `"x":{"$ref":"parts.json#/a"}`), component + "x", `parts.json#/a/const: OpenAPI 3.0 has no const: write enum with one value, or make the document one of OpenAPI 3.1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := schemas.Config{Dir: tree(t, map[string]string{"openapi.json": tt.text, "parts.json": `{"a":{"const":1}}`})}
			if tt.rule != "" {
				cfg.Rules = []schemas.Rule{{"a", tt.rule}}
			}
			if got := refused(t, cfg); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}
