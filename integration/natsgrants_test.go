package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// grantsConfig uses everything that a gateway may use of a cluster.
const grantsConfig = `{
	admin 127.0.0.1:{$ADMIN}
	persist_config off
	webhooks {
		nats nats://127.0.0.1:{$NATS} {
			user gateway
			password {env.GATEWAY_PASSWORD}
		}
		stream {
			max_age {$AGE}
			preflight strict
		}
		unverified_stream {
			max_age {$AGE}
			preflight strict
		}
		quarantine_stream {
			max_age {$AGE}
			preflight strict
		}
		ops_stream {
			max_age {$AGE}
		}
		body_store object_store {
			above 64KiB
			max_bytes 1MiB
		}
		signature_samples {
			per_source 1
			rate 100/s
		}
		spool on_outage {
			dir {$WORK}/spool
		}
	}
}

http://127.0.0.1:{$HTTP} {
	webhooks /github github {env.SECRET} {
		schema {
			dir {$WORK}/schemas
		}
		limits {
			body 4MiB
		}
	}
	webhooks /open generic {
		source open
		insecure_skip_verify
		event_id header X-Id
	}
	webhooks /t/*/github github {
		source hooks
		tenant {http.request.uri.path.1}
		secrets_from nats_kv SECRETS
		spool off
		limits {
			body 4MiB
		}
	}
	respond 404
}
`

const grantsSecret = "correct-horse-battery-staple"

