package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

const killSecret = "a-secret-for-the-kills"

// TestClusterKills kills what can be killed, again and again, while senders
// deliver: the server that leads the stream, any server, two of the three at
// once, and the gateway. Every event that was answered with 200 must be in the
// stream, once. KILL_CLUSTER_ROUNDS is how many kills; each round is one.
func TestClusterKills(t *testing.T) {
	t.Parallel()
	rounds := 4
	if text := os.Getenv("KILL_CLUSTER_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("KILL_CLUSTER_ROUNDS: %q is not a number of rounds", text)
		}
	}
	c := startCluster(t, 3, "")
	dir, addr := t.TempDir(), freeAddr(t)
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(`{
	admin off
	auto_https off
	webhooks {
		nats %s
		stream {
			replicas 3
			preflight strict
		}
		quarantine_stream {
			replicas 3
		}
		spool {
			dir %s
		}
	}
}
http://%s {
	webhooks /strict github {env.KILL_SECRET} {
		spool off
	}
	webhooks /kept github {env.KILL_SECRET} {
		source kept
		spool on_outage
	}
	respond 404
}
`, strings.Join(c.urls, " "), filepath.Join(dir, "spool"), addr)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	caddy := caddyProcess(dir, file, "KILL_SECRET="+killSecret)
	caddy.start(t)
	stopped := false
	defer func() {
		if !stopped {
			caddy.kill()
		}
		if text := caddy.log.String(); strings.Contains(text, killSecret) {
			t.Error("the log holds the secret")
		} else if t.Failed() {
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-8000):])
		}
	}()
	waitFor(t, patience, "the stream is whole", func() error { return c.whole("WEBHOOKS") })

	s := newSenders("http://" + addr)
	s.start(12)
	var kills [4]int
	victims := [...]string{"leader", "any server", "two servers", "gateway"}
	var longest time.Duration
	for round := range rounds {
		before := s.acknowledged.Load()
		waitFor(t, 60*time.Second, "events are acknowledged", func() error {
			if n := s.acknowledged.Load(); n < before+50 {
				return fmt.Errorf("%d since the last kill", n-before)
			}
			return nil
		})
		// At any moment of what goes on, such as a copying of the stream.
		time.Sleep(rand.N(500 * time.Millisecond))
		victim := round % len(victims)
		kills[victim]++
		down := time.Now()
		switch victim {
		case 0:
			var i int
			waitFor(t, 60*time.Second, "the stream has a leader", func() (err error) { i, err = c.leader("WEBHOOKS"); return err })
			c.restart(t, i)
		case 1:
			c.restart(t, rand.N(3))
		case 2:
			i := rand.N(3)
			c.restart(t, i, (i+1)%3)
		case 3:
			caddy.kill()
			time.Sleep(rand.N(500 * time.Millisecond))
			caddy.start(t)
		}
		waitFor(t, 120*time.Second, "the stream is whole again", func() error { return c.whole("WEBHOOKS") })
		longest = max(longest, time.Since(down))
	}
	s.stop()
	if s.gaveUp.Load() > 0 {
		t.Errorf("%d senders gave up: an event was not acknowledged in two minutes of trying", s.gaveUp.Load())
	}
	// What the spool has is forwarded.
	want := uint64(s.acknowledged.Load())
	waitFor(t, 120*time.Second, "what was acknowledged is in the stream", func() error {
		info, err := c.info("WEBHOOKS")
		if err == nil && info.State.Msgs < want {
			err = fmt.Errorf("%d messages of %d", info.State.Msgs, want)
		}
		return err
	})
	caddy.stop(t)
	stopped = true

	found := make(map[string]int)
	c.each(t, "WEBHOOKS", func(h nats.Header, seq uint64) {
		id := h["ce-id"][0]
		found[id]++
		if digest, ok := s.acked.Load(id); ok && digest != h["ce-whsha256"][0] {
			t.Errorf("message %d: the event %s has other bytes than were sent", seq, id)
		}
	})
	lost, doubled := 0, 0
	s.acked.Range(func(id, _ any) bool {
		if found[id.(string)] == 0 {
			lost++
			t.Logf("lost: %v", id)
		}
		return true
	})
	for id, n := range found {
		if n > 1 {
			doubled++
			t.Logf("%d times: %s", n, id)
		}
	}
	for i, name := range victims {
		t.Logf("SIGKILL of %s: %d", name, kills[i])
	}
	t.Logf("deliveries %d, events acknowledged %d, asked to try again %d, no answer %d, longest until the stream was whole %.1f s, lost %d, doubled %d",
		s.deliveries.Load(), want, s.refused.Load(), s.cut.Load(), longest.Seconds(), lost, doubled)
	if lost > 0 || doubled > 0 {
		t.Errorf("%d events lost, %d doubled", lost, doubled)
	}
	if s.other.Load() > 0 {
		t.Errorf("%d answers were neither 200 nor 503", s.other.Load())
	}
	if info, err := c.info("WEBHOOKS_QUARANTINE"); err != nil || info.State.Msgs > 0 {
		t.Errorf("quarantine: got %+v, %v, want nothing", info, err)
	}
}

