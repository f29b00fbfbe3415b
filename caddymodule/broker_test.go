package caddymodule_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

const route = "webhooks /github github {env.GITHUB_SECRET}\n\trespond 404"

// outcomes returns how the requests ended, from the log.
func (s *site) outcomes() []string {
	s.Helper()
	lines := s.logged("webhook")
	all := make([]string, 0, len(lines))
	for _, line := range lines {
		all = append(all, fmt.Sprint(line["outcome"], " ", line["stream"], " ", line["stream_seq"]))
	}
	return all
}

// TestEmbeddedWithoutGlobalBlock: one line in a site is a whole gateway.
func TestEmbeddedWithoutGlobalBlock(t *testing.T) {
	s := newSite(t)
	s.load("", route)
	for _, id := range []string{"1", "1", "2"} {
		if got := s.post("/github", id, "{}", nil); got.status != 200 {
			t.Errorf("got %d %q, want 200", got.status, got.body)
		}
	}
	want := []string{"accepted WEBHOOKS 1", "duplicate WEBHOOKS 1", "accepted WEBHOOKS 2"}
	if got := s.outcomes(); strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "caddy", "webhooks")); err != nil {
		t.Errorf("got no store in Caddy's data directory: %v", err)
	}

	// A restart on the same directory remembers.
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.load("", route)
	s.post("/github", "2", "{}", nil)
	if got := s.outcomes(); got[len(got)-1] != "duplicate WEBHOOKS 2" {
		t.Errorf("after a restart: got %q, want a duplicate", got[len(got)-1])
	}
}

// TestReloadKeepsTheServer: under load, over reloads, with one server and one
// client connected to it all the time, and no answer but 200.
func TestReloadKeepsTheServer(t *testing.T) {
	s := newSite(t)
	natsAddr := freeAddr(t)
	global := "webhooks {\n\t\tnats embedded {\n\t\t\tstore_dir " + filepath.Join(s.dir, "store") + "\n\t\t\tlisten " + natsAddr + "\n\t\t}\n\t}"
	s.load(global, route)
	var lost atomic.Bool
	nc, err := nats.Connect("nats://"+natsAddr, nats.DisconnectErrHandler(func(*nats.Conn, error) { lost.Store(true) }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent atomic.Uint64
	for worker := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				status := s.tryPost(fmt.Sprintf("%d-%d", worker, i))
				switch status {
				case 200:
					sent.Add(1)
				case 0: // Caddy closes listeners of the old configuration's connections
				default:
					t.Errorf("got %d during reloads, want 200", status)
				}
			}
		})
	}
	for i := range 8 {
		s.load(global, route+strings.Repeat("\n\theader X-Generation 1", i+1))
		time.Sleep(50 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if lost.Load() || !nc.IsConnected() {
		t.Error("got the client disconnected, want the server to outlive reloads")
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stream.CachedInfo().State.Msgs, sent.Load(); got != want || want == 0 {
		t.Errorf("got %d events stored, want %d", got, want)
	}
	if got := stream.CachedInfo().Config.Duplicates; got < 24*time.Hour {
		t.Errorf("got a deduplication window of %v, want 24h or more", got)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.eventually("the server to stop", func() bool {
		conn, err := net.Dial("tcp", natsAddr)
		if err == nil {
			_ = conn.Close() // it was only to see whether somebody listens
		}
		return err != nil
	})
}

// tryPost returns the status, or 0 if there was no answer.
func (s *site) tryPost(id string) int {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+"/github", strings.NewReader("{}"))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Github-Event", "push")
	req.Header.Set("X-Github-Delivery", id)
	req.Header.Set("X-Hub-Signature-256", githubSignature("{}"))
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // the status is all
	return resp.StatusCode
}

// TestReloadWithOtherStore: what cannot be changed while it runs is an error,
// and the old configuration goes on.
func TestReloadWithOtherStore(t *testing.T) {
	s := newSite(t)
	global := func(options string) string {
		return "webhooks {\n\t\tnats embedded {\n\t\t\tstore_dir " + filepath.Join(s.dir, "store") + "\n\t\t\t" + options + "\n\t\t}\n\t}"
	}
	s.load(global("sync always"), route)
	err := caddy.Load(s.config(global("sync interval 1s"), route), true)
	if err == nil || !strings.Contains(err.Error(), "restart Caddy") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
	// Caddy may have given the connection to the servers that it was closing.
	s.eventually("an answer of the old configuration", func() bool { return s.tryPost("1") == 200 })
	s.load(global("sync always"), route+"\n\theader X-A b")
	s.eventually("an answer after a good reload", func() bool { return s.tryPost("2") == 200 })
}

// TestUnusableStore fails the load, with the cause.
func TestUnusableStore(t *testing.T) {
	s := newSite(t)
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = occupied.Close() }) // of a test that has ended
	global := "webhooks {\n\t\tnats embedded {\n\t\t\tlisten " + occupied.Addr().String() + "\n\t\t}\n\t}"
	err = caddy.Load(s.config(global, route), true)
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want the cause", err)
	}
}

