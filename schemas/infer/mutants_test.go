package infer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/infer"
)

// What is refused is measured here by mutants that know nothing of what was inferred:
// another schema says which of them are wrong. So it also counts what a schema
// demands too little of.

// wrong counts mutants by what was done to a payload.
type wrong struct {
	samples, accepted  int
	removed, withoutIt int // members taken away, and those of them that are refused
	changed, otherType int
}

func (w *wrong) add(o wrong) {
	w.samples += o.samples
	w.accepted += o.accepted
	w.removed += o.removed
	w.withoutIt += o.withoutIt
	w.changed += o.changed
	w.otherType += o.otherType
}

func percent(part, all int) float64 { return 100 * float64(part) / float64(max(all, 1)) }

func (w wrong) String() string {
	return fmt.Sprintf("%d of %d accepted (%.1f %%); refused: %.1f %% of %d without a required member, %.1f %% of %d with another type",
		w.accepted, w.samples, percent(w.accepted, w.samples), percent(w.withoutIt, w.removed), w.removed, percent(w.otherType, w.changed), w.changed)
}

// atLeast fails the test if less is accepted, or refused, than so many percent.
func (w wrong) atLeast(t *testing.T, accepted, removed, changed float64) {
	t.Helper()
	if percent(w.accepted, w.samples) < accepted || percent(w.withoutIt, w.removed) < removed || percent(w.otherType, w.changed) < changed {
		t.Errorf("got %s; want at least %.1f %%, %.1f %%, %.1f %%", w, accepted, removed, changed)
	}
}

// mutant is a payload with one thing wrong.
type mutant struct {
	removed bool
	payload any
}

// mutants returns all that can be made of a payload by taking a member away, or by
// giving it another type.
func mutants(v any, with func(any) any) (list []mutant) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			put := func(other any) any {
				changed := maps.Clone(v)
				changed[name] = other
				return with(changed)
			}
			without := maps.Clone(v)
			delete(without, name)
			list = append(list, mutant{true, with(without)}, mutant{false, put(otherType(v[name]))})
			list = append(list, mutants(v[name], put)...)
		}
	case []any:
		if len(v) > 0 {
			list = mutants(v[0], func(other any) any {
				changed := slices.Clone(v)
				changed[0] = other
				return with(changed)
			})
		}
	}
	return list
}

func otherType(v any) any {
	switch v.(type) {
	case string:
		return json.Number("7")
	case nil, map[string]any:
		return []any{json.Number("1")}
	case []any:
		return map[string]any{}
	}
	return "x"
}

// measure infers from some samples, and looks what becomes of others, and of up to
// 40 mutants of each that truth refuses.
func measure(t *testing.T, r *rand.Rand, samples, others []any, truth func(any) error) (w wrong) {
	t.Helper()
	s := infer.New(infer.Options{})
	for _, sample := range samples {
		s.Add(sample, time.Time{})
	}
	set := load(t, map[string][]byte{"x.json": s.Schema()})
	for _, other := range others {
		w.samples++
		if _, err := set.Validate("x", other); err != nil {
			continue
		}
		w.accepted++
		if truth(other) != nil {
			continue // such as the oldest of GitHub's examples
		}
		list := mutants(other, func(v any) any { return v })
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, m := range list[:min(len(list), 40)] {
			if truth(m.payload) == nil {
				continue
			}
			all, refused := &w.changed, &w.otherType
			if m.removed {
				all, refused = &w.removed, &w.withoutIt
			}
			*all++
			if _, err := set.Validate("x", m.payload); err != nil {
				*refused++
			}
		}
	}
	return w
}

// TestGitHubMutants takes halves of GitHub's examples, and mutants that GitHub's own
// schema refuses.
func TestGitHubMutants(t *testing.T) {
	t.Parallel()
	dir, corpus := openCorpus(t)
	text, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Skipf("no schema.json in %s: put that of the npm package @octokit/webhooks-schemas there, beside examples.json", dir)
	}
	var doc struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	cfg := schemas.Config{FS: fstest.MapFS{"schema.json": {Data: text}}}
	for _, e := range corpus {
		name := e.Name + "_event"
		if doc.Definitions[name] == nil {
			name = e.Name + "$event"
		}
		cfg.Rules = append(cfg.Rules, schemas.Rule{Type: e.Name, Schema: "schema.json#/definitions/" + name})
	}
	truth, err := schemas.Load(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all, typed, required wrong
	for _, seed := range seeds[:2] {
		for _, e := range corpus {
			if len(e.Examples) < 2 {
				continue
			}
			r := rand.New(rand.NewPCG(seed, 7))
			examples := e.payloads(t)
			r.Shuffle(len(examples), func(i, j int) { examples[i], examples[j] = examples[j], examples[i] })
			half := (len(examples) + 1) / 2
			w := measure(t, r, examples[:half], examples[half:], func(v any) error {
				_, err := truth.Validate(e.Name, v)
				return err
			})
			all.add(w)
			if half >= infer.DefaultMinTyped {
				typed.add(w)
			}
			if half >= infer.DefaultMinRequired {
				required.add(w)
			}
		}
	}
	t.Logf("all events: %s", all)
	t.Logf("those with enough samples for types: %s", typed)
	t.Logf("those with enough for required members: %s", required)
	all.atLeast(t, 99, 0, 0)
	typed.atLeast(t, 0, 0, 75)
	required.atLeast(t, 95, 75, 85)
}

// TestGeneratedMutants takes the events of three imaginary senders, and mutants that
// a schema of a thousand other events refuses.
func TestGeneratedMutants(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name string
		make func(events, string) map[string]any
	}{
		{"invoice.paid", events.stripe}, {"opened", events.github}, {"orders/create", events.shopify},
	}
	generate := func(seed uint64, n, kind int) []any {
		g := events{rand.New(rand.NewPCG(seed, 99))}
		samples := make([]any, n)
		for i := range samples {
			samples[i] = kinds[kind].make(g, kinds[kind].name)
		}
		return samples
	}
	truths := make([]*schemas.Set, len(kinds))
	for kind := range kinds {
		s := infer.New(infer.Options{NoEnums: true})
		for _, sample := range generate(1<<20, 1000, kind) {
			s.Add(sample, time.Time{})
		}
		truths[kind] = load(t, map[string][]byte{"x.json": s.Schema()})
	}
	for _, want := range []struct {
		samples                    int
		accepted, removed, changed float64
	}{
		{3, 99, 0, 0},
		{10, 99, 60, 60},
		{50, 99, 90, 90},
		{1000, 99, 99, 99},
	} {
		var sum wrong
		for kind := range kinds {
			for _, seed := range seeds[:2] {
				r := rand.New(rand.NewPCG(seed, 7))
				sum.add(measure(t, r, generate(seed, want.samples, kind), generate(seed+1000, 40, kind), func(v any) error {
					_, err := truths[kind].Validate("x", v)
					return err
				}))
			}
		}
		t.Logf("%d samples: %s", want.samples, sum)
		sum.atLeast(t, want.accepted, want.removed, want.changed)
	}
}
