package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestNATSPermissions: with what nats-permissions prints, on a server that permits
// nothing else, a gateway does all its duties, and the server refuses nothing.
func TestNATSPermissions(t *testing.T) {
	t.Parallel()
	r := newGrantsRig(t, natsPermissions(t), false)
	r.patient = true
	if err := r.work(); err != nil {
		t.Errorf("%v\n%s", err, lastOf(r.caddy.log.String()))
	}
	if list := r.refused(); len(list) > 0 || strings.Contains(r.nats.log.String(), "Violation") {
		t.Errorf("the server has refused %q\n%s", list, lastOf(r.nats.log.String()))
	}
}

// work does the duties until one fails.
func (r *grantsRig) work() error {
	for _, d := range duties {
		if err := d.do(r); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func lastOf(text string) string { return text[max(0, len(text)-6000):] }

// degraded are the lines without which all duties are done, though the server has to
// refuse something, and elsewhere those that this test does not show to be needed.
var degraded, elsewhere = map[string]string{
	"$JS.API.DIRECT.GET.WEBHOOKS":                   "originals are then read from the leader alone, after an answer was waited for in vain",
	"$JS.API.DIRECT.GET.WEBHOOKS_UNVERIFIED":        "originals are then read from the leader alone, after an answer was waited for in vain",
	"$JS.API.CONSUMER.DELETE.KV_SECRETS.*":          "what has watched before a reload is then removed by the server, minutes later",
	"$JS.API.CONSUMER.DELETE.KV_WEBHOOKS_REPLAYS.*": "what has read the list is then removed by the server, minutes later",
}, map[string]string{
	"$JS.FC.KV_WEBHOOKS_REPLAYS.>": "for a list of so many jobs that the server waits for a word between them: TestDocumentedReplayList in natspub",
	"$JS.FC.KV_SECRETS.>":          "the same, for so many changes of secrets",
}

// grantLines are the subjects of a snippet.
var grantLines = regexp.MustCompile(`(?m)^ +"(.*)"\n`)

// TestNATSPermissionsAreNeeded: without any one of the lines a duty is not done, and
// the server says what it has refused.
func TestNATSPermissionsAreNeeded(t *testing.T) {
	if os.Getenv("EXHAUSTIVE") == "" {
		t.Skip("set EXHAUSTIVE=1: it starts a server and a gateway for each line, which takes minutes")
	}
	t.Parallel()
	snippet := natsPermissions(t)
	lines := grantLines.FindAllStringSubmatch(snippet, -1)
	if len(lines) < 50 {
		t.Fatalf("got %d lines\n%s", len(lines), snippet)
	}
	results := make(chan string, len(lines))
	slots := make(chan struct{}, 6) // most of the time is spent waiting for what does not come
	t.Run("without", func(t *testing.T) {
		for _, line := range lines {
			subject := line[1]
			if elsewhere[subject] != "" {
				continue
			}
			t.Run(subject, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				// A list without anything would permit everything.
				r := newGrantsRig(t, strings.Replace(snippet, line[0], "\"nothing\"\n", 1), false)
				r.patient = strings.Contains(subject, "KV_SECRETS")
				err := r.work()
				why := degraded[subject]
				switch refused := r.refused(); {
				case !slices.ContainsFunc(refused, func(s string) bool { return subjectFits(subject, s) }):
					t.Errorf("the server has refused %q: %v", refused, err)
				case (err == nil) != (why != ""):
					t.Errorf("of its duties: %v, though %q", err, why)
				case err != nil:
					why, _, _ = strings.Cut(err.Error(), "\n")
					fallthrough
				default:
					results <- fmt.Sprintf("%s: %.200s", subject, why)
				}
			})
		}
	})
	close(results)
	n := 0
	for result := range results {
		n++
		t.Log(result)
	}
	for subject, why := range elsewhere {
		t.Logf("%s: %s", subject, why)
	}
	t.Logf("%d lines: without each of %d a duty is not done, without each of %d the server has something to refuse, and %d is shown elsewhere",
		len(lines), n-len(degraded), len(degraded), len(elsewhere))
}

// subjectFits reports whether a subject fits a pattern.
func subjectFits(pattern, subject string) bool {
	p, s := strings.Split(pattern, "."), strings.Split(subject, ".")
	for i, token := range p {
		if token == ">" {
			return len(s) > i
		}
		if i >= len(s) || token != "*" && token != s[i] {
			return false
		}
	}
	return len(p) == len(s)
}

// permittedUser is a user as nats-permissions prints it in JSON.
type permittedUser struct {
	Name, Role, Stream, Filter string
	Publish, Subscribe         []struct{ Subject, For string }
}

func permittedUsers(t *testing.T, args ...string) []permittedUser {
	t.Helper()
	var answer struct{ Users []permittedUser }
	if err := json.Unmarshal([]byte(natsPermissions(t, append(args, "--format", "json")...)), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Users
}

// TestNATSPermissionsOfTool: the tools do what they can on a connection of their own,
// the server refuses nothing, and nothing is permitted that they do not use.
func TestNATSPermissionsOfTool(t *testing.T) {
	t.Parallel()
	r := newGrantsRig(t, natsPermissions(t, "--for", "gateway,tool"), true)
	for _, d := range duties[:3] {
		if err := d.do(r); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
	}
	if err := r.event("/github", grantsSecret, "l-1", `{"ref":"`+strings.Repeat("a", 300_000)+`"}`, 200); err != nil {
		t.Fatal(err)
	}
	if err := r.event("/github", grantsSecret, "q-1", `{"n":1}`, 200); err != nil {
		t.Fatal(err)
	}
	// One of another source is the last.
	if err := r.event("/t/acme/github", "secret-of-acme", "t-1", `{"ref":"1"}`, 200); err != nil {
		t.Fatal(err)
	}
	target := newRefusing(t)
	url := strings.Replace(r.url, "operator:pw-of-the-operator", "tool:pw-of-the-tool", 1)
	job := ""
	for _, step := range []struct {
		exit int
		args string
	}{
		{0, "tail --nats URL --count 1 --from all --stream WEBHOOKS_UNVERIFIED"},
		{0, "tail --nats URL --count 1 --from all --stream WEBHOOKS_QUARANTINE"},
		{0, "tail --nats URL --count 1 --from all --stream WEBHOOKS_OPS"},
		{0, "tail --nats URL --count 2 --from all --fetch"},
		{0, "show --nats URL 1"},
		{0, "show --nats URL --stream WEBHOOKS_UNVERIFIED 1"},
		{0, "show --nats URL --stream WEBHOOKS_QUARANTINE 3"},
		{0, "show --nats URL --stream WEBHOOKS_OPS 1"},
		{0, "schema infer --nats URL --from-stream --source github"},
		{0, "replay --nats URL --dry-run --source github"},
		{0, "replay --nats URL --dry-run --source another --stream WEBHOOKS_UNVERIFIED"},
		{0, "replay --nats URL --yes"},
		{0, "replay --nats URL --yes --stream WEBHOOKS_UNVERIFIED"},
		{1, "replay --nats URL --yes --source github --since 1h --to " + target},
		{1, "replay --nats URL --resume JOB"},
		{0, "replay --nats URL --list"},
	} {
		out, err := r.tool(step.exit, strings.Fields(strings.NewReplacer("URL", url, "JOB", job).Replace(step.args))...)
		if err != nil {
			t.Errorf("%s: %v", step.args, err)
		}
		job = regexp.MustCompile(`replay-[0-9A-Za-z-]+`).FindString(out)
	}
	// At its end a reader asks that its consumer goes. It goes anyway, seconds later,
	// and who may remove consumers may remove everybody's.
	list := slices.DeleteFunc(r.refused(), func(s string) bool {
		return strings.HasPrefix(s, "$JS.API.CONSUMER.DELETE.") && strings.Contains(s, ".webhooks-replay-")
	})
	if len(list) > 0 {
		t.Errorf("the server has refused %q", list)
	}
	used := r.used("tool")
	n := 0
	for _, g := range permittedUsers(t, "--for", "tool")[0].Publish {
		switch {
		case slices.ContainsFunc(used, func(s string) bool { return subjectFits(g.Subject, s) }):
			n++
		case strings.HasPrefix(g.Subject, "$JS.API.STREAM.MSG.GET."): // for streams without direct reads
		case elsewhere[g.Subject] == "":
			t.Errorf("%s (%s) is not used", g.Subject, g.For)
		}
	}
	t.Logf("%d lines are used", n)
}

// connectAs connects as a user, and tells what the server refuses.
func (r *grantsRig) connectAs(user, password, inbox string) (*nats.Conn, <-chan error) {
	refused := make(chan error, 64)
	nc, err := nats.Connect(strings.Replace(r.url, "operator:pw-of-the-operator", user+":"+password, 1), nats.CustomInboxPrefix(inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return nc, refused
}

// mustRefuse wants the server to refuse to take a message on a subject.
func mustRefuse(t *testing.T, nc *nats.Conn, refused <-chan error, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		if err := nc.PublishRequest(subject, "_INBOX_billing-worker.x", nil); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-refused:
			if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
				t.Errorf("%s: got %v", subject, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the server has refused nothing", subject)
		}
	}
}

// TestNATSPermissionsOfConsumer: a service reads events of its source, in the account of
// the streams or in another, and can do nothing else.
func TestNATSPermissionsOfConsumer(t *testing.T) {
	t.Parallel()
	consumer := []string{"--for", "gateway,consumer", "--name", "billing-worker", "--tenant", "default", "--source", "github"}
	for name, more := range map[string][]string{
		"one account":     nil,
		"another account": {"--account", "HOOKS", "--consumer-account", "SERVICES"},
		"its own":         {"--create"},
		"large bodies":    {"--bodies"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append(slices.Clone(consumer), more...)
			r := newGrantsRig(t, natsPermissions(t, args...), true)
			for _, d := range duties[:1] {
				if err := d.do(r); err != nil {
					t.Fatalf("%s: %v", d.name, err)
				}
			}
			u := permittedUsers(t, args...)[1]
			if u.Filter != "wh.v1.default.github.>" || u.Stream != "WEBHOOKS" {
				t.Fatalf("got %+v", u)
			}
			for id, path := range map[string]string{"d-1": "/github", "t-1": "/t/acme/github"} {
				secret := map[string]string{"d-1": grantsSecret, "t-1": "secret-of-acme"}[id]
				if err := r.event(path, secret, id, `{"ref":"1"}`, 200); err != nil {
					t.Fatal(err)
				}
			}
			nc, refused := r.connectAs("billing-worker", "pw-of-the-consumer", "_INBOX_billing-worker")
			prefix := jetstream.DefaultAPIPrefix
			if name == "another account" {
				prefix = "JS.HOOKS.API."
			}
			js, err := jetstream.NewWithAPIPrefix(nc, prefix)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cfg := jetstream.ConsumerConfig{Durable: u.Name, FilterSubject: u.Filter, AckPolicy: jetstream.AckExplicitPolicy}
			maker, err := jetstream.New(r.operator())
			if err != nil {
				t.Fatal(err)
			}
			if name == "its own" {
				maker = js
			}
			if _, err := maker.CreateConsumer(ctx, u.Stream, cfg); err != nil {
				t.Fatal(err)
			}
			c, err := js.Consumer(ctx, u.Stream, u.Name)
			if err != nil {
				t.Fatal(err)
			}
			m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if err := m.DoubleAck(ctx); err != nil {
				t.Fatal(err)
			}
			if got := m.Headers().Get("ce-id"); got != "d-1" {
				t.Errorf("got %q", got)
			}
			if name == "large bodies" {
				r.readLarge(ctx, js, c)
			}
			if m, err := c.Next(jetstream.FetchMaxWait(300 * time.Millisecond)); !errors.Is(err, nats.ErrTimeout) {
				t.Errorf("got %v, %v, want no event of another source", m, err)
			}
			if err := nc.LastError(); err != nil {
				t.Errorf("the server has refused something: %v", err)
			}
			for _, g := range u.Publish {
				if used := r.used(u.Name); !strings.HasPrefix(g.Subject, "$JS.FC.") && !slices.ContainsFunc(used, func(s string) bool { return subjectFits(g.Subject, s) }) {
					t.Errorf("%s (%s) is not used: %q", g.Subject, g.For, used)
				}
			}
			mustRefuse(t, nc, refused,
				"wh.v1.default.github.push", "wh-unverified.v1.x", "wh-quarantine.v1.x", "wh-ops.v1.x",
				"$JS.API.STREAM.DELETE.WEBHOOKS", "$JS.API.STREAM.PURGE.WEBHOOKS", "$JS.API.STREAM.MSG.DELETE.WEBHOOKS", "$JS.API.STREAM.UPDATE.WEBHOOKS",
				"$JS.API.STREAM.CREATE.MINE", "$JS.API.STREAM.MSG.GET.WEBHOOKS", "$JS.API.DIRECT.GET.WEBHOOKS", "$JS.API.DIRECT.GET.WEBHOOKS_QUARANTINE",
				"$JS.API.CONSUMER.CREATE.WEBHOOKS", "$JS.API.CONSUMER.CREATE.WEBHOOKS.billing-worker", "$JS.API.CONSUMER.CREATE.WEBHOOKS.billing-worker.wh.v1.acme.hooks.>",
				"$JS.API.CONSUMER.CREATE.WEBHOOKS.other.wh.v1.default.github.>", "$JS.API.CONSUMER.DURABLE.CREATE.WEBHOOKS.billing-worker",
				"$JS.API.CONSUMER.DELETE.WEBHOOKS.billing-worker", "$JS.API.CONSUMER.MSG.NEXT.WEBHOOKS.other", "$JS.ACK.WEBHOOKS.other.1.1.1.1.1",
			)
			for _, subject := range []string{"wh.v1.>", "_INBOX.>", ">"} {
				if _, err := nc.SubscribeSync(subject); err != nil {
					t.Fatal(err)
				}
				select {
				case err := <-refused:
					if !errors.Is(err, nats.ErrPermissionViolation) {
						t.Errorf("%s: got %v", subject, err)
					}
				case <-time.After(5 * time.Second):
					t.Errorf("%s: the server has refused nothing", subject)
				}
			}
			if name != "its own" {
				return
			}
			// What the server holds it to is the name and the filter of the subject: a
			// request that says another filter inside is refused.
			answer, err := nc.RequestWithContext(ctx, "$JS.API.CONSUMER.CREATE.WEBHOOKS.billing-worker."+u.Filter,
				[]byte(`{"stream_name":"WEBHOOKS","config":{"durable_name":"billing-worker","name":"billing-worker","filter_subject":"wh.v1.>","ack_policy":"explicit"},"action":"update"}`))
			if err != nil || !strings.Contains(string(answer.Data), `"error"`) {
				t.Errorf("got %v, %v, want that the filter is refused", answer, err)
			}
			r.canPush(ctx, nc, &u)
		})
	}
}

// readLarge wants the consumer's next event to have a large body, which its client reads.
func (r *grantsRig) readLarge(ctx context.Context, js jetstream.JetStream, c jetstream.Consumer) {
	r.t.Helper()
	body := `{"ref":"` + strings.Repeat("a", 700_000) + `"}`
	if err := r.event("/github", grantsSecret, "l-1", body, 200); err != nil {
		r.t.Fatal(err)
	}
	m, err := c.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	bucket, name, _ := strings.Cut(strings.TrimPrefix(m.Headers().Get("ce-dataref"), "nats-obj://"), "/")
	store, err := js.ObjectStore(ctx, bucket)
	if err != nil {
		r.t.Fatal(err)
	}
	got, err := store.GetBytes(ctx, name)
	if err != nil || string(got) != body {
		r.t.Errorf("got %d bytes, %v, want %d", len(got), err, len(body))
	}
}

// canPush: who makes a consumer chooses where its events are pushed to.
func (r *grantsRig) canPush(ctx context.Context, nc *nats.Conn, u *permittedUser) {
	r.t.Helper()
	operator := r.operator()
	js, err := jetstream.New(operator)
	if err != nil {
		r.t.Fatal(err)
	}
	sub, err := operator.SubscribeSync("elsewhere")
	if err == nil {
		err = errors.Join(operator.Flush(), js.DeleteConsumer(ctx, u.Stream, u.Name))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := nc.RequestWithContext(ctx, "$JS.API.CONSUMER.CREATE.WEBHOOKS.billing-worker."+u.Filter,
		[]byte(`{"stream_name":"WEBHOOKS","config":{"durable_name":"billing-worker","name":"billing-worker","filter_subject":"`+u.Filter+`","deliver_subject":"elsewhere","ack_policy":"none"}}`))
	if err != nil || strings.Contains(string(answer.Data), `"error"`) {
		r.t.Errorf("got %v, %v: docs/permissions.md says that it can push", answer, err)
	}
	if _, err := sub.NextMsgWithContext(ctx); err != nil {
		r.t.Errorf("nothing is pushed: %v", err)
	}
}

// TestPermissionsPage: docs/permissions.md has what the command prints.
func TestPermissionsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const routes = "http://localhost:1 {\n\twebhooks /github github {env.SECRET}\n\twebhooks /open generic {\n\t\tinsecure_skip_verify\n\t}\n}\n"
	off := ""
	for _, stream := range []string{"stream", "unverified_stream", "quarantine_stream", "ops_stream"} {
		off += "\t\t" + stream + " {\n\t\t\tcreate off\n\t\t}\n"
	}
	for name, more := range map[string]string{"on": "", "off": off} {
		text := "{\n\twebhooks {\n\t\tnats nats://nats-1:4222\n" + more + "\t}\n}\n" + routes
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for user, args := range map[string][]string{
		"gateway":            {"--config", "on"},
		"gateway-create-off": {"--config", "off"},
		"tool":               {"--config", "on", "--for", "tool"},
		"billing-worker":     {"--config", "on", "--for", "consumer", "--name", "billing-worker", "--source", "github"},
	} {
		cmd := exec.Command(caddyBin(), append([]string{"webhooks", "nats-permissions", "--json"}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "SECRET="+grantsSecret, "HOME="+dir)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		var answer struct{ Users []permittedUser }
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatal(err)
		}
		block := regexp.MustCompile(`(?s)user: ` + user + `,.*?publish: \[(.*?)\].*?subscribe: \[(.*?)\]`).FindSubmatch(page)
		if block == nil {
			t.Fatalf("docs/permissions.md has no user %s", user)
		}
		for i, list := range [][]struct{ Subject, For string }{answer.Users[0].Publish, answer.Users[0].Subscribe} {
			var want, have []string
			for _, g := range list {
				want = append(want, g.Subject)
			}
			for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllSubmatch(block[i+1], -1) {
				have = append(have, string(m[1]))
			}
			if !slices.Equal(want, have) {
				t.Errorf("%s: the command prints\n%q\nand docs/permissions.md has\n%q", user, want, have)
			}
		}
	}
}
