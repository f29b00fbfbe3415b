package integration

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// headKey is the key of a connection in the contexts of its requests.
type headKey struct{}

// recordedConn remembers what was read of it first, as it was written.
type recordedConn struct {
	net.Conn
	accepted atomic.Int64
	mu       sync.Mutex
	read     []byte
}

func (c *recordedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.read) < 8192 {
		c.read = append(c.read, p[:n]...)
	}
	return n, err
}

func (c *recordedConn) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	head, _, _ := bytes.Cut(c.read, []byte("\r\n\r\n"))
	return string(head)
}

type recordingListener struct{ net.Listener }

func (l recordingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordedConn{Conn: conn}, nil
}

// start serves the receiver and returns the URL of its webhook.
func (rc *receiver) start(t *testing.T) string {
	t.Helper()
	rc.seen, rc.under = map[string][sha256.Size]byte{}, map[string]bool{}
	if strings.HasPrefix(rc.flaw, "smuggling-") {
		rc.url = lenientServer(t, rc) + "/hook"
		return rc.url
	}
	s := httptest.NewUnstartedServer(rc)
	s.Listener = recordingListener{s.Listener}
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, headKey{}, c) }
	if !rc.has("slow-body-timeout") {
		s.Config.ReadTimeout = 3 * time.Second
	}
	s.Start()
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	rc.url = s.URL + "/hook"
	return rc.url
}

// sslCheck reports whether it is Slack's look at the certificate.
func sslCheck(r *http.Request) bool {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1024))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	return err == nil && string(body) == "ssl_check=1"
}

// lenientServer is an HTTP server that reads lengths as it likes, for the flaws of
// smuggling.
func lenientServer(t *testing.T, rc *receiver) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for rc.answer(conn, in) {
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// answer answers one request and reports whether there may be another one.
func (rc *receiver) answer(conn net.Conn, in *bufio.Reader) bool {
	var head strings.Builder
	var lengths, codings []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch strings.ToLower(name) {
		case "content-length":
			lengths = append(lengths, strings.TrimSpace(value))
			continue
		case "transfer-encoding":
			codings = append(codings, strings.TrimSpace(value))
			continue
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		head.WriteString(line)
	}
	var body io.Reader
	no := func() bool {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return false
	}
	switch {
	case len(lengths) > 1 && !rc.has("smuggling-lengths"), len(lengths) > 0 && len(codings) > 0 && !rc.has("smuggling-both"):
		return no()
	case len(codings) == 1 && (codings[0] == "chunked" || rc.has("smuggling-coding") && strings.Contains(codings[0], "chunked")):
		body = httputil.NewChunkedReader(in)
	case len(codings) > 0:
		return no()
	case len(lengths) > 0:
		n, err := strconv.Atoi(lengths[0])
		if err != nil || n < 0 {
			return no()
		}
		body = io.LimitReader(in, int64(n))
	default:
		body = strings.NewReader("")
	}
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head.String() + "\r\n")))
	if err != nil {
		return no()
	}
	req.Body = io.NopCloser(body)
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, req)
	_, _ = io.Copy(io.Discard, body)
	if len(codings) > 0 { // the line after the last chunk
		_, _ = in.ReadString('\n')
	}
	fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", w.Code, http.StatusText(w.Code), w.Body.Len(), w.Body)
	return true
}
