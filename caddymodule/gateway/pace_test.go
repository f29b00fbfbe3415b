package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestMinRate: who sends fast enough may take its time up to the read timeout,
// and who does not is refused as soon as that shows.
func TestMinRate(t *testing.T) {
	t.Parallel()
	const timeout, length = 10 * time.Second, 10_000
	for _, tt := range []struct {
		name   string
		rate   int64
		server time.Duration // its ReadTimeout
		chunk  int           // bytes sent in each second
		pause  time.Duration // after the first chunk
		status int
		want   time.Duration
	}{
		{name: "silence", rate: 1000, status: 408, want: 2 * time.Second},
		// 100 bytes after 0, 1 and 2 s earn 0.3 s.
		{name: "too slow", rate: 1000, chunk: 100, status: 408, want: 2300 * time.Millisecond},
		{name: "as slow as permitted", rate: 1000, chunk: 1112, status: 200, want: 8 * time.Second},
		{name: "a pause within the grace", rate: 1000, chunk: 5000, pause: 6900 * time.Millisecond, status: 200, want: 6900 * time.Millisecond},
		{name: "a pause beyond it", rate: 1000, chunk: 5000, pause: 7100 * time.Millisecond, status: 408, want: 7 * time.Second},
		{name: "not beyond the read timeout", rate: 10, chunk: 100, status: 408, want: timeout},
		{name: "nor the server's", rate: 10, server: 5 * time.Second, chunk: 100, status: 408, want: 5 * time.Second},
		{name: "a server with more time", rate: 1000, server: time.Hour, chunk: 100, status: 408, want: 2300 * time.Millisecond},
		{name: "any rate", chunk: 100, status: 408, want: timeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, &http.Server{ReadTimeout: tt.server}, func(c *gateway.Config) {
				c.ReadTimeout, c.MinRate = timeout, tt.rate
			}, func(t *testing.T, r *rig, dial func() net.Conn) {
				conn, body := dial(), pad(length)
				start := time.Now()
				fmt.Fprintf(conn, "POST /hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
					"X-GitHub-Delivery: d1\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n", sign(body), length)
				var sender sync.WaitGroup
				if tt.chunk > 0 {
					sender.Go(func() { trickle(conn, body, tt.chunk, tt.pause) })
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); resp.StatusCode != tt.status || d != tt.want {
					t.Errorf("got %d after %v, want %d after %v", resp.StatusCode, d, tt.status, tt.want)
				}
				rec := r.record()
				if tt.status == 408 && rec.Outcome != gateway.BodySlow {
					t.Errorf("got %v, want %v", rec.Outcome, gateway.BodySlow)
				}
				if byRate := tt.want < timeout && tt.server != 5*time.Second; tt.status == 408 && strings.Contains(rec.Err.Error(), "lowest rate") != byRate {
					t.Errorf("got the cause %q; was it the rate: %v", rec.Err, byRate)
				}
				conn.Close()
				sender.Wait()
			})
		})
	}
}

// trickle sends a chunk of text each second, with another pause after the first
// if there is one.
func trickle(w io.Writer, text string, chunk int, pause time.Duration) {
	for text != "" {
		n := min(chunk, len(text))
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return
		}
		if text = text[n:]; pause > 0 {
			time.Sleep(pause)
			pause = 0
			continue
		}
		time.Sleep(time.Second)
	}
}

// TestMinRateWithoutDeadlines is for servers whose connections have none.
func TestMinRateWithoutDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, pub, _ := newRoute(t, func(c *gateway.Config) { c.MinRate = 1000 })
		req := newRequest(t, "https://example.com/hook", "d1", pad(100))
		rest := strings.NewReader(pad(100))
		req.Body = io.NopCloser(readFunc(func(p []byte) (int, error) {
			time.Sleep(time.Second)
			return rest.Read(p[:1])
		}))
		start := time.Now()
		if res := handle(rt, req); res.Outcome != gateway.BodySlow || time.Since(start) != 3*time.Second || pub.Calls() != 0 {
			t.Errorf("got %v after %v, want %v after 3s", res.Outcome, time.Since(start), gateway.BodySlow)
		}
	})
}

// TestDeadlineEndsWithABufferedBody: another handler has read the body to its end
// before the gateway did. Whoever is handed the request afterwards must not be told
// that the sender has gone, and the sender can use the connection again.
func TestDeadlineEndsWithABufferedBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*gateway.Config)
		status int
	}{
		{"any rate", nil, 200},
		{"a lowest rate", func(c *gateway.Config) { c.MinRate = 1000 }, 200},
		{"refused unread", func(c *gateway.Config) { c.Methods = []string{"PUT"} }, 405},
		{"refused half read", func(c *gateway.Config) { c.Budgets = []*gateway.Budget{gateway.NewBudget(0, 1)} }, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var gone error
			next := make(chan *gateway.Route, 1)
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				rt := <-next
				next <- rt
				all, _ := io.ReadAll(req.Body)
				req.Body = io.NopCloser(strings.NewReader(string(all)))
				res := rt.Handle(w, gateway.Request{Request: req})
				if res.Outcome.Success() { // else nobody is handed it
					time.Sleep(time.Minute)
				}
				gone = req.Context().Err()
				w.WriteHeader(res.Status)
			})}
			inBubble(t, srv, tt.change, func(t *testing.T, r *rig, dial func() net.Conn) {
				next <- r.route
				conn := dial()
				defer conn.Close()
				answers := bufio.NewReader(conn)
				for i := range 2 {
					if err := r.request("d1", payload("1")).Write(conn); err != nil {
						t.Fatal(err)
					}
					resp, err := http.ReadResponse(answers, nil)
					if err != nil || resp.StatusCode != tt.status || gone != nil {
						t.Errorf("request %d: got %v, %v and a context with %v, want %d and a sender that is there", i+1, resp, err, gone, tt.status)
						return
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

// TestMinRateHTTP2: a stream that trickles is refused, and the others of its
// connection go on.
func TestMinRateHTTP2(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) { c.MinRate = 100_000 })
	srv := httptest.NewUnstartedServer(rt)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	body, sender := io.Pipe()
	defer sender.Close()
	req := newRequest(t, srv.URL+"/hook", "d1", pad(200))
	req.Body = body
	go io.WriteString(sender, pad(200)[:100])
	start := time.Now()
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := readAnswer(t, resp); got.StatusCode != 408 || got.ProtoMajor != 2 || time.Since(start) > 8*time.Second {
		t.Errorf("got %d over %s after %v, want 408 over HTTP/2 before the read timeout", got.StatusCode, got.Proto, time.Since(start))
	}
	resp, err = srv.Client().Do(newRequest(t, srv.URL+"/hook", "d2", pad(200)))
	if err != nil || readAnswer(t, resp).StatusCode != 200 {
		t.Errorf("another stream: got %v (%v), want 200", resp, err)
	}
}
