package cli

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	var parts [3]histogram
	var all []time.Duration
	for i := range 30_000 {
		d := time.Duration(rand.ExpFloat64() * float64(time.Millisecond))
		if i%1000 == 0 {
			d = time.Duration(rand.Int64N(int64(time.Hour)))
		}
		d = max(d, 1)
		all = append(all, d)
		parts[i%3].add(d)
	}
	slices.Sort(all)
	var h histogram
	for i := range parts {
		h.merge(&parts[i])
	}
	if h.count != int64(len(all)) || h.min != all[0] || h.max != all[len(all)-1] {
		t.Errorf("got %d, %v, %v", h.count, h.min, h.max)
	}
	for _, share := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(0, min(len(all)-1, int(share*float64(len(all))+0.9999)-1))]
		if got := h.quantile(share); got < want || float64(got) > float64(want)*1.01 {
			t.Errorf("%v: got %v, want %v and at most 1%% more", share, got, want)
		}
	}
	var one histogram
	one.add(0)
	one.add(1<<62 + 12345)
	if s := one.summary(); s.Max != millis(1<<62+12345) || one.min != 1 {
		t.Errorf("got %+v", s)
	}
	if (&histogram{}).summary() != (Latency{}) {
		t.Error("of nothing there is something")
	}
	for i := range len(h.buckets) - 1 {
		if u := upper(i); u < 0 || bucket(uint64(u)) != i || bucket(uint64(u)+1) != i+1 {
			t.Fatalf("bucket %d ends at %d", i, u)
		}
		if upper(i) == 1<<63-1 {
			break
		}
	}
}

// TestWire speaks to a real server, and to one that answers just so.
func TestWire(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "hello" && r.Method == http.MethodPost {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		switch r.URL.Path {
		case "/chunks":
			for range 5 {
				fmt.Fprint(w, strings.Repeat("x", 10_000))
				w.(http.Flusher).Flush() //nolint:forcetypeassert // it is one
			}
		case "/close":
			w.Header().Set("Connection", "close")
		case "/early":
			w.Header().Set("Link", "</x>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{target: u}
	defer w.close()
	for _, step := range []struct {
		method, path string
		status       int
		connections  int32
	}{
		{"POST", "/", 200, 1},
		{"POST", "/chunks", 200, 1},
		{"HEAD", "/chunks", 200, 1},
		{"POST", "/none", 204, 1},
		{"POST", "/early", 202, 1},
		{"POST", "/close", 200, 1},
		{"POST", "/", 200, 2},
		{"GET", "/", 200, 2},
	} {
		body := "hello"
		head := step.method + " " + step.path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
		if step.method != "POST" {
			body, head = "", strings.Replace(head, "Content-Length: 5\r\n", "", 1)
		}
		status, err := w.roundTrip(t.Context(), step.method, []byte(head), []byte(body), 0)
		if err != nil || status != step.status || connections.Load() != step.connections {
			t.Errorf("%s %s: got %d, %v over %d connections, want %d over %d", step.method, step.path, status, err, connections.Load(), step.status, step.connections)
		}
	}
	// Slowly, and after the server has closed the connection.
	head := []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
	start := time.Now()
	if status, err := w.roundTrip(t.Context(), "POST", head, []byte("hello"), 200*time.Millisecond); err != nil || status != 200 || time.Since(start) < 200*time.Millisecond {
		t.Errorf("slowly: got %d, %v after %v", status, err, time.Since(start))
	}
	s.CloseClientConnections()
	if status, err := w.roundTrip(t.Context(), "POST", head, []byte("hello"), 0); err != nil || status != 200 {
		t.Errorf("over a connection that was closed: got %d, %v", status, err)
	}
}

// TestWireAnswers reads answers that are not what they should be.
func TestWireAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string
		status int // 0: an error
	}{
		"until the end":        {"HTTP/1.1 200 OK\r\n\r\nsome text", 200},
		"no reason":            {"HTTP/1.1 204\r\n\r\n", 204},
		"bare newlines":        {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200},
		"a trailer":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n0\r\nA: b\r\n\r\n", 200},
		"a long line":          {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 20_000) + "\r\nContent-Length: 0\r\n\r\n", 200},
		"an older one":         {"HTTP/1.0 200 OK\r\n\r\n", 200},
		"nothing":              {"", 0},
		"half a head":          {"HTTP/1.1 200 OK\r\nA: b", 0},
		"a short body":         {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0},
		"a short chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 0},
		"a length that is not": {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0},
		"a chunk that is not":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 0},
		"a status that is not": {"HTTP/1.1 999 OK\r\n\r\n", 0},
		"another protocol":     {"SSH-2.0-OpenSSH_9\r\n\r\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, tc.answer)
				_ = conn.Close()
			}()
			w := &wire{target: &url.URL{Scheme: "http", Host: l.Addr().String()}}
			defer w.close()
			status, err := w.roundTrip(t.Context(), "GET", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), nil, 0)
			if status != tc.status && tc.status != 0 || (err == nil) != (tc.status != 0) {
				t.Errorf("got %d, %v, want %d", status, err, tc.status)
			}
			if err == nil && tc.answer == "HTTP/1.1 200 OK\r\n\r\nsome text" && w.conn != nil {
				t.Error("the connection is kept, though the answer ended with it")
			}
		})
	}
}