// restart kills servers at once and starts them again.
func (c *cluster) restart(t *testing.T, which ...int) {
	t.Helper()
	for _, i := range which {
		c.servers[i].kill()
	}
	time.Sleep(rand.N(2 * time.Second)) // from a blink to an election
	for _, i := range which {
		c.servers[i].start(t)
	}
}

// senders deliver events as providers do: each event until it is answered with
// 200, and some of them once more after that.
type senders struct {
	url    string
	prefix string // of ids
	kind   func(id string) string
	body   func(id string) []byte
	saw    func(route, id string, res *http.Response) // nil: there was no answer
	client *http.Client
	quit   chan struct{}
	work   sync.WaitGroup
	acked  sync.Map // id to digest

	deliveries, acknowledged, refused, cut, other, gaveUp atomic.Int64
}

func newSenders(url string) *senders {
	return &senders{
		url: url, prefix: "e", quit: make(chan struct{}),
		kind:   func(string) string { return "push" },
		body:   func(id string) []byte { return fmt.Appendf(nil, `{"event":%q}`, id) },
		saw:    func(string, string, *http.Response) {},
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
}

func (s *senders) start(n int) {
	for i := range n {
		s.work.Go(func() {
			route := []string{"/strict", "/kept"}[i%2]
			for n := 0; ; n++ {
				select {
				case <-s.quit:
					return
				default:
				}
				if !s.deliver(route, fmt.Sprintf("%s-%d-%d", s.prefix, i, n), 1+n%10/9) {
					s.gaveUp.Add(1)
					return
				}
				time.Sleep(rand.N(10 * time.Millisecond))
			}
		})
	}
}

// stop returns when the last event of each is acknowledged.
func (s *senders) stop() {
	close(s.quit)
	s.work.Wait()
	s.client.CloseIdleConnections()
}

// deliver sends an event until it is acknowledged, and that as often as times
// says.
func (s *senders) deliver(route, id string, times int) bool {
	body := s.body(id)
	sum := sha256.Sum256(body)
	for deadline := time.Now().Add(2 * time.Minute); times > 0; {
		if time.Now().After(deadline) {
			return false
		}
		switch s.post(route, id, body) {
		case http.StatusOK:
			if _, known := s.acked.LoadOrStore(id, hex.EncodeToString(sum[:])); !known {
				s.acknowledged.Add(1)
			}
			times--
			continue
		case http.StatusServiceUnavailable:
			s.refused.Add(1)
		case 0:
			s.cut.Add(1)
		default:
			s.other.Add(1)
		}
		time.Sleep(20*time.Millisecond + rand.N(100*time.Millisecond))
	}
	return true
}

// post returns the status, or 0 if there was no answer.
func (s *senders) post(route, id string, body []byte) int {
	s.deliveries.Add(1)
	req, err := http.NewRequest(http.MethodPost, s.url+route, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	mac := hmac.New(sha256.New, []byte(killSecret))
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", s.kind(id))
	req.Header.Set("X-GitHub-Delivery", id)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := s.client.Do(req)
	if err != nil {
		s.saw(route, id, nil)
		return 0
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		s.saw(route, id, nil)
		return 0
	}
	s.saw(route, id, res)
	return res.StatusCode
}
