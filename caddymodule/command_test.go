package caddymodule

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// webhooks runs `caddy webhooks` with these arguments.
func webhooks(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	command, ok := caddycmd.Commands()["webhooks"]
	if !ok {
		t.Fatal("the command is not registered")
	}
	cmd := &cobra.Command{Use: command.Name, Long: command.Long, SilenceErrors: true}
	command.CobraFunc(cmd)
	var out bytes.Buffer
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestCommandSend(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, r.Header.Get("X-GitHub-Event")+" "+r.Header.Get("X-A")+" "+string(body))
	}))
	defer s.Close()
	args := []string{"send", "github", s.URL, "--secret-file", file, "--body", "-", "--type", "ping", "--header", "X-A: 1,2", "--id", "one"}
	out, err := webhooks(t, "{}", args...)
	if err != nil || !strings.HasPrefix(out, "202 ping 1,2 {}  (id one, type ping, ") {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := webhooks(t, "{}", append(args, "--expect", "200")...); !errors.Is(err, cli.ErrUnexpectedStatus) {
		t.Errorf("got %v, want %v", err, cli.ErrUnexpectedStatus)
	}
	if _, err := webhooks(t, "", "send", "github"); err == nil {
		t.Error("got no error without a URL")
	}
	if _, err := webhooks(t, "", "send", "github", s.URL, "--secret", "s3cret"); err == nil {
		t.Error("a secret is taken from the command line")
	}
}

func TestCommandProviders(t *testing.T) {
	t.Parallel()
	if out, err := webhooks(t, "", "providers"); err != nil || !strings.Contains(out, "stripe") {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := webhooks(t, "", "providers", "stripe", "--json"); err != nil || !strings.Contains(out, `"name": "stripe"`) {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestCommandTail(t *testing.T) {
	t.Parallel()
	if _, err := webhooks(t, "", "tail", "--from", "nowhere"); !errors.Is(err, cli.ErrUsage) {
		t.Errorf("got %v, want %v", err, cli.ErrUsage)
	}
	if _, err := webhooks(t, "", "tail", "--nats", "nats://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "nats://127.0.0.1:1") {
		t.Errorf("got %v, want that nothing answers there", err)
	}
}

func TestCommandHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"send", "--help"}, {"tail", "--help"}, {"providers", "--help"}} {
		out, err := webhooks(t, "", args...)
		if err != nil || !strings.Contains(out, "webhooks") {
			t.Errorf("%v: got %q, %v", args, out, err)
		}
	}
	out, err := webhooks(t, "")
	for _, g := range commandGroups {
		if !strings.Contains(out, "\n"+g.title+"\n") {
			t.Errorf("got %v, and no %s in\n%s", err, g.title, out)
		}
	}
	if _, err := webhooks(t, "", "nonsense"); err == nil {
		t.Error("got no error for an unknown command")
	}
}

func TestCommandFilter(t *testing.T) {
	t.Setenv("FILTER_ENV", "a")
	file := filepath.Join(t.TempDir(), "body.json")
	if err := os.WriteFile(file, []byte(`{"action":"opened","n":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		stdin, args, out, err string
	}{
		{`{"a":1}`, "{webhooks.json./a} == 1", "true\n", ""},
		{`{"a":2}`, "{webhooks.json./a} == 1", "false\n", "not true"},
		{`{}`, "{webhooks.json./a} == 1", "cannot be told: missing: {webhooks.json./a}\n", "not true"},
		{`{"a":"x"}`, "{webhooks.json./a} > 1", "cannot be told: type\n", "not true"},
		{`{`, "{webhooks.json./a} > 1", "cannot be told: malformed: {webhooks.json./a}\n", "not true"},
		{``, "{webhooks.type} == 'pull_request.opened'|--provider|github|--header|x-github-event: pull_request|--header|X-GitHub-Delivery: d-1|--body|" + file, "true\t\"d-1\" \"pull_request.opened\"\n", ""},
		{`[{"sg_event_id":"1","event":"open"},{"sg_event_id":"2\u001b[2J","event":"bounce"}]`, "{webhooks.type} == 'open'|--provider|sendgrid", "true\t\"1\" \"open\"\n", "not true"},
		{`[{"sg_event_id":"1","event":"open"},{"sg_event_id":"2","event":"bounce"}]`, "{webhooks.type} == 'open'|--provider|sendgrid", "true\t\"1\" \"open\"\nfalse\t\"2\" \"bounce\"\n", "not true"},
		{`k=v`, "{webhooks.form.k} == 'v' && {query.q} == '1'|--header|Content-Type: application/x-www-form-urlencoded|--url|http://h/?q=1", "true\n", ""},
		{`{}`, "{webhooks.source} + {webhooks.tenant} == 'st' && {webhooks.type} == 'x'|--source|s|--tenant|t|--type|x", "true\t", ""},
		{`{}`, "{env.FILTER_ENV} == 'a'", "true\n", ""},
		{`{}`, "{env.FILTER_NOT} == 'a'", "", "set the variable FILTER_NOT"},
		{`{}`, "{webhooks.json./a} = 1", "", "1:20: Syntax error"},
		{`{}`, "true|--provider|githup", "", "do you mean github?"},
		{`{}`, "true|--header|x", "", "--header: write"},
		{`{}`, "true|--body|" + file + ".not", "", "--body: "},
		{`{}`, "true|--source|a b", "", "is not a name"},
		{`[`, "true|--provider|sendgrid", "", "no event came about"},
	} {
		out, err := webhooks(t, tt.stdin, append([]string{"filter"}, strings.Split(tt.args, "|")...)...)
		if !strings.HasPrefix(out, tt.out) || tt.out == "" && out != "" || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s over %s: got %q, %v, want %q, %s", tt.args, tt.stdin, out, err, tt.out, tt.err)
		}
	}
	if _, err := webhooks(t, "", "filter"); err == nil {
		t.Error("got no error without an expression")
	}
}
