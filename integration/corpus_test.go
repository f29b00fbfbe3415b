package integration

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestGitHubPayloads is the product's main job on real input: a real Caddy with
// a real Caddyfile takes signed deliveries over HTTP, and a separate NATS client
// reads them back. It runs with the project's own payloads, and also with
// GitHub's 329 published examples and GitHub's own schema where that corpus
// (the npm packages @octokit/webhooks-examples and -schemas, as examples.json
// and schema.json in one directory) is at hand.
func TestGitHubPayloads(t *testing.T) {
	t.Run("own", func(t *testing.T) {
		runCorpus(t, ownCorpus(t))
	})
	t.Run("octokit", func(t *testing.T) {
		dir := os.Getenv("GITHUB_CORPUS_DIR")
		if dir == "" {
			dir = filepath.Join("..", "..", "shared", "corpora", "github")
		}
		if _, err := os.Stat(filepath.Join(dir, "examples.json")); err != nil {
			t.Skipf("no corpus in %s: set GITHUB_CORPUS_DIR to a directory with examples.json and schema.json", dir)
		}
		runCorpus(t, octokitCorpus(t, dir))
	})
}

// corpus is a set of payloads with what has to become of them.
type corpus struct {
	schemaBlock string // Caddyfile lines inside schema { }
	deliveries  []delivery
	// valid is the number of payloads that fit their schema, or -1 if each
	// delivery says so itself.
	valid, invalid int
}

type delivery struct {
	id, event, kind string // kind is event.action, the type we expect
	body            []byte
}

// ownCorpus reads testdata/github. A payload's file is named
// <number>-<event>-<valid|invalid>.json.
func ownCorpus(t *testing.T) corpus {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", "github"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "payloads", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads in %s (%v)", dir, err)
	}
	c := corpus{schemaBlock: "dir " + filepath.Join(dir, "schemas")}
	for i, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		if len(parts) != 3 {
			t.Fatalf("%s: want <number>-<event>-<valid|invalid>.json", file)
		}
		switch parts[2] {
		case "valid":
			c.valid++
		case "invalid":
			c.invalid++
		default:
			t.Fatalf("%s: want valid or invalid", file)
		}
		c.deliveries = append(c.deliveries, newDelivery(t, i, parts[1], body))
	}
	return c
}

