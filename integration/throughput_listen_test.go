package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestListenThroughput prints how many events a second `caddy webhooks listen`
// forwards to a service that does nothing, each once. It runs with THROUGHPUT set.
func TestListenThroughput(t *testing.T) {
	if os.Getenv("THROUGHPUT") == "" {
		t.Skip("set THROUGHPUT=5s, as for TestThroughput, on a machine with nothing else to do: it measures, and wants nothing of the result but that each event comes once")
	}
	const events, rounds = 20000, 3
	dir, addr, admin, broker := t.TempDir(), freeAddr(t), freeAddr(t), freeAddr(t)
	body, err := os.ReadFile("testdata/github/payloads/02-push-valid.json")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
	webhooks {
		nats embedded {
			listen %s
			sync interval 2m
		}
	}
}
http://%s {
	webhooks /github github {env.THROUGHPUT_SECRET}
	respond 404
}
`, admin, broker, addr)
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-for-throughput"
	startCaddy(t, dir, file, "THROUGHPUT_SECRET="+secret)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	l := &load{
		url: "http://" + addr + "/github", body: body, signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}},
	}
	defer l.client.CloseIdleConnections()
	waitFor(t, 20*time.Second, "the gateway takes events", func() error { return l.send() })
	for stored := 0; l.sent.Load() < events; stored++ {
		l.last(64, 200*time.Millisecond)
	}
	if n := l.failed.Load(); n > 0 {
		t.Fatalf("%d events were not taken", n)
	}

	var got atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
	}))
	defer service.Close()
	ways := map[string][]string{"admin API": {"--address", admin}, "NATS": {"--nats", "nats://" + broker}}
	for _, way := range []string{"admin API", "NATS"} {
		for _, concurrency := range []int{1, 16} {
			var rates []float64
			for range rounds {
				got.Store(0)
				args := append([]string{
					"webhooks", "listen", "--forward", service.URL, "--since", "all", "--count", fmt.Sprint(events), "--concurrency", fmt.Sprint(concurrency),
				}, ways[way]...)
				var out bytes.Buffer
				cmd := exec.Command("caddy", args...)
				cmd.Stdout, cmd.Stderr = &out, &out
				begin := time.Now()
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v\n%.2000s", err, out.String())
				}
				took := time.Since(begin)
				if n := got.Load(); n != events || !strings.HasSuffix(out.String(), fmt.Sprintf("%d forwarded, 0 failed\n", events)) {
					t.Fatalf("%d of %d events came", n, events)
				}
				rates = append(rates, events/took.Seconds())
			}
			slices.Sort(rates)
			t.Logf("%s, concurrency %d: %.0f events/s of %d bytes, with the start of the process (%.0f to %.0f)",
				way, concurrency, rates[rounds/2], len(body), rates[0], rates[rounds-1])
		}
	}
}
