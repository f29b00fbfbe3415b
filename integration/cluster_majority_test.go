package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestClusterWithoutMajority: two of three servers are gone, so that the streams have
// no leader. Senders are asked to come back soon, since that mends itself; what
// supervises the gateway is told that it is not ready, except where events are kept
// on this machine; and nothing that is wrong with the configuration is made up.
func TestClusterWithoutMajority(t *testing.T) {
	t.Parallel()
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
		spool {
			dir %s
		}
		preflight_interval 2s
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
	webhooks_health /health/*
	respond 404
}
`, strings.Join(c.urls, " "), filepath.Join(dir, "spool"), addr)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	caddy := caddyProcess(dir, file, "KILL_SECRET="+killSecret)
	caddy.start(t)
	t.Cleanup(func() {
		caddy.kill()
		if t.Failed() {
			text := caddy.log.String()
			t.Logf("the end of caddy's log:\n%s", text[max(0, len(text)-12000):])
		}
	})
	n := 0
	deliver := func(path string) (status, retry int) {
		t.Helper()
		n++
		body := fmt.Appendf(nil, `{"n":%d}`, n)
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte(killSecret))
		mac.Write(body)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-GitHub-Event", "push")
		req.Header.Set("X-GitHub-Delivery", "d-"+strconv.Itoa(n))
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, 0
		}
		defer res.Body.Close()
		retry, _ = strconv.Atoi(res.Header.Get("Retry-After"))
		return res.StatusCode, retry
	}
	health := func(path string) (int, string) {
		res, err := http.Get("http://" + addr + path)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	healthy := func(path string, want int) error {
		if status, text := health(path); status != want {
			return fmt.Errorf("got %d %s, want %d", status, text, want)
		}
		return nil
	}
	waitFor(t, patience, "the stream is whole", func() error { return c.whole("WEBHOOKS") })
	waitFor(t, patience, "the gateway is ready", func() error { return healthy("/health/ready", 200) })
	if status, _ := deliver("/strict"); status != 200 {
		t.Fatalf("got %d", status)
	}

	// What is in quarantine was acknowledged as well.
	if info, err := c.info("WEBHOOKS_QUARANTINE"); err != nil || info.Config.Replicas != 3 {
		t.Errorf("quarantine: got %+v, %v, want as many replicas as the stream has", info, err)
	}

	leader, err := c.leader("WEBHOOKS")
	if err != nil {
		t.Fatal(err)
	}
	gone := []int{leader, (leader + 1) % 3}
	for _, i := range gone {
		c.servers[i].kill()
	}
	answers := make(map[int]int) // of Retry-After
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		status, retry := deliver("/strict")
		answers[retry]++
		if status != 503 || retry == 0 || retry > 8 {
			t.Errorf("got %d, Retry-After %d, want 503 and a few seconds", status, retry)
			break
		}
		if status, _ := deliver("/kept"); status != 200 {
			t.Errorf("kept: got %d, want 200", status)
			break
		}
	}
	t.Logf("Retry-After: %v", answers)
	waitFor(t, patience, "the gateway is not ready", func() error { return healthy("/health/ready", 503) })
	if err := healthy("/health/sources/strict", 503); err != nil {
		t.Error(err)
	}
	if err := healthy("/health/sources/kept", 200); err != nil {
		t.Error(err)
	}
	log := caddy.log.String()
	for _, made := range []string{"broker_refused", "give it the subject", "events are refused"} {
		if strings.Contains(log, made) {
			t.Errorf("the log says %q", made)
		}
	}
	if !strings.Contains(log, "broker_not_ready") {
		t.Error("the log does not say broker_not_ready")
	}

	for _, i := range gone {
		c.servers[i].start(t)
	}
	waitFor(t, 2*patience, "events are taken again", func() error {
		if status, _ := deliver("/strict"); status != 200 {
			return errors.New(strconv.Itoa(status))
		}
		return healthy("/health/ready", 200)
	})
}
