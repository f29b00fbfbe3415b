package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// steps returns how many steps the first walk through a payload takes.
func (s *Set) steps(eventType string, payload any) int {
	c := s.choice.choose(eventType)
	e := evaluator{left: unbounded, longest: c.longest}
	e.eval(c.root, payload, nil, 0)
	return unbounded - e.left
}

// repeat makes an array.
func repeat(n int, item func(i int) any) []any {
	items := make([]any, n)
	for i := range items {
		items[i] = item(i)
	}
	return items
}

func integer(i int) any { return json.Number(strconv.Itoa(i)) }

func numbered(i int) any { return fmt.Sprintf("value-%07d", i) }

// The steps depend on schema and payload alone, and one too few is too few.
func TestSteps(t *testing.T) {
	t.Parallel()
	const schema = `{"additionalProperties":{"oneOf":[{"type":"string","pattern":"^a"},{"type":"object","propertyNames":{"minLength":1},"unevaluatedProperties":{"uniqueItems":true}}]}}`
	payload := map[string]any{}
	for i := range 20 {
		payload[fmt.Sprint("s", i)] = "a"
		payload[fmt.Sprint("o", i)] = map[string]any{"x": []any{"a", "b", map[string]any{"c": true, "d": nil}}, "y": "z", "v": repeat(20, integer)}
	}
	s := compileOurs(t, schema)
	steps := s.steps("x", payload)
	for range 20 {
		if again := s.steps("x", payload); again != steps {
			t.Fatalf("got %d steps, then %d", steps, again)
		}
	}
	for _, tt := range []struct {
		max  int
		want error
	}{{steps, nil}, {steps - 1, ErrTooExpensive}, {1, ErrTooExpensive}, {steps / 2, ErrTooExpensive}} {
		s.maxSteps = tt.max
		_, err := s.Validate("x", payload)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%d of %d steps: got %v, want %v", tt.max, steps, err, tt.want)
		}
		if err != nil && err.Error() != "x.json: validating it takes more steps than are allowed" {
			t.Errorf("got %q", err)
		}
	}
}

// No keyword makes a payload pass for which there are not enough steps, and none
// that is beyond a bound.
func TestBudgetNeverPasses(t *testing.T) {
	t.Parallel()
	deep := nest(maxDepth + 1)
	const look = `{"additionalProperties":{"$ref":"#/$defs/l"},"items":{"$ref":"#/$defs/l"}}`
	for _, schema := range []string{
		`{"not":{"$ref":"#/$defs/l"}}`,
		`{"not":{"not":{"$ref":"#/$defs/l"}}}`,
		`{"if":{"$ref":"#/$defs/l"},"then":true,"else":true}`,
		`{"anyOf":[{"$ref":"#/$defs/l"},true]}`,
		`{"anyOf":[{"$ref":"#/$defs/l"},{"$ref":"#/$defs/l"}],"unevaluatedItems":true}`,
		`{"oneOf":[{"$ref":"#/$defs/l"},true]}`,
		`{"contains":{"$ref":"#/$defs/l"},"minContains":0}`,
		`{"contains":{"not":{"$ref":"#/$defs/l"}}}`,
		`{"maxContains":0,"minContains":0,"contains":{"$ref":"#/$defs/l"}}`,
		`{"allOf":[{"$ref":"#/$defs/l"}]}`,
	} {
		s := compileOurs(t, strings.TrimSuffix(schema, "}")+`,"$defs":{"l":`+look+`}}`)
		if _, err := s.Validate("x", deep); err == nil || !strings.HasSuffix(err.Error(), " depth") {
			t.Errorf("%s: got %v, want it too deep", schema, err)
		}
		_, full := s.Validate("x", nest(10))
		steps := s.steps("x", nest(10))
		for limit := 1; limit < steps; limit++ {
			s.maxSteps = limit
			if _, err := s.Validate("x", nest(10)); !errors.Is(err, ErrTooExpensive) {
				t.Errorf("%s: %d of %d steps: got %v (with all steps %v)", schema, limit, steps, err, full)
			}
		}
	}
}