// TestClusterAway: Caddy starts, asks senders to try again, and takes events as
// soon as the cluster is there.
func TestClusterAway(t *testing.T) {
	s := newSite(t)
	caddymodule.WaitAtStart(t, time.Second)
	addr := freeAddr(t)
	global := "webhooks {\n\t\tspool off\n\t\tnats nats://" + addr + "\n\t\tstream {\n\t\t\treplicas 1\n\t\t}\n\t\tquarantine_stream {\n\t\t\treplicas 1\n\t\t}\n\t}"
	s.load(global, route)
	got := s.post("/github", "1", "{}", nil)
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.HasPrefix(got.body, "unavailable ") {
		t.Errorf("got %d, Retry-After %q, %q, want 503 with Retry-After", got.status, got.header.Get("Retry-After"), got.body)
	}
	if got := s.outcomes(); len(got) != 1 || !strings.HasPrefix(got[0], "error ") {
		t.Errorf("got %v, want an error", got)
	}
	runCluster(t, addr)
	s.eventually("the cluster", func() bool { return s.post("/github", "1", "{}", nil).status == 200 })
}

// TestUnverified: what nobody signed never reaches the subjects of what
// somebody did.
func TestUnverified(t *testing.T) {
	s := newSite(t)
	s.load("", `webhooks /legacy generic {
		insecure_skip_verify
		event_id header X-Github-Delivery
		event_type const legacy
	}
	respond 404`)
	if got := s.post("/legacy", "1", `{"any":"thing"}`, func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }); got.status != 200 {
		t.Errorf("got %d %q, want 200", got.status, got.body)
	}
	if got := s.outcomes(); len(got) != 1 || got[0] != "accepted WEBHOOKS_UNVERIFIED 1" {
		t.Errorf("got %v, want one event in the stream of unverified ones", got)
	}
}

// TestStrictPreflight refuses a stream that loses events.
func TestStrictPreflight(t *testing.T) {
	s := newSite(t)
	addr := freeAddr(t)
	runCluster(t, addr)
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOSSY", Subjects: []string{"wh.v1.>"}, Discard: jetstream.DiscardOld, MaxMsgs: 10})
	if err != nil {
		t.Fatal(err)
	}
	global := func(mode string) string {
		return "webhooks {\n\t\tnats nats://" + addr + "\n\t\tstream LOSSY {\n\t\t\treplicas 1\n\t\t\tpreflight " + mode +
			"\n\t\t\tcreate off\n\t\t}\n\t\tquarantine_stream {\n\t\t\treplicas 1\n\t\t}\n\t}"
	}
	if err := caddy.Load(s.config(global("strict"), route), true); err == nil || !strings.Contains(err.Error(), "LOSSY") {
		t.Errorf("strict: got %v, want an error that names the stream", err)
	}
	s.load(global("warn"), route)
	if got := s.post("/github", "1", "{}", nil); got.status != 200 {
		t.Errorf("warn: got %d %q, want 200", got.status, got.body)
	}
	if len(s.logged("preflight")) == 0 {
		t.Error("warn: got nothing in the log, want what is wrong with the stream")
	}
}

