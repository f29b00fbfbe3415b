package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// pipeListener is a network inside a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// inBubble runs test against a server with fake time, which serves the route
// if it has no handler.
func inBubble(t *testing.T, srv *http.Server, change func(*gateway.Config), test func(t *testing.T, r *rig, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rt, pub, obs := newRoute(t, change)
		l := newPipeListener()
		if srv.Handler == nil {
			srv.Handler = rt
		}
		served := make(chan struct{})
		go func() {
			srv.Serve(l)
			close(served)
		}()
		test(t, &rig{t: t, url: "http://example.com/hook", pub: pub, obs: obs, route: rt}, l.dial)
		srv.Close()
		<-served
	})
}

const slowHead = "POST /hook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"

// TestSlowBody: neither silence nor a byte a second keeps a request open.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		server  time.Duration // its ReadTimeout
		timeout time.Duration
		trickle bool
		want    time.Duration
	}{
		{name: "silence", want: 10 * time.Second},
		{name: "a byte a second", trickle: true, want: 10 * time.Second},
		{name: "configured", timeout: 3 * time.Second, trickle: true, want: 3 * time.Second},
		{name: "a shorter limit of the server", server: 2 * time.Second, want: 2 * time.Second},
		{name: "a longer limit of the server", server: time.Hour, want: 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, &http.Server{ReadTimeout: tt.server}, readTimeout(tt.timeout), func(t *testing.T, r *rig, dial func() net.Conn) {
				conn := dial()
				start := time.Now()
				io.WriteString(conn, slowHead)
				var trickled sync.WaitGroup
				if tt.trickle {
					trickled.Go(func() {
						for {
							if _, err := conn.Write([]byte("x")); err != nil {
								return
							}
							time.Sleep(time.Second)
						}
					})
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				got := readAnswer(t, resp)
				if got.StatusCode != 408 || !got.Close || time.Since(start) != tt.want {
					t.Errorf("got %d after %v, close %v, want 408 after %v and the connection closed", got.StatusCode, time.Since(start), got.Close, tt.want)
				}
				if rec := r.record(); rec.Outcome != gateway.BodySlow || rec.Stages[gateway.StageRead] != tt.want {
					t.Errorf("got %v after %v, want %v after %v", rec.Outcome, rec.Stages[gateway.StageRead], gateway.BodySlow, tt.want)
				}
				conn.Close()
				trickled.Wait()
				r.stored(0, 0)
			})
		})
	}
}

// TestReadDeadlineEndsWithTheBody: whoever is handed the request afterwards may
// take longer than the body was permitted to, and must not be told that the
// sender has gone.
func TestReadDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request) *http.Request{
		"length":  func(req *http.Request) *http.Request { return req },
		"chunked": chunked,
		"no body": func(req *http.Request) *http.Request {
			req.Method, req.Body, req.ContentLength = http.MethodGet, nil, 0
			req.URL.RawQuery = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + verifyToken
			return req
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gone error
			next := make(chan *gateway.Route, 1)
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				res := (<-next).Handle(w, gateway.Request{Request: req})
				time.Sleep(time.Minute)
				gone = req.Context().Err()
				res.Write(w)
			})}
			inBubble(t, srv, nil, func(t *testing.T, r *rig, dial func() net.Conn) {
				next <- r.route
				conn := dial()
				if err := change(r.request("d1", payload("1"))).Write(conn); err != nil {
					t.Fatal(err)
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil || resp.StatusCode != 200 || gone != nil {
					t.Errorf("got %v, %v and a context with %v, want 200 and a sender that is there", resp, err, gone)
				}
				conn.Close()
			})
		})
	}
}

// TestKeepAlive: an answered sender can send the next event on the same
// connection, also after a refusal, and after the read deadline of the first.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	inBubble(t, &http.Server{}, nil, func(t *testing.T, r *rig, dial func() net.Conn) {
		dials := 0
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			dials++
			return dial(), nil
		}}
		for i, status := range []int{200, 401, 200, 405, 200} {
			req := r.request("", payload("1"))
			switch status {
			case 401:
				req.Header.Set("X-Hub-Signature-256", sign("another"))
			case 405:
				req.Method = http.MethodPut
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if got := readAnswer(t, resp); got.StatusCode != status {
				t.Errorf("request %d: got %d, want %d", i+1, got.StatusCode, status)
			}
			time.Sleep(time.Minute) // longer than the read deadline
		}
		if dials != 1 {
			t.Errorf("got %d connections, want 1", dials)
		}
		tr.CloseIdleConnections()
	})
}

