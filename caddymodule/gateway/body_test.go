package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// pad returns a payload of exactly n bytes.
func pad(n int) string {
	const frame = `{"time":1,"pad":""}`
	return `{"time":1,"pad":"` + strings.Repeat("x", n-len(frame)) + `"}`
}

// TestBodyLimit is exact, however the body is sent.
func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{100, 4095, 4096, 4097, 64 << 10, 200_000} {
		r := newRig(t, maxBody(int64(limit)))
		for name, send := range map[string]func(*http.Request) *http.Request{
			"with its length": func(req *http.Request) *http.Request { return req },
			"chunked":         chunked,
		} {
			fits, over := r.request("", pad(limit)), r.request("", pad(limit+1))
			if got := r.do(send(fits)); got.StatusCode != 200 {
				t.Errorf("limit %d, %s, as long as the limit: got %d, want 200", limit, name, got.StatusCode)
			}
			got := r.do(send(over))
			if got.StatusCode != 413 || !got.Close {
				t.Errorf("limit %d, %s, one byte more: got %d, close %v, want 413 and the connection closed", limit, name, got.StatusCode, got.Close)
			}
		}
		for _, e := range r.pub.Events() {
			if string(e.Body) != pad(limit) {
				t.Errorf("limit %d: got a body of %d bytes, want exactly what was sent", limit, len(e.Body))
			}
		}
		r.stored(2, 0)
	}
}

// TestRefusalArrives: a sender that goes on writing a large body must see the
// answer and not a connection that was reset.
func TestRefusalArrives(t *testing.T) {
	t.Parallel()
	r := newRig(t, maxBody(1000))
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"declared too large": {func(*http.Request) {}, 413},
		"chunked too large":  {func(req *http.Request) { chunked(req) }, 413},
		"method":             {func(req *http.Request) { req.Method = http.MethodPut }, 405},
		"content type":       {func(req *http.Request) { req.Header.Set("Content-Type", "a/b") }, 415},
		"unknown path":       {func(req *http.Request) { req.URL.Path = "/" }, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := newRequest(t, r.url, "", pad(8<<20))
			tt.change(req)
			if got := r.do(req); got.StatusCode != tt.want {
				t.Errorf("got %d, want %d", got.StatusCode, tt.want)
			}

			// The server waits before it closes only if the body was closed.
			closed := &closes{Reader: req.Body}
			req = newRequest(t, r.url, "", pad(8<<20))
			tt.change(req)
			closed.Reader, req.Body = req.Body, closed
			gateway.Paths{"/hook": r.route}.ServeHTTP(httptest.NewRecorder(), req)
			if !closed.closed {
				t.Error("the body was not closed")
			}
		})
	}
}

type closes struct {
	io.Reader
	closed bool
}

func (c *closes) Close() error {
	c.closed = true
	return nil
}

// TestOuterLimit: a limit that the site sets before the gateway is a 413 too.
func TestOuterLimit(t *testing.T) {
	t.Parallel()
	r := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.Body = http.MaxBytesReader(w, req.Body, 50)
			next.ServeHTTP(w, req)
		})
	}, nil)
	if got := r.send("d1", pad(51)); got.StatusCode != 413 {
		t.Errorf("got %d, want 413", got.StatusCode)
	}
	if rec := r.record(); rec.Outcome != gateway.BodyTooLarge {
		t.Errorf("got %v, want %v", rec.Outcome, gateway.BodyTooLarge)
	}
	r.stored(0, 0)
}

// TestExpectContinue: who asks first does not send a body that is refused.
func TestExpectContinue(t *testing.T) {
	t.Parallel()
	r := newRig(t, maxBody(100))
	head := "POST /hook HTTP/1.1\nHost: x\nContent-Type: application/json\nExpect: 100-continue\nX-Hub-Signature-256: " + sign(pad(80)) + "\n"
	conn := r.dial(head + "Content-Length: 80\n\n")
	want := "HTTP/1.1 100 Continue\r\n\r\n"
	line := make([]byte, len(want))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != want {
		t.Fatalf("got %q (%v), want %q", line, err, want)
	}
	io.WriteString(conn, pad(80))
	if got := r.readFrom(conn); got.StatusCode != 200 {
		t.Errorf("got %d, want 200", got.StatusCode)
	}
	for _, length := range []string{"Content-Length: 101", "Content-Length: 100000000"} {
		start := time.Now()
		got := r.readFrom(r.dial(head + length + "\n\n"))
		if d := time.Since(start); got.StatusCode != 413 || d > 5*time.Second {
			t.Errorf("%s: got %d after %v, want 413 at once", length, got.StatusCode, d)
		}
	}
}

