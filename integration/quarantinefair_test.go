package integration

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestQuarantineFlood has one tenant send more events that the schema refuses than
// quarantine has room for. The others' stay, and it is told whose went.
func TestQuarantineFlood(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "")
	dir, addr := t.TempDir(), freeAddr(t)
	writeSchema(t, filepath.Join(dir, "schemas"), "integer")
	for _, tenant := range []string{"flooder", "acme", "globex"} {
		file := filepath.Join(dir, "secrets", tenant, "github")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(killSecret), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(`{
	admin off
	auto_https off
	webhooks {
		nats %s
		spool off
		quarantine_stream {
			max_bytes 4MB
		}
	}
}
http://%s {
	webhooks /t/*/github github {
		tenant {path.1}
		secrets_from dir %s
		schema {
			dir %s
		}
	}
	respond 404
}
`, strings.Join(c.urls, " "), addr, filepath.Join(dir, "secrets"), filepath.Join(dir, "schemas"))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	caddy := caddyProcess(dir, file)
	caddy.start(t)
	defer caddy.kill()
	s := newSenders("http://" + addr)
	defer s.client.CloseIdleConnections()
	n := 0
	put := func(tenant string, size int) {
		t.Helper()
		n++
		body := fmt.Appendf(nil, `{"event":"no integer","pad":"%s"}`, strings.Repeat("x", size))
		waitFor(t, patience, "the event is in quarantine", func() error {
			if status := s.post("/t/"+tenant+"/github", fmt.Sprintf("%s-%d", tenant, n), body); status != http.StatusOK {
				return fmt.Errorf("answered %d", status)
			}
			return nil
		})
	}
	for range 5 {
		put("acme", 100)
		put("globex", 20_000)
	}
	percent := func() int {
		t.Helper()
		info, err := c.info("WEBHOOKS_QUARANTINE")
		if err != nil {
			t.Fatal(err)
		}
		return int(info.State.Bytes * 100 / 4_000_000)
	}
	// More than there is room for, and no more in a second than fits into
	// the last tenth.
	sent := 0
	for begun := time.Now(); sent < 4_600_000; {
		if percent() < 92 {
			put("flooder", 50_000)
			sent += 50_000
			continue
		}
		if time.Since(begun) > 2*patience {
			t.Fatalf("no room is made: %d %%", percent())
		}
		time.Sleep(20 * time.Millisecond)
	}
	stream, err := c.js.Stream(t.Context(), "WEBHOOKS_QUARANTINE")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"acme", "globex"} {
		if got := info.State.Subjects["wh-quarantine.v1."+tenant+".github.schema"]; got != 5 {
			t.Errorf("%s has %d events left of 5", tenant, got)
		}
	}
	waitFor(t, patience, "it is told", func() error {
		ops, err := c.js.Stream(t.Context(), "WEBHOOKS_OPS")
		if err != nil {
			return err
		}
		m, err := ops.GetLastMsgForSubject(t.Context(), "wh-ops.v1.flooder.github.quarantine_trimmed")
		if err == nil && !strings.Contains(string(m.Data), `"events":`) {
			t.Errorf("told: %s", m.Data)
		}
		return err
	})
	if text := caddy.log.String(); strings.Contains(text, `"tenant":"acme","source":"github","events"`) || !strings.Contains(text, "the oldest events of those who have the most there are removed") {
		t.Error("the log does not say whose events went")
	}
	t.Logf("%d events of %d bytes sent, %d left", n, sent, info.State.Msgs)
}
