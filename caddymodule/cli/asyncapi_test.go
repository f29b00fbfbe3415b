package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func consumersPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/consumers.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// rows are the cells of the table that begins with this head.
func rows(t *testing.T, page, head string) (list [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(page, head+"\n")
	if !ok {
		t.Fatalf("there is no table %q", head)
	}
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if !strings.HasPrefix(line, "| ---") {
			list = append(list, strings.Split(strings.Trim(line, "|\n"), "|"))
		}
	}
	return list
}

var inCode = regexp.MustCompile("`([^`]+)`")

func codes(text string) (list []string) {
	for _, m := range inCode.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// Every header of the contract is in the document, with a type and a description, and
// the document has no other. What is always there is required.
func TestAsyncAPIHeaders(t *testing.T) {
	t.Parallel()
	schema := eventHeaders()
	properties := schema.child("properties")
	required, _ := schema.members["required"].([]any)
	documented := []string{}
	for _, row := range rows(t, consumersPage(t), "| Header | Value | Present |") {
		for _, name := range codes(row[0]) {
			documented = append(documented, name)
			if name == "Wh-H-<Name>" {
				name = requestHeaders
				properties = schema.child("patternProperties")
			}
			h := properties.child(name)
			if h.members["type"] != "string" || h.members["description"] == nil {
				t.Errorf("%s: got %v", name, h.members)
			}
			if always := strings.TrimSpace(row[2]) == "always"; always != slices.Contains(required, any(name)) {
				t.Errorf("%s: always there is %v, and it is not so in the document", name, always)
			}
		}
	}
	if len(documented) < 45 || len(documented) != len(contractHeaders)+1 {
		t.Errorf("docs/consumers.md has %d headers, and the document %d: %v", len(documented), len(contractHeaders)+1, documented)
	}
	for _, name := range codes(regexp.MustCompile(`(?s)They are CloudEvents in binary mode too:.*?the gateway's name`).FindString(consumersPage(t))) {
		if !strings.HasPrefix(name, "ce-") {
			continue
		}
		if operationalHeaders().child("properties").members[name] == nil {
			t.Errorf("operational events: %s is missing", name)
		}
	}
}

// Every operational event of the contract is in the document, with all members.
func TestAsyncAPIOps(t *testing.T) {
	t.Parallel()
	known := map[string]string{}
	for _, e := range opsEvents {
		known[e.name] = e.members
	}
	n := 0
	for _, row := range rows(t, consumersPage(t), "| Name | When | Payload |") {
		for _, name := range codes(row[0]) {
			n++
			members, ok := known[name]
			if !ok {
				t.Errorf("%s is missing", name)
			}
			text := row[2]
			for list, inner := range opsItems {
				if strings.Contains(members, list+":") {
					members += " " + inner
				}
			}
			if name == "drift" { // the kinds are values
				text = regexp.MustCompile(`\(.*?\)`).ReplaceAllString(text, "")
			}
			var have []string
			for m := range strings.FieldsSeq(members) {
				member, _, _ := strings.Cut(m, ":")
				have = append(have, member)
			}
			for _, member := range codes(text) {
				if member = strings.TrimSuffix(member, "[]"); !slices.Contains(have, member) {
					t.Errorf("%s: %s is missing in %v", name, member, have)
				}
			}
		}
	}
	if n != len(opsEvents) {
		t.Errorf("docs/consumers.md has %d operational events, and the document %d", n, len(opsEvents))
	}
}

func TestTypePattern(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		prefix, types, fit, not string
	}{
		{"com.github", "pull_request", "com.github.pull_request com.github.pull_request.opened", "com.github.pull_request_review comxgithub.pull_request"},
		{"com.shopify", "orders.create", "com.shopify.orders/create", "com.shopify.orders com.shopify.orders/created"},
		{"com.stripe", "invoice.* charge", "com.stripe.invoice.paid com.stripe.charge", "com.stripe.invoices com.stripe.invoice"},
		{"hmac", "a+b", "hmac.a+b", "hmac.aab"},
	} {
		re := regexp.MustCompile(typePattern(test.prefix, strings.Fields(test.types)))
		for typ := range strings.FieldsSeq(test.fit) {
			if !re.MatchString(typ) {
				t.Errorf("%s does not fit %s", typ, re)
			}
		}
		for typ := range strings.FieldsSeq(test.not) {
			if re.MatchString(typ) {
				t.Errorf("%s fits %s", typ, re)
			}
		}
	}
}