// TestExpectContinueRefused: who has asked and is refused is not waited for.
func TestExpectContinueRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	start := time.Now()
	got := r.readFrom(r.dial("PUT /hook HTTP/1.1\nHost: x\nExpect: 100-continue\nTransfer-Encoding: chunked\n\n"))
	if d := time.Since(start); got.StatusCode != 405 || d > 5*time.Second {
		t.Errorf("got %d after %v, want 405 at once", got.StatusCode, d)
	}
}

// TestHTTP2: the end of the body comes by itself there, and a refusal must not
// end the connection of everybody.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	rt, pub, obs := newRoute(t, maxBody(100_000))
	srv := httptest.NewUnstartedServer(rt)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	for _, tt := range []struct {
		name   string
		body   string
		send   func(*http.Request) *http.Request
		status int
	}{
		{"declared", pad(90_000), nil, 200},
		{"not declared", pad(90_000), chunked, 200},
		{"declared too large", pad(100_001), nil, 413},
		{"too large", pad(100_001), chunked, 413},
	} {
		req := newRequest(t, srv.URL+"/hook", "", tt.body)
		if tt.send != nil {
			req = tt.send(req)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := readAnswer(t, resp); got.StatusCode != tt.status || got.ProtoMajor != 2 || got.Header.Get("Connection") != "" {
			t.Errorf("%s: got %d over %s, Connection %q, want %d over HTTP/2", tt.name, got.StatusCode, got.Proto, got.Header.Get("Connection"), tt.status)
		}
	}
	if n := len(pub.Events()); n != 2 {
		t.Errorf("got %d events, want 2", n)
	}
	if n := len(obs.Records()); n != 4 {
		t.Errorf("got %d records, want 4", n)
	}
}

// TestConnectionClose: over HTTP/2 that header would end the connection for all
// other requests as well.
func TestConnectionClose(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, maxBody(10))
	for proto, want := range map[int]string{1: "close", 2: "", 3: ""} {
		req := newRequest(t, "https://example.com/hook", "d1", payload("1"))
		req.ProtoMajor = proto
		if got := handle(rt, req).Header.Get("Connection"); got != want {
			t.Errorf("HTTP/%d: got Connection %q, want %q", proto, got, want)
		}
	}
}

