package bundled_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/schemas"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/bundled"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestGitHubCorpus: GitHub's published examples are all accepted, the oldest
// too, each by the schema of its event. They are the npm package
// @octokit/webhooks-examples 7.6.1.
func TestGitHubCorpus(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("GITHUB_CORPUS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora", "github")
	}
	data, err := os.ReadFile(filepath.Join(dir, "examples.json"))
	if err != nil {
		t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json", dir)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatal(err)
	}
	c := newCorpus(t, "github")
	for _, e := range events {
		for _, example := range e.Examples {
			c.accepts(e.Name, example, http.Header{"X-Github-Event": {e.Name}}, true)
		}
	}
	c.done(329)
}

// modules are Go modules with payloads that others collected.
var modules = []struct{ variable, module, dir string }{
	{"PLAYGROUND_WEBHOOKS_DIR", "github.com/go-playground/webhooks/v6@v6.4.0", "testdata"},
	{"GITLAB_CLIENT_DIR", "gitlab.com/gitlab-org/api/client-go@v1.46.0", "testdata/webhooks"},
}

// module returns the directory with a module's payloads.
func module(t *testing.T, variable string) string {
	t.Helper()
	for _, m := range modules {
		if m.variable != variable {
			continue
		}
		dir := os.Getenv(variable)
		if dir == "" {
			t.Skipf("set %s to the Dir that go mod download -json %s prints", variable, m.module)
		}
		return filepath.Join(dir, filepath.FromSlash(m.dir))
	}
	panic(variable)
}

// unusual are payloads that no sender sends, and why.
var unusual = map[string]string{
	"workflow_job.json":        "it is a frame with words in place of values, and no job",
	"workflow_run.json":        "its commit has words in place of hashes",
	"group_merge_request.json": "its members have a space at the end of their names",
}

func TestGitLabClientSamples(t *testing.T) {
	t.Parallel()
	c := newCorpus(t, "gitlab")
	c.files(module(t, "GITLAB_CLIENT_DIR"), func(string) http.Header { return nil })
	c.done(31)
}

func TestPlaygroundSamples(t *testing.T) {
	t.Parallel()
	dir := module(t, "PLAYGROUND_WEBHOOKS_DIR")
	for _, tc := range []struct {
		provider, dir string
		header        func(name string) http.Header
		count         int
	}{
		{"github", "github", playgroundGitHub, 46},
		{"gitlab", "gitlab", func(string) http.Header { return nil }, 39},
		{"bitbucket-cloud", "bitbucket", playgroundBitbucket, 18},
	} {
		t.Run(tc.provider, func(t *testing.T) {
			t.Parallel()
			if _, ok := bundled.FS(tc.provider); !ok {
				t.Fatalf("no schemas of %s", tc.provider)
			}
			c := newCorpus(t, tc.provider)
			c.files(filepath.Join(dir, tc.dir), tc.header)
			c.done(tc.count)
		})
	}
}

// playgroundGitHub makes an event of the name of a file.
func playgroundGitHub(name string) http.Header {
	event := strings.ReplaceAll(name, "-", "_")
	event = strings.TrimPrefix(event, "integration_") // an old name of apps
	switch event {
	case "pull_request_issue_comment":
		event = "issue_comment"
	case "repository_edited":
		event = "repository"
	}
	return http.Header{"X-Github-Event": {event}}
}

// playgroundBitbucket makes an event key of the name of a file.
func playgroundBitbucket(name string) http.Header {
	name = strings.Replace(name, "pull-request", "pullrequest", 1)
	subject, action, _ := strings.Cut(name, "-")
	if subject == "commit" {
		subject, action = "repo", "commit_"+action
	}
	switch action {
	case "approval-removed":
		action = "unapproved"
	case "merged":
		action = "fulfilled"
	case "declined":
		action = "rejected"
	}
	return http.Header{"X-Event-Key": {subject + ":" + strings.ReplaceAll(action, "-", "_")}}
}

// corpus checks payloads of one provider.
type corpus struct {
	t        *testing.T
	provider verifiers.Provider
	set      *schemas.Set
	n        int
	own      map[string]int // by schema
	mutants  int
}

func newCorpus(t *testing.T, provider string) *corpus {
	t.Helper()
	p, ok := providers.Lookup(provider)
	if !ok {
		t.Fatalf("the catalogue lacks %s", provider)
	}
	return &corpus{t: t, provider: p, set: load(t, provider), own: map[string]int{}}
}

// files checks all files of a directory, with the headers that belong to a name.
func (c *corpus) files(dir string, header func(name string) http.Header) {
	c.t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		name := filepath.Base(file)
		c.accepts(name, data, header(strings.TrimSuffix(name, ".json")), unusual[name] == "")
	}
}

// accepts checks one payload, and that it is refused once something that its
// schema requires is missing or of another type.
func (c *corpus) accepts(name string, body []byte, header http.Header, usual bool) {
	c.t.Helper()
	eventType, err := c.provider.Type.Lookup(&verifiers.Request{Header: header, Body: body})
	if err != nil {
		c.t.Errorf("%s has no type: %v", name, err)
		return
	}
	payload := decodeJSON(c.t, body)
	schema, err := c.set.Validate(eventType, payload)
	if !usual {
		if err == nil {
			c.t.Errorf("%s is accepted, although %s", name, unusual[name])
		}
		return
	}
	if err != nil {
		c.t.Errorf("%s, type %s: %v", name, eventType, err)
		return
	}
	c.n++
	c.own[schema]++
	c.mutants += refusesMutants(c.t, c.set, c.provider.Name, eventType, schema, payload)
}

// done says what was checked, and fails if it was less than there has to be.
func (c *corpus) done(want int) {
	c.t.Helper()
	if c.n != want {
		c.t.Errorf("%d payloads were accepted, want %d", c.n, want)
	}
	envelope := c.own["bundled/"+c.provider.Name+"/envelope.json"]
	c.t.Logf("%d accepted, %d of them by the envelope, the others by %d schemas; %d spoilt ones refused", c.n, envelope, len(c.own)-min(envelope, 1), c.mutants)
}