// What could be taken for something else has quotes.
func TestYAML(t *testing.T) {
	t.Parallel()
	doc := newObject("text", "a b", "list", []any{"no", "1.0", "a: b", "x #y", "", " a", "two\nlines", []any{}, newObject("a", 1, "b", []any{true, nil, json.Number("1e9")})})
	doc.put("empty", newObject())
	doc.put("on", map[string]any{"z": "\u0085", "a": "2026-01-02"})
	text, err := render(doc, "yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := `text: a b
list:
  - "no"
  - "1.0"
  - "a: b"
  - "x #y"
  - ""
  - " a"
  - |-
    two
    lines
  - []
  - a: 1
    b:
      - true
      - null
      - 1e9
empty: {}
"on":
  a: "2026-01-02"
  z: "\u0085"
`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

// testContract has one route of each kind.
func testContract() *Contract {
	return &Contract{
		Connections: []ContractConnection{
			{Name: "default", Servers: []string{"tls://nats-1:4222"}, APIPrefix: "$JS.API", Streams: []ContractStream{
				{Name: "WEBHOOKS", Role: RoleVerified}, {Name: "WEBHOOKS_QUARANTINE", Role: RoleQuarantine}, {Name: "WEBHOOKS_OPS", Role: RoleOps},
			}},
			{Name: "eu", Embedded: true, APIPrefix: "$JS.API"},
		},
		Routes: []ContractRoute{
			{
				Connection: "default", Stream: "WEBHOOKS", Tenant: ContractName{Name: "{http.request.host.labels.2}", Dynamic: true}, Source: ContractName{Name: "hooks"},
				Provider: "generic", TypePrefix: "generic", Dedupe: true,
				Schemas: []ContractSchema{
					{Schema: "a.json", Types: []string{"a"}, Document: "a.json"},
					{Schema: "dynamic.json", Types: []string{"d"}, Problem: "what it means depends on where a reference comes from"},
					{Schema: "envelope.json", Types: []string{"*"}, Document: "new.json", Pointer: "/$defs/a b"},
					{Schema: "bundled/x/other.json", Types: []string{"hidden_type"}, Document: "a.json"},
				},
			},
			{Connection: "eu", Stream: "E", Tenant: ContractName{Name: "default"}, Source: ContractName{Name: "github"}, Provider: "github", TypePrefix: "com.github", Title: "GitHub"},
		},
		Documents: []ContractDocument{
			{Name: "_b.json", Draft: "draft-07", Schema: json.RawMessage(`{"definitions":{"x":{"type":"string"}}}`)},
			{Name: "a.json", Draft: "draft-07", Schema: json.RawMessage(`{"properties":{"b":{"$ref":"#_b.json#/definitions/x"}}}`)},
			{Name: "new.json", Draft: "draft-2020-12", Schema: json.RawMessage(`{"$defs":{"a b":{"unevaluatedProperties":false}}}`)},
			{Name: "unused.json", Draft: "draft-07", Schema: json.RawMessage(`true`)},
		},
	}
}

func TestAsyncAPIDocument(t *testing.T) {
	t.Parallel()
	doc, problems := asyncAPI(testContract())
	if len(problems) != 1 || !strings.Contains(problems[0], "dynamic.json") {
		t.Errorf("got %q", problems)
	}
	text, err := render(doc, "json")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"address": "wh.v1.{tenant}.hooks.{type}"`, `"filter_subject": "wh.v1.*.hooks.>"`, `"tenant.hooks": {`, `"eu.default.github": {`,
		`"$ref": "#/components/schemas/payload._b/definitions/x"`, `"$ref": "#/components/schemas/payload.new/schema/$defs/a%20b"`,
		`"schemaFormat": "application/schema+json;version=draft-2020-12"`, `"host": "nats-1:4222"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	for _, no := range []string{"unused", "hidden_type", `"eu": {`} {
		if strings.Contains(string(text), no) {
			t.Errorf("%s is in the document", no)
		}
	}
}

func TestAsyncAPIOptions(t *testing.T) {
	t.Parallel()
	from := func(context.Context) (*Contract, error) { return testContract(), nil }
	for _, o := range []AsyncAPIOptions{
		{Contract: from, Format: "xml"},
		{Contract: from, Source: "nobody"},
		{Contract: from, Source: "github", Tenant: "other"},
		{Contract: from, Out: "no/such/directory/x.yaml"},
	} {
		o.Warn = new(strings.Builder)
		if err := AsyncAPI(t.Context(), o, new(strings.Builder)); !errors.Is(err, ErrUsage) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
	var out strings.Builder
	if err := AsyncAPI(t.Context(), AsyncAPIOptions{Contract: from, Source: "github", Warn: new(strings.Builder)}, &out); err != nil || strings.Contains(out.String(), "hooks.{type}") {
		t.Errorf("got %v, %s", err, out.String())
	}
}
