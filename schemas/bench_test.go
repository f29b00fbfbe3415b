package schemas

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// order is a payload of our own for the benchmarks, with a schema that says all of
// it: forty items, 10 KiB.
func order() (schema, payload string) {
	schema = `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"oneOf": [{"$ref": "#/$defs/paid"}, {"$ref": "#/$defs/created"}, {"$ref": "#/$defs/cancelled"}],
		"$defs": {
			"created": {"$ref": "#/$defs/event", "properties": {"type": {"const": "order.created"}}},
			"paid": {"$ref": "#/$defs/event", "properties": {"type": {"const": "order.paid"}}, "required": ["paid_at"]},
			"cancelled": {"$ref": "#/$defs/event", "properties": {"type": {"const": "order.cancelled"}}, "required": ["reason"]},
			"event": {
				"type": "object", "required": ["id", "type", "created_at", "data"],
				"properties": {
					"id": {"type": "string", "pattern": "^evt_[0-9a-z]+$"},
					"created_at": {"type": "string", "format": "date-time"},
					"paid_at": {"type": ["string", "null"], "format": "date-time"},
					"data": {
						"type": "object", "required": ["items", "customer"],
						"properties": {
							"customer": {
								"type": "object", "required": ["name", "email"],
								"properties": {"name": {"type": "string"}, "email": {"type": "string", "minLength": 3}, "url": {"type": "string", "format": "uri"}}
							},
							"items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}}
						}
					}
				}
			},
			"item": {
				"type": "object", "required": ["sku", "quantity", "price"],
				"properties": {
					"sku": {"type": "string", "maxLength": 64},
					"title": {"type": "string"},
					"quantity": {"type": "integer", "minimum": 1},
					"price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
					"currency": {"enum": ["EUR", "USD", "GBP", "CHF", "JPY"]},
					"url": {"type": "string", "format": "uri"},
					"tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
					"gift": {"type": "boolean"}
				},
				"additionalProperties": false
			}
		}
	}`
	var items []string
	for i := range 40 {
		items = append(items, fmt.Sprintf(`{"sku":"SKU-%04d","title":"A thing of which there are %d","quantity":%d,"price":%d.%02d,"currency":"EUR","url":"https://shop.example.com/things/%d?from=order","tags":["new","sale","item-%d"],"gift":false}`, i, i, i+1, i, i, i, i))
	}
	return schema, `{"id":"evt_0123456789","type":"order.paid","created_at":"2026-01-01T12:00:00Z","paid_at":"2026-01-01T12:00:01.5+01:00","data":{"customer":{"name":"N","email":"n@example.com","url":"https://example.com/n"},"items":[` +
		strings.Join(items, ",") + `]}}`
}

// benchmarkPayload measures decoding alone, our verdict and the library's.
func benchmarkPayload(b *testing.B, data []byte, ours, library func(any) error) {
	b.Helper()
	payload, err := decode(data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, validate := range map[string]func(any) error{"ours": ours, "library": library} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := validate(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOrder(b *testing.B) {
	schema, payload := order()
	s := compileOurs(b, schema)
	benchmarkPayload(b, []byte(payload), func(v any) error { _, err := s.Validate("x", v); return err }, compilePlain(b, schema).Validate)
}

// BenchmarkCorpus measures the smallest, median and largest of GitHub's valid
// examples, and all of them in turn.
func BenchmarkCorpus(b *testing.B) {
	c := openCorpus(b)
	s, err := Load(Config{FS: c.files, Rules: c.rules})
	if err != nil {
		b.Fatal(err)
	}
	plain := plainSet(b, Config{FS: c.files}, c.rules)
	var valid []corpusExample
	size, steps := 0, 0
	for _, e := range c.examples {
		if _, err := s.Validate(e.event, e.payload); err == nil {
			valid = append(valid, e)
			size += len(e.data)
			steps = max(steps, s.steps(e.event, e.payload))
		}
	}
	slices.SortFunc(valid, func(a, b corpusExample) int { return len(a.data) - len(b.data) })
	b.Logf("%d payloads, %d bytes, at most %d steps of %d", len(valid), size, steps, DefaultMaxSteps)
	for name, e := range map[string]corpusExample{"smallest": valid[0], "median": valid[len(valid)/2], "largest": valid[len(valid)-1]} {
		b.Run(fmt.Sprintf("%s-%s-%dB", name, e.event, len(e.data)), func(b *testing.B) {
			benchmarkPayload(b, e.data, func(v any) error { _, err := s.Validate(e.event, v); return err }, plain[s.choice.choose(e.event).address].Validate)
		})
	}
	for name, do := range map[string]func(e *corpusExample) error{
		"decode":  func(e *corpusExample) error { _, err := decode(e.data); return err },
		"ours":    func(e *corpusExample) error { _, err := s.Validate(e.event, e.payload); return err },
		"library": func(e *corpusExample) error { return plain[s.choice.choose(e.event).address].Validate(e.payload) },
	} {
		b.Run("all/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for i := range valid {
					if err := do(&valid[i]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkLoad measures loading, and says what a set takes afterwards, beside what
// the library's own schemas do.
func BenchmarkLoad(b *testing.B) {
	schema, _ := order()
	b.Run("order", func(b *testing.B) {
		benchmarkLoad(b, Config{FS: fstest.MapFS{"x.json": {Data: []byte(schema)}}})
	})
	b.Run("github", func(b *testing.B) {
		c := openCorpus(b)
		benchmarkLoad(b, Config{FS: c.files, Rules: c.rules})
	})
	b.Run("github-openapi", func(b *testing.B) {
		openCorpus(b)
		benchmarkLoad(b, openAPIConfig(b, corpusDir()))
	})
}

func benchmarkLoad(b *testing.B, cfg Config) {
	b.Helper()
	var s *Set
	for b.Loop() {
		var err error
		if s, err = Load(cfg); err != nil {
			b.Fatal(err)
		}
	}
	s = nil
	ours := live(func() { s, _ = Load(cfg) })
	var compiled any
	library := live(func() { compiled = libraryAlone(b, cfg) })
	b.ReportMetric(float64(ours>>10), "KiB/set")
	b.ReportMetric(float64(library>>10), "KiB/library")
	b.ReportMetric(float64(len(s.all)), "schemas")
	runtime.KeepAlive(compiled)
}

// libraryAlone compiles what Load does.
func libraryAlone(t testing.TB, cfg Config) any {
	t.Helper()
	if cfg.Rules != nil {
		return plainSet(t, cfg, cfg.Rules)
	}
	c, err := Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c.schemas
}

// live returns by how much the heap is larger afterwards.
func live(do func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	do()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func openAPIConfig(t testing.TB, dir string) Config {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "openapi-webhooks.json"))
	if err != nil {
		t.Skip(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var rules []Rule
	for name := range doc.Components.Schemas {
		if strings.HasPrefix(name, "webhook-") {
			rules = append(rules, Rule{name, "openapi.json#/components/schemas/" + name})
		}
	}
	return Config{FS: fstest.MapFS{"openapi.json": {Data: data}}, Rules: rules}
}
