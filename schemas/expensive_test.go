//go:build !race

package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// expensive are schemas and payloads that cost a validator without a budget time
// or memory that grows faster than they do. Memory is all that is allocated, and so
// more than there ever is at one time.
var expensive = map[string]struct {
	schema  func() string
	payload func() any
	want    error // nil: it is judged
	valid   bool
	steps   int // at most, if it is judged
	memory  uint64
}{
	"large enum, large array": {
		schema: func() string {
			var b strings.Builder
			b.WriteString(`{"items":{"enum":[`)
			for i := range 100_000 {
				fmt.Fprintf(&b, `"value-%07d",%d,`, i, i)
			}
			b.WriteString(`null]}}`)
			return b.String()
		},
		payload: func() any {
			return repeat(100_000, func(i int) any {
				if i%2 == 0 {
					return numbered(i)
				}
				return integer(i)
			})
		},
		valid: true, steps: 3_000_000, memory: 1 << 20,
	},
	"uniqueItems of a million": {
		schema:  func() string { return `{"uniqueItems":true}` },
		payload: func() any { return repeat(1_000_000, numbered) },
		valid:   true, steps: 3_000_000, memory: 40 << 20,
	},
	"uniqueItems of large objects": {
		schema: func() string { return `{"uniqueItems":true}` },
		payload: func() any {
			return repeat(10_000, func(i int) any {
				return map[string]any{"n": integer(i), "list": repeat(50, integer), "name": "the same in all"}
			})
		},
		valid: true, steps: 2_000_000, memory: 1 << 20,
	},
	"two branches to itself": {
		schema:  func() string { return `{"properties":{"n":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]},"end":false}}` },
		payload: func() any { return chain(200, map[string]any{"end": true}) },
		want:    ErrTooExpensive, memory: 1 << 20,
	},
	"two branches to itself that fit": {
		schema:  func() string { return `{"properties":{"n":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}}` },
		payload: func() any { return chain(200, map[string]any{}) },
		valid:   true, steps: 5_000, memory: 1 << 20,
	},
	"one of two branches to itself": {
		schema:  func() string { return `{"properties":{"n":{"oneOf":[{"$ref":"#"},{"$ref":"#"}]}}}` },
		payload: func() any { return chain(200, map[string]any{}) },
		want:    ErrTooExpensive, memory: 1 << 20,
	},
	"unevaluated below branches": {
		schema: func() string {
			return `{"properties":{"n":{"$ref":"#/$defs/x"}},"$defs":{"x":{"anyOf":[{"$ref":"#"},{"$ref":"#"}],"unevaluatedProperties":{"$ref":"#"}}}}`
		},
		payload: func() any { return chain(200, map[string]any{}) },
		want:    ErrTooExpensive, memory: 128 << 20,
	},
	"nested not": {
		schema: func() string {
			return strings.Repeat(`{"not":`, 498) + `{"type":"object"}` + strings.Repeat(`}`, 498)
		},
		payload: func() any { return map[string]any{} },
		valid:   true, steps: 5_000, memory: 1 << 20,
	},
	"many patterns, many members": {
		schema: func() string {
			var patterns []string
			for i := range 500 {
				patterns = append(patterns, fmt.Sprintf(`"^x%d.*y$":{"type":"integer"}`, i))
			}
			return `{"patternProperties":{` + strings.Join(patterns, ",") + `}}`
		},
		payload: func() any {
			object := map[string]any{}
			for i := range 100_000 {
				object[fmt.Sprintf("name-%07d", i)] = nil
			}
			return object
		},
		want: ErrTooExpensive, memory: 1 << 20,
	},
	"contains in a large array": {
		schema: func() string {
			return `{"contains":{"contains":{"const":"none"}}}`
		},
		payload: func() any {
			inner := repeat(10_000, integer)
			return repeat(5_000, func(int) any { return inner })
		},
		want: ErrTooExpensive, memory: 1 << 20,
	},
	"pattern that backtracks elsewhere": {
		schema:  func() string { return `{"pattern":"^(a+)+$"}` },
		payload: func() any { return strings.Repeat("a", 1<<20) + "!" },
		steps:   1_000_000, memory: 1 << 20,
	},
	"large pattern, large text": {
		schema:  func() string { return `{"items":{"pattern":"(x+x+){200}y"}}` },
		payload: func() any { return repeat(10, func(int) any { return strings.Repeat("x", 1<<20) }) },
		want:    ErrTooExpensive, memory: 8 << 20,
	},
	"large text that is to be a pattern": {
		schema:  func() string { return `{"items":{"format":"regex"}}` },
		payload: func() any { return repeat(100, func(int) any { return strings.Repeat("[a-z]+", 20_000) }) },
		want:    ErrTooExpensive, memory: 128 << 20,
	},
	"content that is large": {
		schema: func() string {
			return `{"$schema":"http://json-schema.org/draft-07/schema#","items":{"contentEncoding":"base64","contentMediaType":"application/json"}}`
		},
		payload: func() any {
			text := strings.Repeat("ICAg", 1<<18) + "MSAg"
			return repeat(500, func(int) any { return text })
		},
		want: ErrTooExpensive, memory: 128 << 20, // each text decoded, one after the other
	},
	"a million violations": {
		schema:  func() string { return `{"items":{"type":"string"}}` },
		payload: func() any { return make([]any, 1_000_000) },
		steps:   10, memory: 1 << 20,
	},
	"violations below long names": {
		schema:  func() string { return `{"additionalProperties":{"items":{"type":"string"}}}` },
		payload: func() any { return map[string]any{strings.Repeat("k", 1<<20): make([]any, 100_000)} },
		steps:   10, memory: 1 << 20,
	},
	"multipleOf of long numbers": {
		schema: func() string { return `{"items":{"multipleOf":` + strings.Repeat("7", 1000) + `}}` },
		payload: func() any {
			number := json.Number(strings.Repeat("7", 1000) + "e999999999")
			return repeat(20_000, func(int) any { return number })
		},
		want: ErrTooExpensive, memory: 32 << 20,
	},
	"long numbers": {
		schema: func() string { return `{"items":{"minimum":1,"type":"integer","enum":[1]}}` },
		payload: func() any {
			number := json.Number(strings.Repeat("9", 1<<20))
			return repeat(1000, func(int) any { return number })
		},
		steps: 200_000, memory: 1 << 20,
	},
}

// What is expensive ends after the steps that are allowed at the latest, and those
// take a few seconds at most.
func TestExpensive(t *testing.T) {
	for name, tt := range expensive {
		t.Run(name, func(t *testing.T) {
			s, payload := compileOurs(t, tt.schema()), tt.payload()
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := s.Validate("x", payload)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && ((err == nil) != tt.valid || errors.Is(err, ErrTooExpensive)) {
				t.Errorf("got %v, want %v, valid %v", err, tt.want, tt.valid)
			}
			if allocated > tt.memory {
				t.Errorf("%d bytes are allocated, want %d at most", allocated, tt.memory)
			}
			if took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			taken := DefaultMaxSteps
			if tt.want == nil {
				if taken = s.steps("x", payload); taken > tt.steps {
					t.Errorf("%d steps, want %d at most", taken, tt.steps)
				}
			}
			t.Logf("%d steps, %v, %d KiB allocated", taken, took.Round(time.Microsecond), allocated>>10)
		})
	}
}

// chain nests an object below "n".
func chain(depth int, inner any) any {
	for range depth {
		inner = map[string]any{"n": inner}
	}
	return inner
}
