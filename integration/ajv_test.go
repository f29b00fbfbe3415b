package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
)

// ajvDir is where Ajv is installed, for which the tests need no network.
var ajvDir = filepath.Join("clients", "ajv")

// TestAjv compares verdicts with those of Ajv, a validator by other people in
// another language: of GitHub's own schemas, in two drafts, on GitHub's published
// payloads and on those with one thing changed, and of the bundled schemas on their
// samples.
func TestAjv(t *testing.T) {
	if os.Getenv("AJV") == "" {
		t.Skip("set AJV=1 after npm ci in integration/clients/ajv, which needs node")
	}
	t.Run("github", func(t *testing.T) { compareGitHub(t, "schema.json", "7", byDefinition) })
	t.Run("github openapi", func(t *testing.T) { compareGitHub(t, "openapi-webhooks.json", "2020-12", byWebhook) })
	t.Run("bundled", compareBundled)
}

// ajvJob is what check.js reads.
type ajvJob struct {
	Draft     string                     `json:"draft"`
	Documents map[string]json.RawMessage `json:"documents"`
	Cases     []ajvCase                  `json:"cases"`
}

type ajvCase struct {
	Schema  string `json:"schema"`
	Payload any    `json:"payload"`

	name, kind string
}

func (job *ajvJob) run(t *testing.T) []bool {
	t.Helper()
	in, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "check.js")
	cmd.Dir = ajvDir
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node check.js: %v\n%s", err, stderr.String())
	}
	var verdicts []bool
	if err := json.Unmarshal(out, &verdicts); err != nil {
		t.Fatal(err)
	}
	if len(verdicts) != len(job.Cases) {
		t.Fatalf("%d verdicts for %d payloads", len(verdicts), len(job.Cases))
	}
	return verdicts
}

// compare fails where the set and Ajv differ.
func (job *ajvJob) compare(t *testing.T, set *schemas.Set) {
	t.Helper()
	valid, differ := 0, 0
	for i, verdict := range job.run(t) {
		c := job.Cases[i]
		schema, err := set.Validate(c.kind, c.Payload)
		if schema == "" {
			t.Fatalf("%s: no schema for %q", c.name, c.kind)
		}
		if verdict {
			valid++
		}
		if (err == nil) != verdict {
			if differ++; differ <= 10 {
				t.Errorf("%s under %s: Ajv says %v, we say %v", c.name, schema, verdict, err)
			}
		}
	}
	t.Logf("%d payloads: %d valid, %d invalid, %d on which the two differ", len(job.Cases), valid, len(job.Cases)-valid, differ)
}

const ajvURL = "https://example.com/"