// TestReadErrors is about bodies that other handlers have wrapped.
func TestReadErrors(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	body := payload("1")
	for _, tt := range []struct {
		name   string
		ctx    context.Context //nolint:containedctx // of a test row
		body   io.Reader
		length int
		want   gateway.Outcome
	}{
		{"byte by byte", nil, iotest.OneByteReader(strings.NewReader(body)), len(body), gateway.Accepted},
		{"byte by byte, length unknown", nil, iotest.OneByteReader(strings.NewReader(body)), -1, gateway.Accepted},
		{"end with the data", nil, iotest.DataErrReader(strings.NewReader(body)), len(body), gateway.Accepted},
		{"shorter than declared", nil, strings.NewReader(body), len(body) + 1, gateway.BodyCut},
		{"longer than declared", nil, strings.NewReader(body + " "), len(body), gateway.BodyCut},
		{"unexpected end", nil, io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, gateway.BodyCut},
		{"no progress", nil, stuck{}, -1, gateway.BodyCut},
		{"no progress at the end", nil, io.MultiReader(strings.NewReader(body), stuck{}), len(body), gateway.BodyCut},
		{"deadline", nil, iotest.ErrReader(context.DeadlineExceeded), -1, gateway.BodySlow},
		{"outer limit", nil, iotest.ErrReader(&http.MaxBytesError{Limit: 1}), -1, gateway.BodyTooLarge},
		{"sender gone", gone, iotest.ErrReader(errors.New("stream reset")), -1, gateway.ClientGone},
		{"canceled", nil, iotest.ErrReader(context.Canceled), -1, gateway.ClientGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rt, pub, _ := newRoute(t, nil)
			req := newRequest(t, "https://example.com/hook", "d1", body)
			if tt.ctx != nil {
				req = req.WithContext(tt.ctx)
			}
			req.Body, req.ContentLength = io.NopCloser(tt.body), int64(tt.length)
			res := handle(rt, req)
			if res.Outcome != tt.want {
				t.Errorf("got %v (%v), want %v", res.Outcome, res.Err, tt.want)
			}
			if tt.want != gateway.Accepted && (len(pub.Events()) != 0 || res.RequestBody != nil) {
				t.Error("part of a body was used")
			}
			if tt.want == gateway.Accepted && !bytes.Equal(pub.Events()[0].Body, []byte(body)) {
				t.Errorf("got body %q, want %q", pub.Events()[0].Body, body)
			}
		})
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// TestBudgetIsReturned however a request ends.
func TestBudgetIsReturned(t *testing.T) {
	t.Parallel()
	budget := gateway.NewBudget(10, 1<<20)
	for _, tt := range outcomeTests {
		if tt.outcome == gateway.NotFound {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(c *gateway.Config) {
				if tt.change != nil {
					tt.change(c)
				}
				c.Budgets = append(c.Budgets, budget)
			})
			tt.send(r)
			r.record()
			if n, size := budget.InUse(); n != 0 || size != 0 {
				t.Errorf("got %d requests and %d bytes in use afterwards, want none", n, size)
			}
		})
	}
}

// TestSlowBodyWithoutDeadlines is for servers whose connections have none.
func TestSlowBodyWithoutDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt, pub, _ := newRoute(t, nil)
		req := newRequest(t, "https://example.com/hook", "d1", pad(100))
		rest := strings.NewReader(pad(100))
		req.Body = io.NopCloser(readFunc(func(p []byte) (int, error) {
			time.Sleep(time.Second)
			return rest.Read(p[:1])
		}))
		start := time.Now()
		if res := handle(rt, req); res.Outcome != gateway.BodySlow || time.Since(start) != 11*time.Second || pub.Calls() != 0 {
			t.Errorf("got %v after %v, want %v after 11s", res.Outcome, time.Since(start), gateway.BodySlow)
		}
	})
}

func TestAllowAddresses(t *testing.T) {
	t.Parallel()
	rt, _, _ := newRoute(t, func(c *gateway.Config) {
		c.AllowAddresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}
	})
	for addr, want := range map[string]gateway.Outcome{
		"192.0.2.200": gateway.Accepted, "::ffff:192.0.2.7": gateway.Accepted, "fe80::1%eth0": gateway.Accepted,
		"192.0.3.1": gateway.AddressRefused, "2001:db8::1": gateway.AddressRefused, "": gateway.AddressRefused,
	} {
		remote, _ := netip.ParseAddr(addr)
		req := newRequest(t, "https://example.com/hook", "", payload("1"))
		res := rt.Handle(httptest.NewRecorder(), gateway.Request{Request: req, URL: req.URL, Remote: remote})
		if res.Outcome != want {
			t.Errorf("%q: got %v, want %v", addr, res.Outcome, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	rt, pub, _ := newRoute(t, func(c *gateway.Config) {
		c.SourceRate = gateway.Rate{Count: 1, Per: 90500 * time.Millisecond}
		c.Time = func() time.Time { return now }
		c.Jitter = func(n int) int { return n }
	})
	send := func() gateway.Result {
		return handle(rt, newRequest(t, "https://example.com/hook", "", payload("1")))
	}
	send()
	if got := send().Header.Get("Retry-After"); got != "136" { // 91 rounded up, and half of it
		t.Errorf("at the limit: got %q, want 136", got)
	}
	now = now.Add(91 * time.Second)
	if res := send(); res.Outcome != gateway.Accepted {
		t.Errorf("after that time: got %v, want it accepted", res.Outcome)
	}
	now = now.Add(time.Hour)
	pub.Fail(gateway.ErrInFlight)
	if got := send().Header.Get("Retry-After"); got != "1" {
		t.Errorf("in flight: got %q, want 1", got)
	}
}
