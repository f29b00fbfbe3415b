package infer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/infer"
)

// seeds are those of the halves.
var seeds = []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}

// event is one of the events of GitHub's published examples.
type event struct {
	Name     string            `json:"name"`
	Examples []json.RawMessage `json:"examples"`
}

func (e *event) payloads(t *testing.T) []any {
	t.Helper()
	list := make([]any, len(e.Examples))
	for i, text := range e.Examples {
		list[i] = decode(t, text)
	}
	return list
}

// openCorpus returns where GitHub's examples are, and what they are; it skips the
// test where there are none.
func openCorpus(t *testing.T) (dir string, corpus []event) {
	t.Helper()
	dir = os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, "examples.json"))
	if err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json, which is api.github.com/index.json of the npm package @octokit/webhooks-examples 7.6.1", dir)
	}
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	return dir, corpus
}

// TestGitHubCorpus infers a schema for each event from half of GitHub's published
// examples and validates the other half, for several random halves.
func TestGitHubCorpus(t *testing.T) {
	t.Parallel()
	_, corpus := openCorpus(t)
	var sum, cautious, demanding tally
	for _, seed := range seeds[:4] {
		for _, e := range corpus {
			if len(e.Examples) >= 2 {
				sum.add(roundTrip(t, seed, e.Name, e.payloads(t), infer.Options{}))
			}
			if len(e.Examples) >= 8 {
				cautious.add(roundTrip(t, seed, e.Name, e.payloads(t), infer.Options{MinRequired: 20}))
				demanding.add(roundTrip(t, seed, e.Name, e.payloads(t), infer.Options{MinRequired: 12}))
			}
		}
	}
	t.Logf("all: %s", sum)
	t.Logf("events with 8 examples or more, with members required that 20 of them have: %s", cautious)
	t.Logf("with members required that 12 of them have: %s", demanding)
	sum.check(t)
	cautious.check(t)
	demanding.refused(t)
	if sum.required == 0 {
		t.Error("no member is required")
	}
}

func TestGenerated(t *testing.T) {
	t.Parallel()
	var total tally
	bySize := map[int]*tally{12: {}, 50: {}, 400: {}}
	for _, of := range []struct {
		name string
		make func(events, string) map[string]any
	}{
		{"invoice.paid", events.stripe}, {"invoice.updated", events.stripe}, {"opened", events.github}, {"labeled", events.github}, {"orders/create", events.shopify},
	} {
		t.Run(of.name, func(t *testing.T) {
			var sum tally
			for _, n := range []int{12, 50, 400} {
				for _, seed := range seeds {
					g := events{rand.New(rand.NewPCG(seed, uint64(n)))}
					samples := make([]any, n)
					for i := range samples {
						samples[i] = of.make(g, of.name)
					}
					one := roundTrip(t, seed, of.name, samples, infer.Options{Const: seed%2 == 0})
					sum.add(one)
					bySize[n].add(one)
				}
			}
			sum.check(t)
			total.add(sum)
			if sum.required == 0 || sum.scalars == 0 || sum.containers == 0 {
				t.Errorf("got no mutants of a kind: %s", sum)
			}
		})
	}
	for _, n := range slices.Sorted(maps.Keys(bySize)) {
		t.Logf("%d samples, half of them to infer from: %s", n, bySize[n])
		bySize[n].check(t)
	}
	t.Logf("all: %s", total)
}

// tally counts what was accepted of the other halves, and what was refused of the
// mutants.
type tally struct {
	samples, accepted          int
	required, requiredRefused  int
	scalars, scalarsRefused    int
	containers, containersGone int
	first                      []string
}

func (a *tally) add(b tally) {
	a.samples += b.samples
	a.accepted += b.accepted
	a.required += b.required
	a.requiredRefused += b.requiredRefused
	a.scalars += b.scalars
	a.scalarsRefused += b.scalarsRefused
	a.containers += b.containers
	a.containersGone += b.containersGone
	a.first = append(a.first, b.first...)
}

func (a tally) String() string {
	return fmt.Sprintf("%d of %d accepted (%.2f %%); refused: %d of %d without a required member, %d of %d with a scalar of another type, %d of %d with an array for an object or the reverse",
		a.accepted, a.samples, 100*float64(a.accepted)/float64(max(a.samples, 1)), a.requiredRefused, a.required, a.scalarsRefused, a.scalars, a.containersGone, a.containers)
}

