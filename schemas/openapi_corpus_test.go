package schemas

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// corpusFile returns a file of the corpus, or skips the test.
func corpusFile(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(cmp.Or(os.Getenv("GITHUB_CORPUS_DIR"), "testdata"), name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("no %s: set GITHUB_CORPUS_DIR to a directory with openapi-webhooks.json (npm @octokit/openapi-webhooks 12.1.0, generated/api.github.com.json) and examples.json (npm @octokit/webhooks-examples 7.6.1)", file)
	}
	return file
}

// openAPIDir returns a directory with GitHub's OpenAPI document, which has 261
// webhooks, and a rule for each.
func openAPIDir(t testing.TB) (dir string, rules []Rule) {
	t.Helper()
	data, err := os.ReadFile(corpusFile(t, "openapi-webhooks.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Webhooks map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for name, hook := range doc.Webhooks {
		if _, ok := hook.Post.RequestBody.Content["application/json"]; ok {
			rules = append(rules, Rule{name, "openapi.json#/webhooks/" + name + "/post/requestBody/content/application~1json/schema"})
		}
	}
	return dir, rules
}

// TestOpenAPICorpus validates GitHub's examples against its OpenAPI document: an
// independent validator (Ajv 8 with formats) finds 207 of the 327 that have a
// counterpart valid.
func TestOpenAPICorpus(t *testing.T) {
	dir, rules := openAPIDir(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	s, err := Load(Config{Dir: dir, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	loaded := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d schemas; loading %v, %d MiB allocated, %d MiB kept", len(rules), loaded.Round(time.Millisecond),
		(after.TotalAlloc-before.TotalAlloc)>>20, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20)
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	data, err := os.ReadFile(corpusFile(t, "examples.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	valid, invalid, without := 0, 0, 0
	start = time.Now()
	for _, e := range events {
		for _, example := range e.Examples {
			payload, err := decode(example)
			if err != nil {
				t.Fatal(err)
			}
			name := e.Name
			if action, ok := payload.(map[string]any)["action"].(string); ok {
				name += "-" + action
			}
			schema, err := s.Validate(strings.ReplaceAll(name, "_", "-"), payload)
			switch {
			case schema == "":
				without++
				t.Log(name)
			case err == nil:
				valid++
			default:
				invalid++
			}
		}
	}
	if valid != 207 || valid+invalid != 327 {
		t.Errorf("got %d valid and %d invalid, want 207 and 120", valid, invalid)
	}
	t.Logf("%d valid, %d invalid, %d without a schema; validating %v", valid, invalid, without, time.Since(start).Round(time.Millisecond))
}