// octokitCorpus takes the payloads byte for byte as they stand in examples.json
// and chooses the definition of schema.json by event, as an operator would.
func octokitCorpus(t *testing.T, dir string) corpus {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	readJSON(t, filepath.Join(dir, "examples.json"), &events)
	var schema struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	readJSON(t, filepath.Join(dir, "schema.json"), &schema)

	// The directory of schemas holds schema.json alone: whatever else lies in
	// the corpus is not for the gateway to compile.
	schemas := t.TempDir()
	data, err := os.ReadFile(filepath.Join(dir, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(schemas, "schema.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var block strings.Builder
	fmt.Fprintf(&block, "dir %s\n", schemas)
	// What an independent validator (Ajv 8 with formats) finds.
	c := corpus{valid: 276, invalid: 53}
	for _, e := range events {
		def := e.Name + "_event"
		if _, ok := schema.Definitions[def]; !ok {
			def = e.Name + "$event"
		}
		fmt.Fprintf(&block, "type %s schema.json#/definitions/%s\n", e.Name, def)
		fmt.Fprintf(&block, "type %s.* schema.json#/definitions/%s\n", e.Name, def)
		for _, example := range e.Examples {
			c.deliveries = append(c.deliveries, newDelivery(t, len(c.deliveries), e.Name, example))
		}
	}
	c.schemaBlock = block.String()
	if len(c.deliveries) != 329 {
		t.Fatalf("got %d payloads, want 329", len(c.deliveries))
	}
	return c
}

func newDelivery(t *testing.T, i int, event string, body []byte) delivery {
	t.Helper()
	var payload struct {
		Action string `json:"action"`
	}
	if err := json.Unmarshal(body, &payload); err != nil {
		t.Fatal(err)
	}
	d := delivery{id: fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", i), event: event, kind: event, body: body}
	if payload.Action != "" {
		d.kind += "." + payload.Action
	}
	return d
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

const corpusSecret = "It's a Secret to Everybody, and only in this test"

func runCorpus(t *testing.T, c corpus) {
	httpAddr, natsAddr := freeAddr(t), freeAddr(t)
	dir := t.TempDir()
	caddyfile := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(`{
	admin off
	webhooks {
		signature_samples off
		nats embedded {
			store_dir %s
			listen %s
		}
	}
}

http://%s {
	webhooks /github github {env.GITHUB_WEBHOOK_SECRET} {
		source platform
		schema {
			%s
			on_invalid quarantine
		}
	}
	handle /metrics {
		metrics
	}
	respond 404
}
`, filepath.Join(dir, "store"), natsAddr, httpAddr, strings.ReplaceAll(strings.TrimSpace(c.schemaBlock), "\n", "\n\t\t\t"))
	if err := os.WriteFile(caddyfile, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	startCaddy(t, dir, caddyfile, "GITHUB_WEBHOOK_SECRET="+corpusSecret)
	url := "http://" + httpAddr + "/github"
	waitFor(t, 60*time.Second, "the gateway is ready", func() error {
		// A GET is refused in any case; 405 says that the route answers.
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})

	nc, err := nats.Connect("nats://"+natsAddr, nats.RetryOnFailedConnect(true), nats.MaxReconnects(50))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	n := len(c.deliveries)

	// First round: everything is new.
	start := time.Now()
	postAll(t, url, c.deliveries, false, http.StatusOK)
	first := time.Since(start)
	verified := readStream(t, js, "WEBHOOKS", c.valid)
	quarantined := readStream(t, js, "WEBHOOKS_QUARANTINE", c.invalid)
	if got := len(verified) + len(quarantined); got != n {
		t.Fatalf("got %d messages, want %d", got, n)
	}
	for _, d := range c.deliveries {
		checkMessage(t, d, verified, quarantined)
	}
	checkCount(t, httpAddr, "accepted", c.valid)
	checkCount(t, httpAddr, "quarantined", c.invalid)

	// Second round: the same deliveries are proven duplicates.
	start = time.Now()
	postAll(t, url, c.deliveries, false, http.StatusOK)
	second := time.Since(start)
	checkCount(t, httpAddr, "duplicate", n)
	checkStored(t, js, c)

	// Third round: one byte flipped, the signature of the original.
	start = time.Now()
	postAll(t, url, c.deliveries, true, http.StatusUnauthorized)
	third := time.Since(start)
	checkCount(t, httpAddr, "rejected", n+countGets)
	checkStored(t, js, c)

	t.Logf("%d payloads: %d on verified subjects, %d in quarantine, all byte-identical; new %v, duplicates %v, flipped %v",
		n, len(verified), len(quarantined), first.Round(time.Millisecond), second.Round(time.Millisecond), third.Round(time.Millisecond))
}

// countGets is how many of the readiness probes reach the route with an answer.
const countGets = 1

// checkMessage finds the one message that d became, and compares it.
func checkMessage(t *testing.T, d delivery, verified, quarantined map[string]jetstream.Msg) {
	t.Helper()
	m, isVerified := verified[d.id]
	q, isQuarantined := quarantined[d.id]
	if isVerified == isQuarantined {
		t.Errorf("%s %s: verified %v, quarantined %v; want exactly one", d.id, d.kind, isVerified, isQuarantined)
		return
	}
	subject := "wh.v1.default.platform." + d.kind
	schemaVerdict := "valid"
	if isQuarantined {
		m, subject, schemaVerdict = q, "wh-quarantine.v1.default.platform.schema", "invalid"
	}
	if m.Subject() != subject {
		t.Errorf("%s: subject %s, want %s", d.id, m.Subject(), subject)
	}
	if !bytes.Equal(m.Data(), d.body) {
		t.Errorf("%s %s: the payload is not what was posted", d.id, d.kind)
	}
	digest := sha256.Sum256(d.body)
	want := map[string]string{
		"ce-specversion":       "1.0",
		"ce-id":                d.id,
		"ce-source":            "/default/platform",
		"ce-type":              "com.github." + d.kind,
		"ce-datacontenttype":   "application/json",
		"ce-whtenant":          "default",
		"ce-whsource":          "platform",
		"ce-whprovider":        "github",
		"ce-whtrust":           "verified",
		"ce-whschema":          schemaVerdict,
		"ce-whsha256":          hex.EncodeToString(digest[:]),
		"ce-whsize":            fmt.Sprint(len(d.body)),
		"ce-whunsigned":        "id,type",
		"ce-whdedupe":          "unique",
		"Wh-H-X-Github-Event":  d.event,
		"Wh-H-Authorization":   "",
		"Wh-H-X-Hub-Signature": "",
	}
	for name, value := range want {
		if got := m.Headers().Get(name); got != value {
			t.Errorf("%s: %s is %q, want %q", d.id, name, got, value)
		}
	}
	// In quarantine ids are made of more, so that no version of an event is lost.
	if got, want := m.Headers().Get("Nats-Msg-Id"), msgID("default", "platform", d.id); isVerified && got != want {
		t.Errorf("%s: Nats-Msg-Id is %q, want %q", d.id, got, want)
	}
	if _, err := time.Parse(time.RFC3339Nano, m.Headers().Get("ce-recordedtime")); err != nil {
		t.Errorf("%s: ce-recordedtime: %v", d.id, err)
	}
}

func postAll(t *testing.T, url string, deliveries []delivery, flip bool, want int) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	answer := regexp.MustCompile(`^[a-z_]+ [0-9A-Z]{26}\n$`)
	work := make(chan delivery)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for d := range work {
				status, body, err := post(client, url, d, flip)
				switch {
				case err != nil:
					t.Errorf("%s %s: %v", d.id, d.kind, err)
				case status != want:
					t.Errorf("%s %s: got %d %q, want %d", d.id, d.kind, status, body, want)
				case status >= 400 && !answer.MatchString(body):
					t.Errorf("%s: the body is %q, want <code> <request id>", d.id, body)
				}
			}
		})
	}
	for _, d := range deliveries {
		work <- d
	}
	close(work)
	wg.Wait()
}

func post(client *http.Client, url string, d delivery, flip bool) (status int, answer string, err error) {
	mac := hmac.New(sha256.New, []byte(corpusSecret))
	mac.Write(d.body)
	body := d.body
	if flip {
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer must-not-be-published")
	req.Header.Set("X-GitHub-Event", d.event)
	req.Header.Set("X-GitHub-Delivery", d.id)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// readStream reads the whole stream, which must hold want messages, by ce-id.
func readStream(t *testing.T, js jetstream.JetStream, stream string, want int) map[string]jetstream.Msg {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	if got := s.CachedInfo().State.Msgs; got != uint64(want) {
		t.Errorf("%s holds %d messages, want %d", stream, got, want)
	}
	messages := map[string]jetstream.Msg{}
	if s.CachedInfo().State.Msgs == 0 {
		return messages
	}
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	batch, err := consumer.Fetch(int(s.CachedInfo().State.Msgs), jetstream.FetchMaxWait(20*time.Second))
	if err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	for m := range batch.Messages() {
		messages[m.Headers().Get("ce-id")] = m
	}
	if batch.Error() != nil {
		t.Fatalf("%s: %v", stream, batch.Error())
	}
	return messages
}

func checkStored(t *testing.T, js jetstream.JetStream, c corpus) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for stream, want := range map[string]int{"WEBHOOKS": c.valid, "WEBHOOKS_QUARANTINE": c.invalid} {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().State; got.Msgs != uint64(want) || got.LastSeq != uint64(want) {
			t.Errorf("%s holds %d messages and has taken %d, want %d", stream, got.Msgs, got.LastSeq, want)
		}
	}
}

// checkCount reads the metrics and sums the requests with this outcome.
func checkCount(t *testing.T, addr, outcome string, want int) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	line := regexp.MustCompile(`(?m)^caddy_webhooks_requests_total\{([^}]*)\} (\d+)$`)
	for _, m := range line.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(m[1], `outcome="`+outcome+`"`) && strings.Contains(m[1], `source="platform"`) {
			var n int
			if _, err := fmt.Sscan(m[2], &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	if total != want {
		t.Errorf("caddy_webhooks_requests_total with outcome %q is %d, want %d", outcome, total, want)
	}
}

// startCaddy runs the caddy on PATH, which is the one that CADDY_BIN names or
// this test binary under another name, until the test ends.
func startCaddy(t *testing.T, dir, caddyfile string, env ...string) {
	t.Helper()
	cmd := exec.Command(caddyBin(), "run", "--config", caddyfile, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Env = append(cmd.Env, env...)
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting caddy: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("caddy did not stop cleanly: %v", err)
			}
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("caddy did not stop within 30 s of SIGTERM")
		}
		text := log.String()
		if strings.Contains(text, corpusSecret) || strings.Contains(text, "must-not-be-published") {
			t.Error("the log holds a secret")
		}
		if t.Failed() {
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-8000):])
		}
	})
}

// lockedBuffer collects a process's output while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitFor(t *testing.T, total time.Duration, what string, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(total)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// msgID is the message id of the consumer contract, computed here a second time
// on purpose: consumers and other gateways depend on it.
func msgID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:22]
}