// grantsRig is a gateway with the permissions of a configuration of nats-server, and
// an operator who may do everything.
type grantsRig struct {
	t           *testing.T
	dir, conf   string
	http, admin string
	url         string // of the operator
	nats, caddy *process
	env         []string
	patient     bool
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// natsPermissions returns what the command prints for the configuration.
func natsPermissions(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(grantsConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	grantsFiles(t, dir)
	cmd := exec.Command(caddyBin(), append([]string{"webhooks", "nats-permissions", "--config", filepath.Join(dir, "Caddyfile")}, args...)...)
	cmd.Env = append(os.Environ(), "ADMIN=1", "NATS=1", "HTTP=1", "AGE=48h", "WORK="+dir, "SECRET="+grantsSecret, "GATEWAY_PASSWORD=pw-of-the-gateway", "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return string(out)
}

func grantsFiles(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "schemas"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "schemas", "push.json"), []byte(`{"required":["ref"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newGrantsRig starts a server with the snippet, in which an operator is added who may
// do everything. With trace its log has each subject that is used.
func newGrantsRig(t *testing.T, snippet string, trace bool) *grantsRig {
	t.Helper()
	r := &grantsRig{t: t, dir: t.TempDir()}
	port := freePort(t)
	r.http, r.admin = "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	r.url = "nats://operator:pw-of-the-operator@127.0.0.1:" + port
	users := strings.Index(snippet, "users: [") + len("users: [")
	conf := snippet[:users] + "\n{ user: operator, password: pw-of-the-operator }\n" + snippet[users:] +
		fmt.Sprintf("listen: 127.0.0.1:%s\njetstream { store_dir: %q, max_file_store: 4GB }\n", port, filepath.Join(r.dir, "nats"))
	r.conf = filepath.Join(r.dir, "nats.conf")
	if err := os.WriteFile(r.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "Caddyfile"), []byte(grantsConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	grantsFiles(t, r.dir)
	passwords := []string{"GATEWAY_PASSWORD=pw-of-the-gateway", "TOOL_PASSWORD=pw-of-the-tool", "BILLING_WORKER_PASSWORD=pw-of-the-consumer"}
	r.env = append([]string{"ADMIN=" + r.admin[len("127.0.0.1:"):], "NATS=" + port, "HTTP=" + r.http[len("127.0.0.1:"):], "AGE=48h", "WORK=" + r.dir, "SECRET=" + grantsSecret}, passwords...)
	r.nats = &process{name: "nats-server", args: []string{"-c", r.conf}, env: passwords}
	if trace {
		r.nats.args = append(r.nats.args, "-V")
	}
	r.nats.start(t)
	t.Cleanup(r.nats.kill)
	nc, err := dialNATS(r.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	kv, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "SECRETS"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(ctx, "acme.hooks", "secret-of-acme"); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *grantsRig) startCaddy() {
	r.t.Helper()
	r.caddy = caddyProcess(r.dir, filepath.Join(r.dir, "Caddyfile"), r.env...)
	r.caddy.start(r.t)
	r.t.Cleanup(r.caddy.kill)
}

var errDuty = errors.New("not as it should be")

// await tries again until it succeeds or time is up.
func await(patience time.Duration, try func() error) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// ask asks the admin API, or the site.
func (r *grantsRig) ask(method, url string, in any, header ...string) (int, []byte, error) {
	var body io.Reader
	switch in := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(in)
	default:
		text, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// api asks the admin API and wants a 200.
func (r *grantsRig) api(method, path string, in, out any) error {
	status, text, err := r.ask(method, "http://"+r.admin+"/webhooks/"+path, in, "Origin", "http://"+r.admin)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%w: %s %s: %d %s", errDuty, method, path, status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

// event sends an event and wants a status.
func (r *grantsRig) event(path, secret, id, body string, want int) error {
	signer := request{body: []byte(body), sign: "github", secret: secret}
	signature, err := signer.signature(time.Now())
	if err != nil {
		return err
	}
	_, value, _ := strings.Cut(signature[0], ": ")
	status, text, err := r.ask(http.MethodPost, "http://"+r.http+path, []byte(body), "X-Hub-Signature-256", value, "X-GitHub-Event", "push", "X-GitHub-Delivery", id)
	if err == nil && status != want {
		err = fmt.Errorf("%w: %s %s: got %d %s, want %d", errDuty, path, id, status, text, want)
	}
	return err
}

// kept is the sequence of the one event of GitHub in quarantine of a kind.
func (r *grantsRig) kept(kind string) (uint64, error) { return r.keptOf("github", kind) }

func (r *grantsRig) keptOf(source, kind string) (uint64, error) {
	var answer struct {
		Events []struct{ Sequence uint64 }
	}
	err := await(5*time.Second, func() error {
		if err := r.api(http.MethodGet, "quarantine?source="+source+"&kind="+kind, nil, &answer); err != nil {
			return err
		}
		if len(answer.Events) != 1 {
			return fmt.Errorf("%w: %d events of the kind %s in quarantine, want 1", errDuty, len(answer.Events), kind)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return answer.Events[0].Sequence, nil
}

// act does something to an event in quarantine and wants the result.
func (r *grantsRig) act(action string, sequence uint64, want string, more map[string]any) error {
	in := map[string]any{"sequences": []uint64{sequence}, "reason": "test", "by": "test"}
	maps.Copy(in, more)
	if action == "retry" {
		delete(in, "reason")
	}
	status, text, err := r.ask(http.MethodPost, "http://"+r.admin+"/webhooks/quarantine/"+action, in, "Origin", "http://"+r.admin)
	if err == nil && (status != http.StatusOK || !bytes.Contains(text, []byte(`"result":"`+want+`"`)) || bytes.Contains(text, []byte(`"problem":"`)) && want != "kept") {
		err = fmt.Errorf("%w: %s %d: %d %s", errDuty, action, sequence, status, text)
	}
	return err
}

// tool runs a command of `caddy webhooks` and wants its exit status.
func (r *grantsRig) tool(want int, args ...string) (string, error) {
	cmd := exec.Command(caddyBin(), append([]string{"webhooks"}, args...)...)
	cmd.Env = append(os.Environ(), append([]string{"CADDY_ADMIN=" + r.admin, "HOME=" + r.dir}, r.env...)...)
	out, err := cmd.CombinedOutput()
	status := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, err = exit.ExitCode(), nil
	}
	if err == nil && status != want {
		err = fmt.Errorf("%w: %v: exit status %d, want %d\n%s", errDuty, args, status, want, out)
	}
	return string(out), err
}

type duty struct {
	name string
	do   func(*grantsRig) error
}

// findings wants the streams to be without anything that operators would have to do.
func findings(r *grantsRig) error {
	var status struct {
		Streams []struct {
			Name     string
			Findings []struct{ Severity, Problem string }
		}
	}
	if err := r.api(http.MethodGet, "status", nil, &status); err != nil {
		return err
	}
	for _, s := range status.Streams {
		for _, f := range s.Findings {
			if f.Severity != "note" {
				return fmt.Errorf("%w: %s: %s", errDuty, s.Name, f.Problem)
			}
		}
	}
	return nil
}

func ready(r *grantsRig) error {
	err := await(15*time.Second, func() error {
		select {
		case <-r.caddy.done:
			return nil // it has refused to start
		default:
		}
		if err := r.api(http.MethodGet, "ready", nil, nil); err != nil {
			return err
		}
		_, _, err := r.ask(http.MethodGet, "http://"+r.http+"/github", nil)
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-r.caddy.done:
		return fmt.Errorf("%w: Caddy does not start", errDuty)
	default:
	}
	return findings(r)
}

// duties are all that a gateway does with a cluster.
var duties = []duty{
	{"it starts, and makes its streams", func(r *grantsRig) error { r.startCaddy(); return ready(r) }},
	{"verified events, duplicates and conflicts", func(r *grantsRig) error {
		for i, body := range []string{`{"ref":"1"}`, `{"ref":"1"}`, `{"ref":"2"}`} {
			if err := r.event("/github", grantsSecret, "d-1", body, 200); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		sequence, err := r.kept("conflict")
		if err != nil {
			return err
		}
		return r.act("drop", sequence, "dropped", nil)
	}},
	{"events that nobody verifies", func(r *grantsRig) error {
		for _, body := range []string{`{"n":1}`, `{"n":1}`, `{"n":2}`} {
			status, text, err := r.ask(http.MethodPost, "http://"+r.http+"/open", []byte(body), "X-Id", "x-1")
			if err == nil && status != 200 {
				err = fmt.Errorf("%w: %d %s", errDuty, status, text)
			}
			if err != nil {
				return err
			}
		}
		sequence, err := r.keptOf("open", "conflict")
		if err != nil {
			return err
		}
		return r.act("drop", sequence, "dropped", nil)
	}},
	{"secrets of tenants", func(r *grantsRig) error {
		if err := r.event("/t/acme/github", "secret-of-acme", "t-1", `{"ref":"1"}`, 200); err != nil {
			return err
		}
		nc, err := dialNATS(r.url)
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		defer cancel()
		kv, err := js.KeyValue(ctx, "SECRETS")
		if err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond) // for the watch to begin
		if _, err := kv.PutString(ctx, "acme.hooks", "another-of-acme"); err != nil {
			return err
		}
		return await(3*time.Second, func() error { return r.event("/t/acme/github", "secret-of-acme", "t-2", `{"ref":"1"}`, 401) })
	}},
	{"changes of secrets", watched},
	{"quarantine", func(r *grantsRig) error {
		for id, action := range map[string]string{"q-1": "release", "q-2": "drop"} {
			if err := r.event("/github", grantsSecret, id, `{"n":1}`, 200); err != nil {
				return err
			}
			sequence, err := r.kept("schema")
			if err != nil {
				return err
			}
			if err := r.api(http.MethodGet, fmt.Sprintf("quarantine/%d", sequence), nil, nil); err != nil {
				return err
			}
			if err := r.act("retry", sequence, "kept", nil); err != nil {
				return err
			}
			if err := r.act(action, sequence, map[string]string{"release": "published", "drop": "dropped"}[action], nil); err != nil {
				return err
			}
		}
		return nil
	}},
	{"samples of bad signatures", func(r *grantsRig) error {
		for i := range 3 {
			if err := r.event("/github", "wrong", fmt.Sprintf("s-%d", i), fmt.Sprintf(`{"ref":"%d"}`, i), 401); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		var sequence uint64
		err := await(20*time.Second, func() (err error) { sequence, err = r.kept("signature"); return err })
		if err != nil {
			return err
		}
		return r.act("release", sequence, "published", map[string]any{"unverified": true})
	}},
	{"ids that are forgotten", func(r *grantsRig) error {
		if _, err := r.tool(0, "dedupe", "inspect", "x-1", "--source", "open"); err != nil {
			return err
		}
		for range 2 {
			if _, err := r.tool(0, "dedupe", "inspect", "d-1", "--source", "github"); err != nil {
				return err
			}
			if _, err := r.tool(0, "dedupe", "forget", "d-1", "--source", "github", "--reason", "test"); err != nil {
				return err
			}
			if err := r.event("/github", grantsSecret, "d-1", `{"ref":"1"}`, 200); err != nil {
				return err
			}
		}
		if n, err := r.count("WEBHOOKS", "wh.v1.default.github.push"); err != nil || n != 4 { // d-1 three times, q-1
			return errors.Join(fmt.Errorf("%w: %d events are stored, want 4", errDuty, n), err)
		}
		return nil
	}},
	{"large bodies", func(r *grantsRig) error {
		body := func(c string) string { return `{"ref":"` + strings.Repeat(c, 300_000) + `"}` }
		if err := r.event("/github", grantsSecret, "l-1", body("a"), 200); err != nil {
			return err
		}
		if err := r.event("/github", grantsSecret, "l-2", strings.Replace(body("b"), "ref", "no", 1), 200); err != nil {
			return err
		}
		sequence, err := r.kept("schema")
		if err != nil {
			return err
		}
		if err := r.act("release", sequence, "published", nil); err != nil {
			return err
		}
		// This one does not fit any more, and nothing of it stays.
		if err := r.event("/t/acme/github", "another-of-acme", "l-3", body("c")+strings.Repeat(" ", 600_000), 503); err != nil {
			return err
		}
		return await(5*time.Second, func() error {
			if n, err := r.count("OBJ_WEBHOOKS_BODIES", "$O.WEBHOOKS_BODIES.C.>"); err != nil || n != 2 {
				return errors.Join(fmt.Errorf("%w: %d parts of bodies, want 2", errDuty, n), err)
			}
			return nil
		})
	}},
	{"replays", func(r *grantsRig) error {
		var answers atomic.Int32
		answers.Store(400)
		target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(answers.Load())) }))
		defer target.Close()
		if _, err := r.tool(0, "replay", "--dry-run", "--source", "github"); err != nil {
			return err
		}
		for _, stream := range []string{"WEBHOOKS", "WEBHOOKS_UNVERIFIED"} {
			if _, err := r.tool(0, "replay", "--yes", "--stream", stream); err != nil {
				return err
			}
		}
		out, err := r.tool(1, "replay", "--yes", "--source", "github", "--since", "1h", "--to", target.URL)
		if err != nil {
			return err
		}
		job := regexp.MustCompile(`replay-[0-9A-Za-z-]+`).FindString(out)
		answers.Store(200)
		if _, err := r.tool(0, "replay", "--resume", job); err != nil {
			return err
		}
		_, err = r.tool(0, "replay", "--list")
		return err
	}},
	{"the spool", func(r *grantsRig) error {
		r.nats.kill()
		if err := await(10*time.Second, func() error { return r.event("/github", grantsSecret, "o-1", `{"ref":"1"}`, 200) }); err != nil {
			return err
		}
		r.nats.start(r.t)
		return await(20*time.Second, func() error {
			var status struct{ Spools []struct{ Events int } }
			if err := r.api(http.MethodGet, "status", nil, &status); err != nil {
				return err
			}
			if len(status.Spools) != 1 || status.Spools[0].Events != 0 {
				return fmt.Errorf("%w: events are in the spool", errDuty)
			}
			_, err := r.count("WEBHOOKS", "wh.v1.default.github.push")
			return err
		})
	}},
	{"other settings", func(r *grantsRig) error {
		reload := exec.Command(caddyBin(), "reload", "--config", filepath.Join(r.dir, "Caddyfile"), "--address", r.admin)
		reload.Env = append(os.Environ(), append(slices.Clone(r.env), "AGE=72h", "HOME="+r.dir)...)
		if out, err := reload.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: reload: %w\n%s", errDuty, err, out)
		}
		if err := ready(r); err != nil {
			return err
		}
		for _, stream := range []string{"WEBHOOKS", "WEBHOOKS_UNVERIFIED", "WEBHOOKS_QUARANTINE", "WEBHOOKS_OPS"} {
			err := await(3*time.Second, func() error {
				info, err := r.stream(stream)
				if err == nil && info.Config.MaxAge != 72*time.Hour {
					err = fmt.Errorf("%w: %s keeps %v", errDuty, stream, info.Config.MaxAge)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		before, err := r.stream("KV_WEBHOOKS_FORGOTTEN")
		if err != nil {
			return err
		}
		if err := r.event("/github", grantsSecret, "f-1", `{"ref":"1"}`, 200); err != nil {
			return err
		}
		if _, err := r.tool(0, "dedupe", "forget", "f-1", "--source", "github", "--reason", "test"); err != nil {
			return err
		}
		after, err := r.stream("KV_WEBHOOKS_FORGOTTEN")
		if err == nil && after.Config.MaxAge <= before.Config.MaxAge {
			err = fmt.Errorf("%w: forgotten ids are kept %v, as before", errDuty, after.Config.MaxAge)
		}
		return err
	}},
	{"operational events", func(r *grantsRig) error {
		for _, name := range []string{"conflict", "quarantine_release", "quarantine_drop", "dedupe_forget", "replay_begin", "replay_end"} {
			err := await(5*time.Second, func() error {
				if n, err := r.count("WEBHOOKS_OPS", "wh-ops.v1.*.*."+name); err != nil || n == 0 {
					return errors.Join(fmt.Errorf("%w: no %s", errDuty, name), err)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}},
}

// watched wants the gateway to be told of changes of secrets: otherwise it says so
// after five seconds, for which only those wait whom it concerns.
func watched(r *grantsRig) error {
	if !r.patient {
		return nil
	}
	time.Sleep(6 * time.Second)
	if strings.Contains(r.caddy.log.String(), "watching a bucket") {
		return fmt.Errorf("%w: it is not told of changes of secrets", errDuty)
	}
	return nil
}

// stream is what the operator sees of a stream.
func (r *grantsRig) stream(name string) (*jetstream.StreamInfo, error) {
	nc, err := dialNATS(r.url)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s.Info(ctx, jetstream.WithSubjectFilter(">"))
}

// count is how many messages a stream has on subjects.
func (r *grantsRig) count(stream, filter string) (n uint64, err error) {
	info, err := r.stream(stream)
	if err != nil {
		return 0, err
	}
	pattern := "^" + strings.NewReplacer(`\*`, `[^.]+`, `>`, `.+`).Replace(regexp.QuoteMeta(filter)) + "$"
	for subject, of := range info.State.Subjects {
		if regexp.MustCompile(pattern).MatchString(subject) {
			n += of
		}
	}
	return n, nil
}

var refusedSubject = regexp.MustCompile(`(?:Publish|Subscription) Violation.*?(?:Subject|subject) "([^"]+)"`)

// refused are the subjects that the server has refused.
func (r *grantsRig) refused() (subjects []string) {
	for _, m := range refusedSubject.FindAllStringSubmatch(r.nats.log.String(), -1) {
		subjects = append(subjects, m[1])
	}
	slices.Sort(subjects)
	return slices.Compact(subjects)
}

// used are the subjects on which a user has published, as the log of a server with
// trace says.
func (r *grantsRig) used(user string) []string {
	var subjects []string
	for _, m := range regexp.MustCompile(`user:`+user+`" - <<- \[H?PUB (\S+)`).FindAllStringSubmatch(r.nats.log.String(), -1) {
		subjects = append(subjects, m[1])
	}
	slices.Sort(subjects)
	return slices.Compact(subjects)
}

// operator is a connection of who may do everything.
func (r *grantsRig) operator() *nats.Conn {
	r.t.Helper()
	nc, err := dialNATS(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return nc
}

// newRefusing returns the URL of somebody who refuses every event.
func newRefusing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(s.Close)
	return s.URL
}
