package caddymodule_test

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
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-webhooks/caddy-webhooks/caddymodule"
)

const secret = "It's a Secret to Everybody"

// site is a Caddy in this process. Caddy is global, so that tests with one do
// not run in parallel.
type site struct {
	*testing.T
	addr string // of the site
	dir  string
	log  string // the file of all log lines
}

// newSite prepares what a Caddyfile needs.
func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("GITHUB_SECRET", secret)
	s := &site{T: t, addr: freeAddr(t), dir: dir, log: filepath.Join(dir, "caddy.log")}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
	return s
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// config returns the adapted configuration. The global options are those of the
// option webhooks.
func (s *site) config(global, body string) []byte {
	s.Helper()
	caddyfile := fmt.Sprintf(`{
	admin off
	persist_config off
	grace_period 5s
	log {
		output file %s
		format json
		level DEBUG
	}
	%s
}

http://%s {
	%s
}
`, s.log, global, s.addr, body)
	out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		s.Fatalf("adapting: %v\n%s", err, caddyfile)
	}
	return out
}

func (s *site) load(global, body string) {
	s.Helper()
	if err := caddy.Load(s.config(global, body), true); err != nil {
		s.Fatalf("loading: %v", err)
	}
}

// validate does what `caddy validate` does.
func (s *site) validate(global, body string) error {
	s.Helper()
	var cfg caddy.Config
	if err := json.Unmarshal(s.config(global, body), &cfg); err != nil {
		s.Fatal(err)
	}
	return caddy.Validate(&cfg)
}

type response struct {
	status int
	header http.Header
	body   string
}

// post sends a signed GitHub delivery; change may alter the request.
func (s *site) post(path, id, body string, change func(*http.Request)) response {
	s.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Github-Event", "push")
	req.Header.Set("X-Github-Delivery", id)
	req.Header.Set("X-Hub-Signature-256", githubSignature(body))
	if change != nil {
		change(req)
	}
	return s.do(req)
}

// do sends the request on a connection of its own. After a reload the first
// connection may have gone to a server of the old configuration, which closes it
// unread.
func (s *site) do(req *http.Request) response {
	s.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	for try := 0; (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) && try < 10; try++ {
		time.Sleep(20 * time.Millisecond)
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				break
			}
		}
		resp, err = tr.RoundTrip(req)
	}
	if err != nil {
		s.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		s.Fatal(err)
	}
	return response{resp.StatusCode, resp.Header, string(body)}
}

func githubSignature(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// logged returns the log lines with this message.
func (s *site) logged(message string) []map[string]any {
	s.Helper()
	data, err := os.ReadFile(s.log)
	if err != nil {
		s.Fatal(err)
	}
	var lines []map[string]any
	for scan := bufio.NewScanner(bytes.NewReader(data)); scan.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			s.Fatalf("got the log line %q: %v", scan.Text(), err)
		}
		if msg, ok := line["msg"].(string); ok && strings.HasPrefix(msg, message) {
			lines = append(lines, line)
		}
	}
	return lines
}

// eventually waits until ok, for things that happen in the background.
func (s *site) eventually(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited for %s: got nothing", what)
		}
	}
}
