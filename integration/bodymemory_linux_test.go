package integration

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLargeBodyMemory has a gateway put bodies of 25 MB, the largest that GitHub
// sends, into the object store of a server that is a process of its own, one
// after the other and some together, and looks how much memory it takes:
// docs/consumers.md says so.
func TestLargeBodyMemory(t *testing.T) {
	const size = 25_000_000
	c := startCluster(t, 1, "")
	dir, addr := t.TempDir(), freeAddr(t)
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(`{
	admin off
	auto_https off
	webhooks {
		nats %s
		spool off
		max_memory 512MiB
		stream {
			replicas 1
		}
	}
}
http://%s {
	webhooks /github github {env.LARGE_BODY_SECRET}
}
`, c.urls[0], addr)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-for-large-bodies"
	gateway := caddyProcess(dir, file, "LARGE_BODY_SECRET="+secret)
	gateway.start(t)
	t.Cleanup(func() { gateway.stop(t) })
	client := &http.Client{Timeout: 60 * time.Second}
	send := func(id string, body []byte) error {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/github", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-GitHub-Event", "push")
		req.Header.Set("X-GitHub-Delivery", id)
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode/100 != 2 {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	}
	large := func(n int) []byte {
		body := fmt.Appendf(nil, `{"n": %d, "pad": "`, n)
		return append(append(body, bytes.Repeat([]byte{'x'}, size-len(body)-2)...), `"}`...)
	}
	waitFor(t, 20*time.Second, "the gateway takes events", func() error { return send("first", []byte("{}")) })
	before := peakMemory(t, gateway.cmd.Process.Pid)
	for i := range 5 {
		if err := send(fmt.Sprint("one-", i), large(i)); err != nil {
			t.Fatal(err)
		}
	}
	one := peakMemory(t, gateway.cmd.Process.Pid)
	const together = 4
	var senders sync.WaitGroup
	for i := range together {
		senders.Go(func() {
			if err := send(fmt.Sprint("together-", i), large(100+i)); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	all := peakMemory(t, gateway.cmd.Process.Pid)
	t.Logf("resident at most: %d MiB before, %d MiB with one body of 25 MB at a time, %d MiB with %d", before>>20, one>>20, all>>20, together)
	// What the page says: with what the garbage collector has not yet taken.
	if one-before > 5*size {
		t.Errorf("one body of %d bytes takes %d", size, one-before)
	}
	if all-before > 2*together*size {
		t.Errorf("%d bodies of %d bytes take %d", together, size, all-before)
	}
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
