package schemas

import (
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// spot says where the value of a keyword has schemas.
type spot uint8

const (
	itself spot = 1 << iota
	inMembers
	inItems
)

// positions are those of the keywords, by the first draft that has them. Where a
// draft's own schema does not look, as at prefixItems before 2020-12, nothing is
// known to be a schema.
var positions = map[string]struct {
	spot
	since int
}{
	"definitions":           {inMembers, 4},
	"not":                   {itself, 4},
	"allOf":                 {inItems, 4},
	"anyOf":                 {inItems, 4},
	"oneOf":                 {inItems, 4},
	"properties":            {inMembers, 4},
	"additionalProperties":  {itself, 4},
	"patternProperties":     {inMembers, 4},
	"items":                 {itself | inItems, 4},
	"additionalItems":       {itself, 4},
	"dependencies":          {inMembers, 4},
	"propertyNames":         {itself, 6},
	"contains":              {itself, 6},
	"if":                    {itself, 7},
	"then":                  {itself, 7},
	"else":                  {itself, 7},
	"$defs":                 {inMembers, 2019},
	"dependentSchemas":      {inMembers, 2019},
	"unevaluatedProperties": {itself, 2019},
	"unevaluatedItems":      {itself, 2019},
	"contentSchema":         {itself, 2019},
	"prefixItems":           {inItems, 2020},
}

// spot returns where a keyword has schemas in the draft.
func (d draft) spot(keyword string) spot {
	p := positions[keyword]
	switch {
	case d.number < p.since:
		return 0
	case keyword == "items" && d.number == 2020:
		return itself
	case keyword == "additionalItems" && d.number == 2020:
		return 0
	}
	return p.spot
}

// isSchema reports whether a JSON Pointer leads, by keywords alone, to what the
// draft's own schema takes for a schema.
func (f *file) isSchema(at string) bool {
	if at == "" {
		return true
	}
	tokens := strings.Split(at[1:], "/")
	node := f.doc
	for i := 0; i < len(tokens); i++ {
		object, _ := node.(map[string]any)
		keyword := jsonptr.Unescape(tokens[i])
		where := f.draft.spot(keyword)
		switch value := object[keyword].(type) {
		case map[string]any:
			if where&itself != 0 {
				node = value
				continue
			}
			if i++; where&inMembers == 0 || i == len(tokens) {
				return false
			}
			node = value[jsonptr.Unescape(tokens[i])]
		case []any:
			if i++; where&inItems == 0 || i == len(tokens) {
				return false
			}
			index, err := strconv.Atoi(tokens[i])
			if err != nil || index < 0 || index >= len(value) {
				return false
			}
			node = value[index]
		default:
			return where&itself != 0 && i == len(tokens)-1
		}
	}
	return true
}
