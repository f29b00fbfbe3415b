package schemas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
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
