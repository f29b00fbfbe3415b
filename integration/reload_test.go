package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// gateway is a Caddy under test with its NATS server: one in its process, or one
// beside it.
type gateway struct {
	t        *testing.T
	embedded bool
	caddy    *process
	server   *process // nil if it is embedded
	dir      string
	settings string // of the routes /strict and /kept, one on a line
	addr     string // of the site
	admin    string
	nats     string // URL
	monitor  string // URL; "" if it is embedded
	stopped  bool
}

func newGateway(t *testing.T, embedded bool, settings ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, embedded: embedded, dir: t.TempDir(), settings: strings.Join(settings, "\n"), addr: freeAddr(t), admin: freeAddr(t)}
	natsAddr := freeAddr(t)
	g.nats = "nats://" + natsAddr
	if embedded {
		secret := filepath.Join(g.dir, "secrets", "acme", "kept")
		if err := errors.Join(os.MkdirAll(filepath.Dir(secret), 0o700), os.WriteFile(secret, []byte(killSecret+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	} else {
		monitor := freeAddr(t)
		g.monitor = "http://" + monitor
		host, port, _ := strings.Cut(natsAddr, ":")
		_, monitorPort, _ := strings.Cut(monitor, ":")
		g.server = &process{name: "nats-server", args: []string{"-a", host, "-p", port, "-m", monitorPort, "-js", "-sd", filepath.Join(g.dir, "nats")}}
		g.server.start(t)
		t.Cleanup(func() { g.server.stop(t) })
		g.putSecret()
	}
	file := filepath.Join(g.dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(g.config(0)), 0o600); err != nil {
		t.Fatal(err)
	}
	g.caddy = caddyProcess(g.dir, file, "KILL_SECRET="+killSecret)
	g.start()
	t.Cleanup(func() {
		if !g.stopped {
			g.caddy.stop(t)
		}
		switch text := g.caddy.log.String(); {
		case strings.Contains(text, killSecret):
			t.Error("the log holds the secret")
		case strings.Contains(text, "panic"):
			t.Errorf("a panic:\n%s", text[max(0, len(text)-8000):])
		case t.Failed():
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return g
}

func (g *gateway) putSecret() {
	g.t.Helper()
	nc, err := dialNATS(g.nats)
	if err != nil {
		g.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		g.t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(g.t.Context(), jetstream.KeyValueConfig{Bucket: "SECRETS"})
	if err == nil {
		_, err = kv.PutString(g.t.Context(), "acme.kept", killSecret)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// config is what the gateway runs with. Each generation differs, or Caddy would
// not reload.
func (g *gateway) config(generation int) string {
	broker := fmt.Sprintf("nats embedded {\n\t\t\tstore_dir %s\n\t\t\tlisten %s\n\t\t}", filepath.Join(g.dir, "store"), strings.TrimPrefix(g.nats, "nats://"))
	secrets := "dir " + filepath.Join(g.dir, "secrets")
	spool := ""
	if !g.embedded {
		broker = fmt.Sprintf("nats %s\n\t\tspool {\n\t\t\tdir %s\n\t\t}", g.nats, filepath.Join(g.dir, "spool"))
		secrets = "nats_kv SECRETS"
		spool = "spool on_outage"
	}
	return fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	webhooks {
		%s
	}
}
http://%s {
	header X-Generation %d
	webhooks /strict github {env.KILL_SECRET} {
		rate_limit 1000000/s
		rate_limit 1000000/s per client
		%s
	}
	webhooks /kept github {
		source kept
		tenant acme
		secrets_from %s
		%s
		%s
	}
	webhooks /t/*/more github {
		tenant {path.1}
		secrets_from %s
	}
	respond 404
}
`, g.admin, broker, g.addr, generation, g.settings, secrets, spool, g.settings, secrets)
}

func (g *gateway) start() {
	g.t.Helper()
	g.caddy.start(g.t)
	s := newSenders("http://" + g.addr)
	waitFor(g.t, patience, "the gateway takes events", func() error {
		for _, route := range []string{"/strict", "/kept"} {
			if status := s.post(route, "first", []byte(`{}`)); status != http.StatusOK {
				return fmt.Errorf("%s answers %d", route, status)
			}
		}
		return nil
	})
	s.client.CloseIdleConnections()
}

// reload returns when Caddy has the new configuration.
func (g *gateway) reload(generation int) {
	g.t.Helper()
	if status, text := g.load(generation); status != http.StatusOK {
		g.t.Fatalf("reload %d: %d %s", generation, status, text)
	}
}

// load returns Caddy's answer to a new configuration.
func (g *gateway) load(generation int) (status int, text string) {
	g.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+g.admin+"/load", strings.NewReader(g.config(generation)))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func (g *gateway) get(url string) []byte {
	g.t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		g.t.Fatalf("%s: %d %v", url, res.StatusCode, err)
	}
	return text
}

// usage is what a process holds.
type usage struct {
	goroutines, files, heap int // heap in bytes, after a collection
	// Of the server beside it; 0 if it is embedded.
	connections, subscriptions, consumers int
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MB of heap, %d connections, %d subscriptions, %d consumers",
		u.goroutines, u.files, float64(u.heap)/1e6, u.connections, u.subscriptions, u.consumers)
}

var (
	goroutineTotal = regexp.MustCompile(`^goroutine profile: total (\d+)`)
	heapAlloc      = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	totalAlloc     = regexp.MustCompile(`(?m)^# TotalAlloc = (\d+)$`)
)

// profiled is a number of a profile.
func (g *gateway) profiled(name string, re *regexp.Regexp) int {
	g.t.Helper()
	m := re.FindSubmatch(g.get("http://" + g.admin + "/debug/pprof/" + name))
	if m == nil {
		g.t.Fatalf("no %s in the profile %s", re, name)
	}
	n, _ := strconv.Atoi(string(m[1])) // it is digits
	return n
}

// allocated is how many bytes the process has allocated since it started.
func (g *gateway) allocated() int {
	g.t.Helper()
	return g.profiled("heap?debug=1", totalAlloc)
}

func (g *gateway) usage() usage {
	g.t.Helper()
	var u usage
	u.heap = g.profiled("heap?gc=1&debug=1", heapAlloc)
	u.goroutines = g.profiled("goroutine?debug=1", goroutineTotal)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.caddy.cmd.Process.Pid))
	if err == nil { // where there is such a thing
		u.files = len(files)
	}
	if g.embedded {
		return u
	}
	var connz struct {
		Connections []struct {
			Subscriptions int    `json:"subscriptions"`
			Name          string `json:"name"`
		} `json:"connections"`
	}
	var jsz struct {
		Consumers int `json:"consumers"`
	}
	if err := errors.Join(json.Unmarshal(g.get(g.monitor+"/connz"), &connz), json.Unmarshal(g.get(g.monitor+"/jsz"), &jsz)); err != nil {
		g.t.Fatal(err)
	}
	for _, c := range connz.Connections {
		if strings.HasPrefix(c.Name, "caddy-webhooks") {
			u.connections++
			u.subscriptions += c.Subscriptions
		}
	}
	u.consumers = jsz.Consumers
	return u
}

// rest waits until the gateway holds no more than it did, but for a little that
// differs from moment to moment.
func (g *gateway) rest(before usage) usage {
	g.t.Helper()
	var now usage
	waitFor(g.t, 30*time.Second, "what was held is given back", func() error {
		now = g.usage()
		switch {
		case now.goroutines > before.goroutines+3, now.files > before.files+3, now.heap > before.heap+8<<20,
			now.connections != before.connections, now.subscriptions > before.subscriptions, now.consumers > before.consumers:
			return fmt.Errorf("now %v, before %v", now, before)
		}
		return nil
	})
	return now
}

// check compares what was acknowledged with what is stored, and returns how many
// events that is.
func (g *gateway) check(s *senders) int {
	g.t.Helper()
	nc, err := dialNATS(g.nats)
	if err != nil {
		g.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		g.t.Fatal(err)
	}
	c := &cluster{conn: nc, js: js}
	var stored map[string]int
	var want int
	// What is in the spool comes soon.
	waitFor(g.t, patience, "what was acknowledged is stored", func() error {
		stored = make(map[string]int)
		c.each(g.t, "WEBHOOKS", func(h nats.Header, _ uint64) { stored[h["ce-id"][0]+" "+h["ce-whtenant"][0]]++ })
		lost, example := 0, ""
		want = 0
		s.acked.Range(func(id, _ any) bool {
			want++
			tenant := "default"
			if number := strings.Split(fmt.Sprint(id), "-"); number[1][len(number[1])-1]%2 == 1 {
				tenant = "acme" // as senders.start sends them
			}
			if key := fmt.Sprint(id, " ", tenant); stored[key] == 0 {
				lost++
				example = key
			}
			return true
		})
		if lost > 0 {
			return fmt.Errorf("%d acknowledged events are not stored, such as %s", lost, example)
		}
		return nil
	})
	doubled := 0
	for key, n := range stored {
		if n > 1 {
			doubled++
			g.t.Logf("%s is stored %d times", key, n)
		}
	}
	if doubled > 0 {
		g.t.Errorf("%d events are doubled", doubled)
	}
	for _, stream := range []string{"WEBHOOKS_QUARANTINE"} {
		ctx, cancel := context.WithTimeout(g.t.Context(), patience)
		info, err := js.Stream(ctx, stream)
		cancel()
		if err != nil {
			g.t.Fatal(err)
		}
		if n := info.CachedInfo().State.Msgs; n > 0 {
			g.t.Errorf("%d events are in quarantine", n)
		}
	}
	return want
}

func (g *gateway) serverID() string {
	g.t.Helper()
	nc, err := dialNATS(g.nats)
	if err != nil {
		g.t.Fatal(err)
	}
	defer nc.Close()
	return nc.ConnectedServerId()
}

func rounds(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q is not a number of rounds", variable, text)
	}
	return n
}

// TestReloads loads one configuration after the other while events come in: none
// is lost, doubled or refused, and in the end nothing more is held than before.
// RELOAD_ROUNDS is how many.
func TestReloads(t *testing.T) {
	t.Parallel()
	for _, embedded := range []bool{true, false} {
		t.Run(map[bool]string{true: "embedded", false: "server"}[embedded], func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, embedded)
			// What is made once is made before the first look.
			g.reload(1)
			warm := newSenders("http://" + g.addr)
			warm.start(8)
			waitFor(t, patience, "events come in", func() error { return some(warm, 100) })
			warm.stop()
			server := g.serverID()
			before := g.usage()

			s := newSenders("http://" + g.addr)
			s.prefix = "r"
			s.start(8)
			n := rounds(t, "RELOAD_ROUNDS", 25)
			for i := range n {
				acknowledged := s.acknowledged.Load()
				g.reload(2 + i)
				waitFor(t, patience, "events are acknowledged after a reload", func() error { return some(s, acknowledged+20) })
			}
			s.stop()
			after := g.rest(before)
			if id := g.serverID(); id != server {
				t.Errorf("the NATS server is %s, and was %s", id, server)
			}
			stored := g.check(s)
			if s.other.Load() > 0 || s.gaveUp.Load() > 0 {
				t.Errorf("%d answers that are neither 200 nor 503, %d senders gave up", s.other.Load(), s.gaveUp.Load())
			}
			if refused := s.refused.Load(); refused > 0 {
				t.Errorf("%d requests were answered 503", refused)
			}
			t.Logf("%d reloads: %d deliveries, %d events acknowledged and stored once, %d answered 503, %d without an answer",
				n, s.deliveries.Load(), stored, s.refused.Load(), s.cut.Load())
			t.Logf("before: %v", before)
			t.Logf("after:  %v", after)
		})
	}
}

func some(s *senders, want int64) error {
	if n := s.acknowledged.Load(); n < want {
		return fmt.Errorf("%d are acknowledged, %d refused, %d without an answer", n, s.refused.Load(), s.cut.Load())
	}
	return nil
}

// TestShutdowns ends Caddy, as an operator does, and starts it again while
// events come in: none that was acknowledged is lost, and none doubled.
// SHUTDOWN_ROUNDS is how many.
func TestShutdowns(t *testing.T) {
	t.Parallel()
	for _, embedded := range []bool{true, false} {
		t.Run(map[bool]string{true: "embedded", false: "server"}[embedded], func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, embedded)
			s := newSenders("http://" + g.addr)
			s.start(8)
			var longest time.Duration
			n := rounds(t, "SHUTDOWN_ROUNDS", 4)
			for range n {
				acknowledged := s.acknowledged.Load()
				waitFor(t, patience, "events are acknowledged", func() error { return some(s, acknowledged+50) })
				time.Sleep(rand.N(100 * time.Millisecond)) // at any moment
				begun := time.Now()
				g.caddy.stop(t)
				longest = max(longest, time.Since(begun))
				g.start()
			}
			s.stop()
			stored := g.check(s)
			if s.other.Load() > 0 || s.gaveUp.Load() > 0 {
				t.Errorf("%d answers that are neither 200 nor 503, %d senders gave up", s.other.Load(), s.gaveUp.Load())
			}
			g.caddy.stop(t)
			g.stopped = true
			t.Logf("%d shutdowns, the longest %v: %d deliveries, %d events acknowledged and stored once, %d answered 503, %d without an answer",
				n, longest.Round(time.Millisecond), s.deliveries.Load(), stored, s.refused.Load(), s.cut.Load())
		})
	}
}