func (a tally) check(t *testing.T) {
	t.Helper()
	if 100*a.accepted < 99*a.samples {
		t.Errorf("got %d of %d accepted, want 99 %%", a.accepted, a.samples)
		for _, why := range a.first[:min(len(a.first), 40)] {
			t.Log(why)
		}
	}
	a.refused(t)
}

func (a tally) refused(t *testing.T) {
	t.Helper()
	if a.requiredRefused != a.required || a.scalarsRefused != a.scalars || a.containersGone != a.containers {
		t.Errorf("got mutants that are accepted: %s", a)
	}
}

// roundTrip infers from one half and validates the other, and mutants of what it
// accepts of it.
func roundTrip(t *testing.T, seed uint64, name string, all []any, o infer.Options) tally {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	all = slices.Clone(all)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	half := (len(all) + 1) / 2
	s := infer.New(o)
	for _, sample := range all[:half] {
		s.Add(sample, time.Time{})
	}
	text := s.Schema()
	set := load(t, map[string][]byte{"x.json": text})
	schema := decode(t, text)
	for i, sample := range all[:half] {
		if _, err := set.Validate("x", sample); err != nil {
			t.Fatalf("%s: sample %d, which it was inferred from: %v\n%s", name, i, err, text)
		}
	}
	var sum tally
	for i, sample := range all[half:] {
		sum.samples++
		if _, err := set.Validate("x", sample); err != nil {
			sum.first = append(sum.first, fmt.Sprintf("%s, %d of %d, seed %d: %v", name, half, len(all), seed, err))
			continue
		}
		sum.accepted++
		if i == 0 {
			m := mutator{Rand: r, set: set, sum: &sum}
			m.walk(sample, schema, func(v any) any { return v })
		}
	}
	return sum
}

type change struct {
	kind  string
	value any
}

// changes are what a scalar becomes. No schema here has a boolean for a number.
var changes = []change{{"boolean", true}, {"number", json.Number("1.5")}, {"string", "x"}, {"array", []any{}}, {"object", map[string]any{}}}

// mutator changes one place at a time where the schema says something about it.
type mutator struct {
	*rand.Rand
	set *schemas.Set
	sum *tally
}

// walk mutates what is in a value; with puts a value in its place, in a copy of all.
func (m *mutator) walk(v, schema any, with func(any) any) {
	object, _ := schema.(map[string]any)
	types := typesOf(object)
	switch v := v.(type) {
	case map[string]any:
		if len(types) > 0 && !slices.Contains(types, "array") {
			m.count(&m.sum.containers, &m.sum.containersGone, with([]any{}))
		}
		properties, _ := object["properties"].(map[string]any)
		required, _ := object["required"].([]any)
		for name, value := range v {
			if slices.Contains(required, any(name)) && len(types) == 1 {
				without := maps.Clone(v)
				delete(without, name)
				m.count(&m.sum.required, &m.sum.requiredRefused, with(without))
			}
			below := properties[name]
			if below == nil {
				below = object["additionalProperties"]
			}
			if below != nil {
				m.walk(value, below, func(other any) any {
					changed := maps.Clone(v)
					changed[name] = other
					return with(changed)
				})
			}
		}
	case []any:
		if len(types) > 0 && !slices.Contains(types, "object") {
			m.count(&m.sum.containers, &m.sum.containersGone, with(map[string]any{}))
		}
		if len(v) > 0 && object["items"] != nil {
			m.walk(v[0], object["items"], func(other any) any {
				changed := slices.Clone(v)
				changed[0] = other
				return with(changed)
			})
		}
	default:
		if others := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return slices.Contains(types, c.kind) }); len(types) > 0 && len(others) > 0 {
			m.count(&m.sum.scalars, &m.sum.scalarsRefused, with(others[m.IntN(len(others))].value))
		}
	}
}

func typesOf(schema map[string]any) []string {
	switch of := schema["type"].(type) {
	case string:
		return []string{of}
	case []any:
		var list []string
		for _, name := range of {
			list = append(list, name.(string))
		}
		return list
	}
	return nil
}

func (m *mutator) count(all, refused *int, mutant any) {
	*all++
	if _, err := m.set.Validate("x", mutant); err != nil {
		if _, ok := errors.AsType[*schemas.Invalid](err); ok {
			*refused++
		}
	}
}

func load(t *testing.T, files map[string][]byte) *schemas.Set {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := schemas.Load(schemas.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
