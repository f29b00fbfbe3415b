package integration

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFeeds: streams of events of the admin API stay open for longer than the server's
// time for a request, there is a bound on how many, and neither a reload nor the end of
// the process waits for a client that reads nothing.
func TestFeeds(t *testing.T) {
	t.Parallel()
	dir, addr, admin := t.TempDir(), freeAddr(t), freeAddr(t)
	file := filepath.Join(dir, "Caddyfile")
	config := fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	webhooks {
		nats embedded {
			sync interval 2m
		}
	}
}
http://%s {
	webhooks /github github {env.FEEDS_SECRET}
	respond 404
}
`, admin, addr)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-for-feeds"
	caddy := caddyProcess(dir, file, "FEEDS_SECRET="+secret)
	caddy.start(t)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			caddy.kill()
		}
		if t.Failed() {
			t.Log(caddy.log.String())
		}
	})
	body := []byte(`{"pad":"` + strings.Repeat("x", 900_000) + `"}`)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	l := &load{url: "http://" + addr + "/github", body: body, signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)), client: &http.Client{}}
	defer l.client.CloseIdleConnections()
	waitFor(t, 20*time.Second, "the gateway takes events", func() error { return l.send() })
	for range 30 {
		if err := l.send(); err != nil {
			t.Fatal(err)
		}
	}

	open := func(query string) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", admin)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := fmt.Fprintf(conn, "GET /webhooks/events?live=true&%s HTTP/1.1\r\nHost: %s\r\n\r\n", query, admin); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := open("new=true")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("got %v, %v", res, err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := json.NewDecoder(res.Body)
	next := func() (line struct {
		Seq, Position uint64
		End           string
	},
	) {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := lines.Decode(&line); err != nil {
			t.Fatalf("after %v: %v", line, err)
		}
		return line
	}
	if line := next(); line.Position != 31 {
		t.Fatalf("got %+v, want that it begins behind 31", line)
	}
	for begin := time.Now(); time.Since(begin) < 12*time.Second; {
		if line := next(); line.Seq > 0 || line.End != "" {
			t.Fatalf("got %+v, want a line about the position", line)
		}
	}
	if err := l.send(); err != nil {
		t.Fatal(err)
	}
	for line := next(); line.Seq != 32; line = next() {
		if line.Seq > 0 || line.End != "" {
			t.Fatalf("got %+v, want 32", line)
		}
	}

	// Those that read nothing, until there are too many.
	for range 31 {
		if _, err := open("last=31").Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, 10*time.Second, "one stream too many is refused", func() error {
		res, err := http.Get("http://" + admin + "/webhooks/events")
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(io.LimitReader(res.Body, 1000))
		if err != nil || res.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(text, []byte("32 streams of events are open")) {
			return fmt.Errorf("got %d %.100s, %w", res.StatusCode, text, err)
		}
		return nil
	})
	begin := time.Now()
	reload := exec.Command(caddyBin(), "reload", "--force", "--config", file, "--adapter", "caddyfile", "--address", admin)
	if out, err := reload.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the reload took %v", took)
	}
	for line := next(); line.End != "reload"; line = next() {
		if line.Seq > 0 {
			t.Fatalf("got %+v, want the end", line)
		}
	}
	if err := lines.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	waitFor(t, 10*time.Second, "there is room again", func() error {
		res, err := http.Get("http://" + admin + "/webhooks/events?last=1")
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	})
	for range 8 {
		open("last=31")
	}
	time.Sleep(time.Second)
	begin = time.Now()
	stopped = true
	caddy.stop(t)
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the end took %v", took)
	}
	if strings.Contains(caddy.log.String(), "stopping current admin endpoint") {
		t.Error("the admin API waited for its clients in vain")
	}
}
