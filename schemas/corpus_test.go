package schemas

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// TestGitHubCorpus validates GitHub's published examples against GitHub's own
// schema, chosen by event: an independent validator (Ajv 8 with formats) finds
// 276 of 329 valid. The corpus is the npm packages @octokit/webhooks-examples
// and -schemas 7.6.1.
func TestGitHubCorpus(t *testing.T) {
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpora", "github")
	}
	if _, err := os.Stat(filepath.Join(dir, "schema.json")); err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json and schema.json", dir)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "examples.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	only := t.TempDir()
	schema, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(only, "schema.json"), schema, 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := decode(schema)
	if err != nil {
		t.Fatal(err)
	}
	var rules []Rule
	for _, e := range events {
		pointer := "/definitions/" + e.Name + "_event"
		if _, ok := lookup(doc, pointer); !ok {
			pointer = "/definitions/" + e.Name + "$event"
		}
		rules = append(rules, Rule{e.Name, "schema.json#" + pointer}, Rule{e.Name + ".*", "schema.json#" + pointer})
	}
	start := time.Now()
	s, err := Load(Config{Dir: only, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(start)
	plain := plainSet(t, only, rules)
	var planned, library time.Duration
	valid, invalid := 0, 0
	r := rand.New(rand.NewPCG(3, 4))
	for _, e := range events {
		for i, example := range e.Examples {
			payload, err := decode(example)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = s.Validate(e.Name, payload)
			planned += time.Since(start)
			start = time.Now()
			want := plain[s.choice.choose(e.Name).address].Validate(payload)
			library += time.Since(start)
			if (err == nil) != (want == nil) {
				t.Errorf("%s %d: got %v, the library %v", e.Name, i, err, want)
			}
			compareMutants(t, r, s, plain, e.Name, payload)
			if err == nil {
				valid++
			} else {
				invalid++
			}
		}
	}
	if valid != 276 || invalid != 53 {
		t.Errorf("got %d valid and %d invalid, want 276 and 53", valid, invalid)
	}
	t.Logf("%d valid, %d invalid; loading %v, validating all %v, without choosing branches %v",
		valid, invalid, loaded.Round(time.Millisecond), planned.Round(time.Millisecond), library.Round(time.Millisecond))
}

// compareMutants changes the payload a little, again and again, and compares our
// verdict with the library's.
func compareMutants(t *testing.T, r *rand.Rand, s *Set, plain map[string]*jsonschema.Schema, name string, payload any) {
	t.Helper()
	c := s.choice.choose(name)
	for range 3 {
		payload = mutate(r, payload)
		_, err := s.Validate(name, payload)
		if want := plain[c.address].Validate(payload); (err == nil) != (want == nil) {
			t.Errorf("%s, changed: got %v, the library %v", name, err, want)
		}
	}
}

// mutate returns a copy of a value in which one place, near the top rather than
// far down, is something else.
func mutate(r *rand.Rand, v any) any {
	others := []any{nil, true, "closed", "", json.Number("1"), json.Number("1.5"), []any{}, map[string]any{}}
	object, ok := v.(map[string]any)
	if !ok || len(object) == 0 || r.IntN(8) == 0 {
		return others[r.IntN(len(others))]
	}
	object = maps.Clone(object)
	names := slices.Sorted(maps.Keys(object))
	name := names[r.IntN(len(names))]
	switch r.IntN(6) {
	case 0:
		delete(object, name)
	case 1:
		object["action"] = []any{"opened", "closed", "created", "deleted", "edited", nil, json.Number("1")}[r.IntN(7)]
	case 2:
		object["unknown"] = "x"
	default:
		object[name] = mutate(r, object[name])
	}
	return object
}