func compareGitHub(t *testing.T, file, draft string, find func(doc map[string]any, event, action string) string) {
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpora", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json of the npm package @octokit/webhooks-examples, schema.json of @octokit/webhooks-schemas and openapi-webhooks.json of @octokit/openapi-webhooks (generated/api.github.com.json)", dir)
	}
	only := t.TempDir()
	if err := os.WriteFile(filepath.Join(only, file), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	readJSON(t, filepath.Join(dir, "examples.json"), &events)

	job := &ajvJob{Draft: draft, Documents: map[string]json.RawMessage{ajvURL + file: data}}
	rules := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	without := 0
	for _, e := range events {
		for i, example := range e.Examples {
			payload := decodeNumbers(t, example)
			action, _ := payload["action"].(string)
			pointer := find(doc, e.Name, action)
			if pointer == "" {
				without++
				continue
			}
			kind := e.Name + "." + action
			rules[kind] = file + "#" + pointer
			name := fmt.Sprintf("example %d of %s", i, kind)
			c := ajvCase{Schema: ajvURL + file + "#" + pointer, Payload: payload, name: name, kind: kind}
			job.Cases = append(job.Cases, c)
			for n := range 9 {
				changed := decodeNumbers(t, example)
				c.name = fmt.Sprintf("%s, change %d: %s", name, n, mutate(random, changed))
				c.Payload = changed
				job.Cases = append(job.Cases, c)
			}
		}
	}
	cfg := schemas.Config{Dir: only}
	for _, kind := range slices.Sorted(maps.Keys(rules)) {
		cfg.Rules = append(cfg.Rules, schemas.Rule{Type: kind, Schema: rules[kind]})
	}
	set, err := schemas.Load(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if without > 0 {
		t.Logf("%d payloads have no schema there", without)
	}
	job.compare(t, set)
}

// byDefinition finds a definition as @octokit/webhooks-schemas names it.
func byDefinition(doc map[string]any, event, _ string) string {
	definitions := doc["definitions"].(map[string]any)
	for _, name := range []string{event + "_event", event + "$event"} {
		if definitions[name] != nil {
			return "/definitions/" + name
		}
	}
	return ""
}

// byWebhook finds the schema of a webhook's body in GitHub's OpenAPI.
func byWebhook(doc map[string]any, event, action string) string {
	name := event
	if action != "" {
		name += "." + action
	}
	name = strings.NewReplacer("_", "-", ".", "-").Replace(name)
	webhook, _ := doc["webhooks"].(map[string]any)[name].(map[string]any)
	var node any = webhook
	for _, step := range []string{"post", "requestBody", "content", "application/json", "schema", "$ref"} {
		object, _ := node.(map[string]any)
		node = object[step]
	}
	ref, _ := node.(string)
	return strings.TrimPrefix(ref, "#")
}

// mutate changes one thing in a payload and says what.
func mutate(random *rand.Rand, payload map[string]any) string {
	object, at := payload, ""
	for {
		name := slices.Sorted(maps.Keys(object))[random.IntN(len(object))]
		at += "/" + name
		inner, ok := object[name].(map[string]any)
		if ok && len(inner) > 0 && random.IntN(4) > 0 {
			object = inner
			continue
		}
		switch random.IntN(9) {
		case 0, 1, 2:
			delete(object, name)
			return at + " removed"
		default:
			values := []any{nil, true, "neither a date nor a URL", json.Number("7"), json.Number("1.5"), []any{}, map[string]any{}}
			object[name] = values[random.IntN(len(values))]
			return fmt.Sprintf("%s is %v", at, object[name])
		}
	}
}

func decodeNumbers(t *testing.T, data []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var payload map[string]any
	if err := dec.Decode(&payload); err != nil {
		t.Fatal(err)
	}
	return payload
}

// compareBundled takes the samples of each provider, and each with some things
// changed.
func compareBundled(t *testing.T) {
	samples := filepath.Join("..", "schemas", "bundled", "testdata")
	for _, provider := range bundled.Providers() {
		if bundled.Directory(provider) != provider {
			continue // its schemas are those of another, with that one's samples
		}
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			own, ok := bundled.FS(provider)
			if !ok {
				t.Fatal("it has no schemas")
			}
			set, err := schemas.Load(schemas.Config{FS: own})
			if err != nil {
				t.Fatal(err)
			}
			job := &ajvJob{Draft: "2020-12", Documents: map[string]json.RawMessage{}}
			files, err := fs.Glob(own, "*.json")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				if job.Documents[ajvURL+url.PathEscape(file)], err = fs.ReadFile(own, file); err != nil {
					t.Fatal(err)
				}
			}
			names, err := filepath.Glob(filepath.Join(samples, provider, "*.json"))
			if err != nil || len(names) == 0 {
				t.Fatalf("no samples: %v", err)
			}
			random := rand.New(rand.NewPCG(3, 4))
			for _, name := range names {
				kind, payload := readSample(t, name)
				info, ok := set.Choose(kind)
				if !ok {
					continue
				}
				c := ajvCase{Schema: ajvURL + url.PathEscape(info.Schema), Payload: payload(), name: path.Base(name), kind: kind}
				job.Cases = append(job.Cases, c)
				for n := range 20 {
					changed, ok := payload().(map[string]any)
					if !ok || len(changed) == 0 {
						break
					}
					c.name = fmt.Sprintf("%s, change %d: %s", path.Base(name), n, mutate(random, changed))
					c.Payload = changed
					job.Cases = append(job.Cases, c)
				}
			}
			job.compare(t, set)
		})
	}
}

// readSample returns a sample's type and what makes its payload, anew each time.
func readSample(t *testing.T, name string) (kind string, payload func() any) {
	t.Helper()
	var sample struct {
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
		Form    string          `json:"form"`
	}
	readJSON(t, name, &sample)
	if sample.Payload != nil {
		return sample.Type, func() any {
			dec := json.NewDecoder(bytes.NewReader(sample.Payload))
			dec.UseNumber()
			var v any
			if err := dec.Decode(&v); err != nil {
				t.Fatal(errors.Join(errors.New(name), err))
			}
			return v
		}
	}
	return sample.Type, func() any {
		fields, err := url.ParseQuery(sample.Form)
		if err != nil {
			t.Fatal(err)
		}
		object := make(map[string]any, len(fields))
		for field, values := range fields {
			if len(values) == 1 {
				object[field] = values[0]
				continue
			}
			list := make([]any, len(values))
			for i, v := range values {
				list[i] = v
			}
			object[field] = list
		}
		return object
	}
}
