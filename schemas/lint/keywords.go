package lint

import "strings"

// draft is a version of JSON Schema, in order.
type draft int

const (
	draft4 draft = iota + 1
	draft6
	draft7
	draft2019
	draft2020
)

// String returns the draft's name.
func (d draft) String() string {
	return [...]string{draft4: "4", draft6: "6", draft7: "7", draft2019: "2019-09", draft2020: "2020-12"}[d]
}

// draftOf returns the draft of a document; one that is not known does not load.
func draftOf(doc map[string]any) draft {
	name, _ := doc["$schema"].(string)
	for text, d := range map[string]draft{"draft-04/": draft4, "draft-06/": draft6, "draft-07/": draft7, "draft/2019-09/": draft2019} {
		if strings.Contains(name, text) {
			return d
		}
	}
	return draft2020
}

// holds says where there are schemas in the value of a keyword.
type holds int

const (
	nothing holds = iota
	one
	list
	oneOrList
	byName
)

// keyword is what there is to know about one.
type keyword struct {
	holds
	from, until   draft  // the drafts that know it; until 0 means to the last
	before, after string // what to write in earlier and later drafts
}

// keywords are those of all drafts.
var keywords = map[string]keyword{
	"$schema": {}, "$ref": {}, "$comment": {}, "title": {}, "description": {}, "default": {}, "format": {},
	"type": {}, "enum": {}, "multipleOf": {}, "maximum": {}, "exclusiveMaximum": {}, "minimum": {}, "exclusiveMinimum": {},
	"maxLength": {}, "minLength": {}, "pattern": {}, "maxItems": {}, "minItems": {}, "uniqueItems": {},
	"maxProperties": {}, "minProperties": {}, "required": {},
	"id":                    {until: draft4, after: "write $id"},
	"$id":                   {from: draft6, before: "write id"},
	"const":                 {from: draft6, before: "write an enum of one value"},
	"examples":              {from: draft6},
	"readOnly":              {from: draft7},
	"writeOnly":             {from: draft7},
	"deprecated":            {from: draft2019},
	"contentEncoding":       {from: draft7},
	"contentMediaType":      {from: draft7},
	"contentSchema":         {holds: one, from: draft2019},
	"maxContains":           {from: draft2019},
	"minContains":           {from: draft2019},
	"dependentRequired":     {from: draft2019, before: "write dependencies"},
	"$anchor":               {from: draft2019},
	"$vocabulary":           {from: draft2019},
	"$recursiveRef":         {from: draft2019, until: draft2019, after: "write $dynamicRef"},
	"$recursiveAnchor":      {from: draft2019, until: draft2019, after: "write $dynamicAnchor"},
	"$dynamicRef":           {from: draft2020},
	"$dynamicAnchor":        {from: draft2020},
	"additionalItems":       {holds: one, until: draft2019, after: "write items, and prefixItems for the first ones"},
	"items":                 {holds: oneOrList},
	"prefixItems":           {holds: list, from: draft2020, before: "write items, a list"},
	"contains":              {holds: one, from: draft6},
	"additionalProperties":  {holds: one},
	"propertyNames":         {holds: one, from: draft6},
	"unevaluatedItems":      {holds: one, from: draft2019},
	"unevaluatedProperties": {holds: one, from: draft2019},
	"not":                   {holds: one},
	"if":                    {holds: one, from: draft7},
	"then":                  {holds: one, from: draft7},
	"else":                  {holds: one, from: draft7},
	"allOf":                 {holds: list},
	"anyOf":                 {holds: list},
	"oneOf":                 {holds: list},
	"properties":            {holds: byName},
	"patternProperties":     {holds: byName},
	"dependentSchemas":      {holds: byName, from: draft2019, before: "write dependencies"},
	"dependencies":          {holds: byName, until: draft7, after: "write dependentRequired, or dependentSchemas"},
	"definitions":           {holds: byName},
	"$defs":                 {holds: byName},
}

// annotations say nothing about a payload, and may stand beside a "$ref" anywhere.
var annotations = map[string]bool{
	"$schema": true, "$comment": true, "title": true, "description": true, "default": true, "examples": true,
	"readOnly": true, "writeOnly": true, "deprecated": true, "id": true, "$id": true,
}

// containers hold schemas for others to refer to.
var containers = map[string]bool{"definitions": true, "$defs": true}

// formats are those that package schemas checks.
var formats = []string{
	"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "regex",
	"relative-json-pointer", "time", "uri", "uri-reference", "uri-template", "uuid",
}

// nearest returns the word that a name is most likely meant to be; "" if none is
// near.
func nearest(name string, words []string) string {
	best, least := "", max(1, len(name)/4)+1
	for _, word := range words {
		if strings.EqualFold(word, name) && word != name {
			return word
		}
		if d := distance(name, word, least); d < least && word != name {
			best, least = word, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, change or exchange with their
// neighbour; it is limit if there are as many or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 64 || len(b) > 64 {
		return limit
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return min(rows[len(a)][len(b)], limit)
}
