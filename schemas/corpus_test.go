package schemas

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// corpus is GitHub's published examples with GitHub's own schema, chosen by event:
// the npm packages @octokit/webhooks-examples and -schemas 7.6.1.
type corpus struct {
	files    fstest.MapFS
	rules    []Rule
	examples []corpusExample
}

type corpusExample struct {
	event   string
	data    []byte
	payload any
}

func corpusDir() string {
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpora", "github")
	}
	if _, err := os.Stat(filepath.Join(dir, "schema.json")); err != nil {
		return ""
	}
	return dir
}

func openCorpus(t testing.TB) *corpus {
	t.Helper()
	dir := corpusDir()
	if dir == "" {
		t.Skip("there is no corpus: set GITHUB_CORPUS_DIR to a directory with examples.json and schema.json")
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
	schema, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := decode(schema)
	if err != nil {
		t.Fatal(err)
	}
	c := &corpus{files: fstest.MapFS{"schema.json": {Data: schema}}}
	for _, e := range events {
		pointer := "/definitions/" + e.Name + "_event"
		if _, ok := jsonptr.Lookup(doc, pointer); !ok {
			pointer = "/definitions/" + e.Name + "$event"
		}
		c.rules = append(c.rules, Rule{e.Name, "schema.json#" + pointer}, Rule{e.Name + ".*", "schema.json#" + pointer})
		for _, example := range e.Examples {
			payload, err := decode(example)
			if err != nil {
				t.Fatal(err)
			}
			c.examples = append(c.examples, corpusExample{e.Name, example, payload})
		}
	}
	return c
}

// TestGitHubCorpus compares our verdicts with those of an independent validator
// (Ajv 8 with formats), which finds 276 of 329 valid, and with the library's.
func TestGitHubCorpus(t *testing.T) {
	c := openCorpus(t)
	start := time.Now()
	s, err := Load(Config{FS: c.files, Rules: c.rules})
	if err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(start)
	plain := plainSet(t, Config{FS: c.files}, c.rules)
	var ours, library time.Duration
	valid, invalid, steps, perKiB := 0, 0, 0, 0
	r := rand.New(rand.NewPCG(3, 4))
	for i, e := range c.examples {
		start := time.Now()
		_, err := s.Validate(e.event, e.payload)
		ours += time.Since(start)
		start = time.Now()
		want := plain[s.choice.choose(e.event).address].Validate(e.payload)
		library += time.Since(start)
		if (err == nil) != (want == nil) {
			t.Errorf("%s %d: got %v, the library %v", e.event, i, err, want)
		}
		compareMutants(t, r, s, plain, e.event, e.payload)
		if err == nil {
			valid++
		} else {
			invalid++
		}
		taken := s.steps(e.event, e.payload)
		steps, perKiB = max(steps, taken), max(perKiB, taken<<10/len(e.data))
	}
	if valid != 276 || invalid != 53 {
		t.Errorf("got %d valid and %d invalid, want 276 and 53", valid, invalid)
	}
	if steps > DefaultMaxSteps/1000 {
		t.Errorf("got %d steps, want less than a thousandth of what is allowed", steps)
	}
	t.Logf("%d valid, %d invalid; loading %v, validating all %v, by the library %v; %d steps at most, %d for a KiB",
		valid, invalid, loaded.Round(time.Millisecond), ours.Round(10*time.Microsecond), library.Round(time.Millisecond), steps, perKiB)
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
