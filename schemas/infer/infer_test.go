package infer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/infer"
)

var update = flag.Bool("update", false, "write the golden schema")

var day = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// TestGolden shows what comes out.
func TestGolden(t *testing.T) {
	t.Parallel()
	s := infer.New(infer.Options{Title: "invoice.paid", Const: true})
	g := events{rand.New(rand.NewPCG(1, 1))}
	for i := range 300 {
		s.Add(g.stripe("invoice.paid"), day.AddDate(0, 0, i/100))
	}
	got := s.Schema()
	const name = "testdata/invoice.paid.json"
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwhich is not %s: run with -update if that is right", got, name)
	}
}

// TestThresholds gives so many samples of one member, and looks at its schema.
func TestThresholds(t *testing.T) {
	t.Parallel()
	word := func(i int) any { return []any{"opened", "closed"}[i%2] }
	for name, tt := range map[string]struct {
		member  string
		n       int
		value   func(i int) any
		options infer.Options
		want    string
	}{
		"too few for a type":     {"a", 4, word, infer.Options{}, `{}`},
		"enough for a type":      {"a", 5, word, infer.Options{}, `{"type":["null","string"]}`},
		"null seldom":            {"a", 60, func(i int) any { return map[bool]any{true: nil, false: "x y"}[i == 7] }, infer.Options{}, `{"type":["null","string"]}`},
		"null only":              {"a", 500, func(int) any { return nil }, infer.Options{}, `{}`},
		"never null":             {"a", 50, word, infer.Options{}, `{"type":"string"}`},
		"vocabulary":             {"a", 100, word, infer.Options{}, `{"enum":["closed","opened"],"type":"string"}`},
		"vocabulary and null":    {"a", 150, func(i int) any { return []any{"opened", "closed", nil}[i%3] }, infer.Options{}, `{"enum":["closed","opened",null],"type":["null","string"]}`},
		"no enums":               {"a", 100, word, infer.Options{NoEnums: true}, `{"type":"string"}`},
		"names of people":        {"login", 100, word, infer.Options{}, `{"type":"string"}`},
		"a value seen once":      {"a", 500, func(i int) any { return []any{"opened", "closed", "once"}[min(2, i%2+2*(i/499))] }, infer.Options{}, `{"type":"string"}`},
		"a value that is a text": {"a", 500, func(i int) any { return []any{"opened", "Hello you"}[i%2] }, infer.Options{}, `{"type":"string"}`},
		"one value":              {"type", 500, func(int) any { return "event" }, infer.Options{}, `{"type":"string"}`},
		"one value, const":       {"type", 500, func(int) any { return "event" }, infer.Options{Const: true}, `{"const":"event","type":"string"}`},
		"one value, elsewhere":   {"currency", 500, func(int) any { return "eur" }, infer.Options{Const: true}, `{"type":"string"}`},
		"dates":                  {"a", 50, func(i int) any { return day.Add(time.Duration(i) * time.Hour).Format(time.RFC3339) }, infer.Options{}, `{"format":"date-time","type":"string"}`},
		"too few dates":          {"a", 49, func(i int) any { return day.AddDate(0, 0, i).Format(time.RFC3339) }, infer.Options{}, `{"type":["null","string"]}`},
		"one date":               {"a", 99, func(int) any { return "2026-01-02" }, infer.Options{}, `{"type":"string"}`},
		"one of 200 no date":     {"a", 200, func(i int) any { return map[bool]any{true: "", false: "2026-01-02"}[i == 7] }, infer.Options{}, `{"type":"string"}`},
		"links":                  {"a", 50, func(i int) any { return fmt.Sprintf("https://example.com/%d?x=y#z", i) }, infer.Options{}, `{"format":"uri","type":"string"}`},
		"templates":              {"a", 50, func(i int) any { return fmt.Sprintf("https://example.com/%d{/sha}", i) }, infer.Options{}, `{"format":"uri-template","type":"string"}`},
		"integers":               {"a", 50, func(i int) any { return json.Number(fmt.Sprint(i)) }, infer.Options{}, `{"type":"integer"}`},
		"too few integers":       {"a", 49, func(i int) any { return json.Number(fmt.Sprint(i)) }, infer.Options{}, `{"type":["null","number"]}`},
		"a fraction":             {"a", 50, func(i int) any { return json.Number([]string{"1", "2.5"}[i%2]) }, infer.Options{}, `{"type":"number"}`},
		"all kinds": {"a", 70, func(i int) any {
			return []any{true, "x y", json.Number("1"), nil, []any{"x y"}, map[string]any{"k": true}, json.Number("1.5")}[i%7]
		}, infer.Options{}, `{"items":{"type":["null","string"]},"properties":{"k":{"type":["null","boolean"]}},"required":["k"],"type":["null","boolean","number","string","array","object"]}`},
		"required":             {"a", 10, func(int) any { return map[string]any{"k": "x y"} }, infer.Options{}, `{"properties":{"k":{"type":["null","string"]}},"required":["k"],"type":["null","object"]}`},
		"too few for required": {"a", 9, func(int) any { return map[string]any{"k": "x y"} }, infer.Options{}, `{"properties":{"k":{"type":["null","string"]}},"type":["null","object"]}`},
		"ids as keys": {
			"a", 60, func(i int) any { return map[string]any{fmt.Sprintf("cus_9s6XKzkN%04d", i): true} },
			infer.Options{},
			`{"additionalProperties":{"type":"boolean"},"type":"object"}`,
		},
		"many keys": {"a", 60, func(i int) any {
			m := map[string]any{}
			for j := range 40 {
				m["k"+strings.Repeat("x", i)+strings.Repeat("y", j)] = "a b"
			}
			return m
		}, infer.Options{}, `{"additionalProperties":{"type":"string"},"type":"object"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := infer.New(tt.options)
			for i := range tt.n {
				s.Add(map[string]any{tt.member: tt.value(i)}, time.Time{})
			}
			var got struct {
				Properties map[string]json.RawMessage
			}
			if err := json.Unmarshal(s.Schema(), &got); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := json.Compact(&b, got.Properties[tt.member]); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got  %s\nwant %s", b.String(), tt.want)
			}
		})
	}
}

// TestOneSampleCountsOnce: a sample with many items bears out no more than one.
func TestOneSampleCountsOnce(t *testing.T) {
	t.Parallel()
	s := infer.New(infer.Options{})
	var items []any
	for range 1000 {
		items = append(items, map[string]any{"a": "opened"})
	}
	s.Add(map[string]any{"items": items}, time.Time{})
	if text := string(s.Schema()); strings.Contains(text, "type\"") || strings.Contains(text, "required") {
		t.Errorf("one sample demands something: %s", text)
	}
}

// TestMerge: samples in parts are the same as samples in one.
func TestMerge(t *testing.T) {
	t.Parallel()
	g := events{rand.New(rand.NewPCG(3, 1))}
	for name, generate := range map[string]func(string) map[string]any{"stripe": g.stripe, "github": g.github, "shopify": g.shopify} {
		whole, merged := infer.New(infer.Options{}), infer.New(infer.Options{})
		parts := []*infer.Samples{infer.New(infer.Options{}), infer.New(infer.Options{}), infer.New(infer.Options{})}
		for i := range 600 {
			sample := generate("opened")
			whole.Add(sample, day.AddDate(0, 0, i))
			parts[i%3].Add(sample, day.AddDate(0, 0, i))
		}
		for _, p := range parts {
			merged.Merge(p)
		}
		if got, want := merged.Schema(), whole.Schema(); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	types := infer.NewTypes(infer.Options{})
	g := events{rand.New(rand.NewPCG(3, 1))}
	for range 60 {
		for _, kind := range []string{"invoice.paid", "invoice.updated", "invoices/create", "customer:deleted"} {
			types.Add(kind, g.stripe(kind), day)
		}
	}
	for kind, n := range map[string]int{
		"seldom": 4, "": 3, "../../etc/passwd": 20, "envelope": 20, "Envelope": 20, "_x": 20, "größe": 20, "a b": 20,
		"Seldom": 8, "Invoice.paid": 9, // each differs from another in case alone
	} {
		for range n {
			types.Add(kind, g.stripe(kind), day)
		}
	}
	files, skipped := types.Files()
	names := slices.Sorted(maps.Keys(files))
	if want := []string{"Seldom.json", "customer.deleted.json", "envelope.json", "invoice.paid.json", "invoice.updated.json", "invoices.create.json"}; !slices.Equal(names, want) {
		t.Errorf("got the files %v, want %v", names, want)
	}
	var left []string
	for _, s := range skipped {
		left = append(left, fmt.Sprintf("%s %d %s", s.Type, s.Samples, s.Why))
	}
	if want := []string{
		"Invoice.paid 9 its file's name differs from invoice.paid.json in case alone", "seldom 4 5 samples are needed",
		" 3 they have no type", "../../etc/passwd 20 its name is no name of a file", "Envelope 20 its name is no name of a file",
		"_x 20 its name is no name of a file", "a b 20 its name is no name of a file", "envelope 20 its name is no name of a file",
		"größe 20 its name is no name of a file",
	}; !slices.Equal(left, want) {
		t.Errorf("got %q, want %q", left, want)
	}
	set := load(t, files)
	// The envelope is for events that nobody has seen yet.
	event := g.stripe("plan.created")
	event["data"] = map[string]any{"object": map[string]any{"id": "x", "object": "plan"}}
	if schema, err := set.Validate("plan.created", event); schema != "envelope.json" {
		t.Errorf("got %s, %v", schema, err)
	}
	for range 60 {
		for _, kind := range []string{"invoice.paid", "invoice.updated", "invoices/create", "customer:deleted"} {
			if schema, err := set.Validate(kind, g.stripe(kind)); err != nil || schema == "envelope.json" {
				t.Errorf("got %s, %v", schema, err)
			}
		}
	}
	delete(event, "created")
	if _, err := set.Validate("plan.created", event); err == nil {
		t.Error("the envelope accepts what lacks a member that all have")
	}
}

// TestFormats: whatever looks as if it was in a format is so to those who assert it.
func TestFormats(t *testing.T) {
	t.Parallel()
	for _, s := range formatted {
		checkFormats(t, s)
	}
}

var formatted = []string{
	"2026-01-02T15:04:05Z", "2026-01-02T15:04:05.123456789+14:00", "2026-01-02t15:04:05z", "2026-01-02T24:00:00Z", "2026-01-02T15:04:60Z", "2026-01-02T15:04:05+99:99",
	"2026-01-02T5:04:05Z", "2026-01-02T15:04:05,5Z", "2026-02-30", "2026-02-28", "20260228", "http://a", "https://example.com/{x}", "https://example.com/x{/y}{?z,q}", "https://[::1]/", "a:b", "mailto:x@y.org",
	"http://exa mple.com", "https://example.com/%zz", "https://example.com:99999/", "https://例.com", "a@b", "a@b.org", "a.@b.org", "a..b@c.org", "\"x\"@b.org", "a@-b.org", "a@b_c.org",
	"7c9e6679-7425-40de-944b-e07fc1f90ae7", "7C9E6679-7425-40DE-944B-E07FC1F90AE7", "{7c9e6679-7425-40de-944b-e07fc1f90ae7}", "1.2.3.4", "1.2.3.04", "::1", "::ffff:1.2.3.4", "fe80::1%eth0", "",
}

func FuzzFormats(f *testing.F) {
	for _, s := range formatted {
		f.Add(s)
	}
	f.Fuzz(checkFormats)
}

func checkFormats(t *testing.T, text string) {
	if strings.ToValidUTF8(text, "") != text {
		return
	}
	for _, other := range []string{"2026-01-03T15:04:05Z", "2026-01-03", "https://example.com", "x@example.com", "1.1.1.1", "::2", "7c9e6679-7425-40de-944b-e07fc1f90ae8"} {
		s := infer.New(infer.Options{MinTyped: 1, MinFormat: 1, MinNotNull: 1})
		s.Add([]any{text, other}, time.Time{})
		schema := s.Schema()
		if !strings.Contains(string(schema), "format") {
			continue
		}
		if _, err := load(t, map[string][]byte{"x.json": schema}).Validate("x", []any{text}); err != nil {
			t.Errorf("%q: %v\n%s", text, err, schema)
		}
	}
}

// TestBounds: what is known does not grow with the samples, whatever they are.
func TestBounds(t *testing.T) {
	t.Parallel()
	g := events{rand.New(rand.NewPCG(3, 1))}
	wild := func(i int) any {
		m := map[string]any{"deep": any("x"), strings.Repeat("n", 200+i%100): 1}
		for range 200 {
			m["deep"] = []any{m["deep"]}
		}
		for range 20 {
			// Names of members that are words, below names that are: the worst case.
			m[g.hex(4)+"a"] = map[string]any{"w" + g.hex(3): map[string]any{"v" + g.hex(3): g.one("opened", "closed")}}
		}
		return m
	}
	a, b := infer.New(infer.Options{MaxPlaces: 5000}), infer.New(infer.Options{MaxPlaces: 5000})
	for i := range 3000 {
		a.Add(wild(i), day)
		b.Add(wild(i), day)
	}
	before := heap()
	for i := range 3000 {
		a.Add(wild(i), day)
	}
	a.Merge(b)
	if grown := heap() - before; grown > 6<<20 {
		t.Errorf("got %d bytes more", grown)
	}
	schema := a.Schema()
	if len(schema) > 4<<20 {
		t.Errorf("got a schema of %d bytes", len(schema))
	}
	load(t, map[string][]byte{"x.json": schema})
	runtime.KeepAlive(a)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMillion measures; it takes a minute or two.
func TestMillion(t *testing.T) {
	if os.Getenv("INFER_MILLION") == "" {
		t.Skip("set INFER_MILLION=1 to infer from a million samples")
	}
	g := events{rand.New(rand.NewPCG(3, 1))}
	pool := make([]any, 5000)
	for i := range pool {
		pool[i] = []func(string) map[string]any{g.stripe, g.github, g.shopify}[i%3]("opened")
	}
	types := infer.NewTypes(infer.Options{})
	before, start := heap(), time.Now()
	for i := range 1_000_000 {
		types.Add([]string{"a", "b", "c"}[i%3], pool[i%len(pool)], day)
		if i == 9_999 || i == 99_999 {
			t.Logf("after %d: %d KB", i+1, (heap()-before)>>10)
		}
	}
	took := time.Since(start)
	t.Logf("1000000 samples in %v, %v each; %d KB", took.Round(time.Millisecond), took/1_000_000, (heap()-before)>>10)
	runtime.KeepAlive(types)
	runtime.KeepAlive(pool)
}

func BenchmarkAdd(b *testing.B) {
	g := events{rand.New(rand.NewPCG(3, 1))}
	for name, generate := range map[string]func(string) map[string]any{"stripe": g.stripe, "github": g.github, "shopify": g.shopify} {
		b.Run(name, func(b *testing.B) {
			pool := make([]any, 500)
			for i := range pool {
				pool[i] = generate("opened")
			}
			s := infer.New(infer.Options{})
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Add(pool[i%len(pool)], day)
			}
		})
	}
}
