package lint

import (
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// What makes validating a payload expensive, which ends at the steps that are
// allowed.
const (
	manyBranches = 20
	largePattern = 2000 // instructions
)

// expensive finds what takes many steps for payloads that someone makes so.
func (l *linter) expensive(object map[string]any, at string) {
	if object["uniqueItems"] == true && object["maxItems"] == nil && holdsObjects(object["items"]) {
		l.add(at+"/uniqueItems", Info, "every object of an array without a bound is compared as a whole", "write maxItems beside it, or remove it")
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		branches, _ := object[name].([]any)
		selves := 0
		for _, branch := range branches {
			schema, _ := branch.(map[string]any)
			if ref, _ := schema["$ref"].(string); isAbove(ref, at) {
				selves++
			}
		}
		if selves > 1 {
			l.add(at+"/"+name, Warning, fmt.Sprintf("%d branches lead back to what they stand in, so that each level of a payload is looked at that many times as often", selves), "refer to it in one branch")
		}
		if len(branches) > manyBranches && undecided(branches) {
			l.add(at+"/"+name, Info, fmt.Sprintf("%d branches are tried one after the other", len(branches)), "give each a const for one and the same member, such as type")
		}
	}
	if pattern, ok := object["pattern"].(string); ok {
		if n := instructions(pattern); n > largePattern {
			l.add(at+"/pattern", Warning, fmt.Sprintf("the pattern has %d instructions, and takes as many for each byte of a text", n), "write smaller counts than those of {n} in it, or maxLength instead")
		}
	}
}

func holdsObjects(items any) bool {
	object, ok := items.(map[string]any)
	return ok && (object["type"] == "object" || object["properties"] != nil)
}

// isAbove reports whether a reference within the file leads to a schema in which the
// place stands.
func isAbove(ref, at string) bool {
	pointer, ok := strings.CutPrefix(ref, "#")
	return ok && (pointer == "" || pointer[0] == '/' && strings.HasPrefix(at+"/", pointer+"/"))
}

// undecided reports whether branches, which are not references, have no member in
// common that says which one is meant.
func undecided(branches []any) bool {
	counts := map[string]int{}
	for _, branch := range branches {
		schema, _ := branch.(map[string]any)
		if schema["$ref"] != nil {
			return false // it may say so there
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, value := range properties {
			property, _ := value.(map[string]any)
			if property["const"] != nil || property["enum"] != nil {
				counts[name]++
			}
		}
	}
	for _, n := range counts {
		if 2*n >= len(branches) {
			return false
		}
	}
	return true
}

func instructions(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0 // it does not load
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return len(program.Inst)
}

// rules finds those that stand twice, and those that can never be chosen: a glob with
// more stars than another that fits the same.
func (l *linter) rules(list []schemas.Rule) {
	seen := make(map[string]bool)
	for _, r := range list {
		seen[r.Type] = true
	}
	twice := make(map[schemas.Rule]bool)
	for _, r := range list {
		file, pointer, _ := strings.Cut(r.Schema, "#")
		l.file = file
		if twice[r] {
			l.add(pointer, Warning, fmt.Sprintf("the type %q is there twice for this schema", r.Type), "remove one of them")
		}
		twice[r] = true
		short := r.Type
		for strings.Contains(short, "**") {
			short = strings.ReplaceAll(short, "**", "*")
		}
		switch {
		case short == r.Type:
		case seen[short]:
			l.add(pointer, Warning, fmt.Sprintf("the type %q is never chosen: %q fits the same and has fewer stars", r.Type, short), "remove it")
		default:
			l.add(pointer, Info, fmt.Sprintf("the stars beside each other in the type %q count as one", r.Type), "write "+short)
		}
	}
}