// TestRefusalIsNotHeldUp: the server drains what a refused sender has still to
// send, and must not wait for it for ever.
func TestRefusalIsNotHeldUp(t *testing.T) {
	t.Parallel()
	inBubble(t, &http.Server{}, nil, func(t *testing.T, _ *rig, dial func() net.Conn) {
		conn := dial()
		start := time.Now()
		io.WriteString(conn, "PUT /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != 405 {
			t.Fatalf("got %v (%v), want 405", resp, err)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("got the answer after %v, want it within the read timeout", d)
		}
		conn.Close()
	})
}

// TestWorkTime: the time for storing is the provider's, less what the body took.
func TestWorkTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		deadline, timeout time.Duration
		read              time.Duration
		want              time.Duration
	}{
		{name: "deadline unknown", want: 8 * time.Second},
		{name: "Slack's", deadline: 3 * time.Second, want: 2400 * time.Millisecond},
		{name: "a long one", deadline: 30 * time.Second, want: 10 * time.Second},
		{name: "a slow body", deadline: 10 * time.Second, read: 5 * time.Second, want: 3 * time.Second},
		{name: "a body that took all of it", deadline: 10 * time.Second, read: 9 * time.Second, want: time.Second},
		{name: "a very short one", deadline: time.Second, want: 800 * time.Millisecond},
		{name: "the operator's", deadline: 3 * time.Second, timeout: 20 * time.Second, want: 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rt, pub, _ := newRoute(t, func(c *gateway.Config) {
					c.Provider.Deadline, c.PublishTimeout, c.Verifier = tt.deadline, tt.timeout, anybody
				})
				pub.Delay(time.Hour)
				req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
				req.Body = &late{req.Body, tt.read}
				start := time.Now()
				res := handle(rt, req)
				if d := time.Since(start) - tt.read; res.Outcome != gateway.BrokerTimeout || d != tt.want || res.Stages[gateway.StagePublish] != tt.want {
					t.Errorf("got %v after %v (recorded %v), want %v after %v", res.Outcome, d, res.Stages[gateway.StagePublish], gateway.BrokerTimeout, tt.want)
				}
				if res.Stages[gateway.StageRead] != tt.read {
					t.Errorf("got %v for reading, want %v", res.Stages[gateway.StageRead], tt.read)
				}
			})
		})
	}
}

// late is a body that takes its time once.
type late struct {
	io.ReadCloser
	wait time.Duration
}

func (l *late) Read(p []byte) (int, error) {
	time.Sleep(l.wait)
	l.wait = 0
	return l.ReadCloser.Read(p)
}

// TestSenderGoesAwayWhileStoring: the event is complete and authentic, so it is
// stored, and the retry is a duplicate.
func TestSenderGoesAwayWhileStoring(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, pub, _ := newRoute(t, nil)
		pub.Delay(2 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		req := newRequest(t, "https://example.com/hook", "d1", payload("1")).WithContext(ctx)
		if res := handle(rt, req); res.Outcome != gateway.Accepted || ctx.Err() == nil {
			t.Errorf("got %v, want %v after the sender has gone", res.Outcome, gateway.Accepted)
		}
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != gateway.Duplicate {
			t.Errorf("retry: got %v, want %v", res.Outcome, gateway.Duplicate)
		}
	})
}

// TestLostAck: an unknown outcome is never an acceptance, and the retry finds
// out that the event is stored.
func TestLostAck(t *testing.T) {
	t.Parallel()
	rt, pub, _ := newRoute(t, nil)
	pub.LoseAcks(true)
	for _, want := range []gateway.Outcome{gateway.BrokerTimeout, gateway.Duplicate} {
		if res := handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))); res.Outcome != want {
			t.Errorf("got %v, want %v", res.Outcome, want)
		}
	}
	if n := len(pub.Events()); n != 1 {
		t.Errorf("got %d events, want 1", n)
	}
}

// TestConcurrentCopies: one is stored, and none of the others is told that it
// has arrived before that is proven.
func TestConcurrentCopies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, pub, obs := newRoute(t, nil)
		release := pub.Hold()
		var copies sync.WaitGroup
		for range 10 {
			copies.Go(func() { handle(rt, newRequest(t, "https://example.com/hook", "d1", payload("1"))) })
		}
		synctest.Wait()
		for _, rec := range obs.Records() {
			if rec.Outcome != gateway.Pending {
				t.Errorf("while the first is being stored: got %v, want %v", rec.Outcome, gateway.Pending)
			}
		}
		if n := len(obs.Records()); n != 9 {
			t.Errorf("got %d answers while the first is being stored, want 9", n)
		}
		release()
		copies.Wait()
		if records := obs.Records(); records[9].Outcome != gateway.Accepted || len(pub.Events()) != 1 {
			t.Errorf("got %v and %d events, want %v and 1", records[9].Outcome, len(pub.Events()), gateway.Accepted)
		}
	})
}