// TestPublishAndPassThru: an event is stored once and reaches the next handler
// until that has taken it.
func TestPublishAndPassThru(t *testing.T) {
	s := newSite(t)
	body := func(status int) string {
		return fmt.Sprintf(`webhooks /github github {env.GITHUB_SECRET} {
		pass_thru
	}
	respond "{webhooks.outcome} {webhooks.stream_seq} {webhooks.source} {webhooks.tenant} {webhooks.provider}" %d`, status)
	}
	s.load("", body(500))
	if got := s.post("/github", "1", "{}", nil); got.status != 500 || got.body != "accepted 1 github default github" {
		t.Errorf("got %d %q, want the next handler's answer", got.status, got.body)
	}
	s.load("", body(200))
	if got := s.post("/github", "1", "{}", nil); got.status != 200 || got.body != "duplicate 1 github default github" {
		t.Errorf("retry of what the next handler refused: got %d %q, want it handed on", got.status, got.body)
	}
	if got := s.post("/github", "1", "{}", nil); got.status != 200 || got.body != "" {
		t.Errorf("duplicate: got %d %q, want the gateway's own answer", got.status, got.body)
	}
}

// TestConflict: another event under the same id is kept aside.
func TestConflict(t *testing.T) {
	s := newSite(t)
	s.load("", route)
	s.post("/github", "1", `{"a":1}`, nil)
	if got := s.post("/github", "1", `{"a":2}`, nil); got.status != 200 {
		t.Errorf("got %d %q, want 200", got.status, got.body)
	}
	if got := s.outcomes(); got[len(got)-1] != "quarantined WEBHOOKS_QUARANTINE 1" {
		t.Errorf("got %v, want the second in quarantine", got)
	}
}

// TestSchema: what its schema refuses goes where the route says.
func TestSchema(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(filepath.Join(s.dir, "push.json"), []byte(`{"required": ["ref"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	id := 0
	for _, tt := range []struct {
		name, options, event, body string
		status                     int
		outcome                    string
	}{
		{"valid", "", "push", `{"ref":"x"}`, 200, "accepted WEBHOOKS"},
		{"invalid", "", "push", `{}`, 200, "quarantined WEBHOOKS_QUARANTINE"},
		{"tag", "on_invalid tag", "push", `{}`, 200, "accepted WEBHOOKS"},
		{"reject", "on_invalid reject", "push", `{}`, 422, "rejected <nil>"},
		{"no schema", "", "star", `{}`, 200, "accepted WEBHOOKS"},
		{"no schema is invalid", "unknown_type invalid", "star", `{}`, 200, "quarantined WEBHOOKS_QUARANTINE"},
		{"by rule", "type st* push.json", "star", `{}`, 200, "quarantined WEBHOOKS_QUARANTINE"},
	} {
		id++
		s.load("", "webhooks /github github {env.GITHUB_SECRET} {\n\t\tschema {\n\t\t\tdir "+s.dir+"\n\t\t\t"+tt.options+"\n\t\t}\n\t}\n\trespond 404")
		got := s.post("/github", strconv.Itoa(id), tt.body, func(r *http.Request) { r.Header.Set("X-Github-Event", tt.event) })
		outcomes := s.outcomes()
		if last := outcomes[len(outcomes)-1]; got.status != tt.status || !strings.HasPrefix(last, tt.outcome) {
			t.Errorf("%s: got %d, %s, want %d, %s", tt.name, got.status, last, tt.status, tt.outcome)
		}
	}
}
