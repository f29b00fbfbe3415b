package caddymodule_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRouteBudgets: a route that holds as much as it may refuses more until it
// holds less, and takes nothing from the routes beside it.
func TestRouteBudgets(t *testing.T) {
	s := newSite(t)
	s.load("", `webhooks /github github {env.GITHUB_SECRET} {
		limits {
			requests 1
		}
		publish off
		pass_thru
	}
	webhooks /other github {env.GITHUB_SECRET} {
		publish off
		pass_thru
	}
	respond /github 200
	respond /other 200
	respond 404`)

	hold := func() net.Conn {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST /github HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-GitHub-Event: push\r\n\r\n{", s.addr)
		return conn
	}
	slow := hold()
	refused := poll(t, func() (response, bool) {
		got := s.post("/github", "1", "{}", nil)
		// It may be the slow one that was refused, if it came while this one was there.
		_ = slow.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if n, _ := slow.Read(make([]byte, 1)); n > 0 {
			slow = hold()
		}
		return got, got.status == http.StatusServiceUnavailable
	})
	_ = slow.SetReadDeadline(time.Time{})
	if !strings.HasPrefix(refused.body, "unavailable ") || refused.header.Get("Retry-After") == "" {
		t.Errorf("got %q with %v, want unavailable with Retry-After", refused.body, refused.header)
	}
	if got := s.post("/other", "2", "{}", nil); got.status != http.StatusOK {
		t.Errorf("got %d from the route beside it, want 200", got.status)
	}

	fmt.Fprint(slow, "}")
	answer, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		t.Fatalf("got %v, %v, want 401", answer, err)
	}
	poll(t, func() (response, bool) {
		got := s.post("/github", "3", "{}", nil)
		return got, got.status == http.StatusOK
	})
}

// TestUnmatchedIsNotRead: what no route matches is answered without its body,
// and without a place in what requests may hold, also when that is used up.
func TestUnmatchedIsNotRead(t *testing.T) {
	s := newSite(t)
	s.load("", `webhooks /github github {env.GITHUB_SECRET} {
		limits {
			requests 1
		}
		publish off
		pass_thru
	}
	respond /github 200
	respond 404`)
	dial := func(path, rest string) net.Conn {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // of a test that has ended
		_ = conn.SetDeadline(time.Now().Add(8 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100000\r\nConnection: close\r\n%s\r\n", path, s.addr, rest)
		return conn
	}
	// The server asks for a body when somebody reads it.
	first := func(conn net.Conn) string {
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	if got := first(dial("/github", "Expect: 100-continue\r\n")); got != "HTTP/1.1 100 Continue" {
		t.Fatalf("the route: got %q, want it to read the body", got)
	}
	// That request holds the only place.
	if got := s.post("/github", "1", "{}", nil); got.status != http.StatusServiceUnavailable {
		t.Fatalf("the route: got %d, want 503", got.status)
	}
	for range 10 {
		if got := first(dial("/gitbuh", "Expect: 100-continue\r\n")); got != "HTTP/1.1 404 Not Found" {
			t.Errorf("another path: got %q, want 404 at once", got)
		}
	}
	if got := s.post("/gitbuh", "2", "{}", nil); got.status != http.StatusNotFound {
		t.Errorf("another path: got %d, want 404", got.status)
	}
}

// TestUnmatchedBodyIsWaitedFor: Caddy waits for the body of a request that no route
// takes, as long as its read_body permits, and a route no longer than its read_timeout.
func TestUnmatchedBodyIsWaitedFor(t *testing.T) {
	s := newSite(t)
	s.load("servers {\ntimeouts {\nread_body 1s\n}\n}", `webhooks /github github {env.GITHUB_SECRET} {
		methods PUT
		limits {
			read_timeout 300ms
		}
		publish off
		pass_thru
	}
	respond 404`)
	for _, tt := range []struct {
		path        string
		status      int
		least, most time.Duration
	}{
		{"/gitbuh", http.StatusNotFound, 900 * time.Millisecond, 8 * time.Second},
		{"/github", http.StatusMethodNotAllowed, 0, 900 * time.Millisecond},
	} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		start := time.Now()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", tt.path, s.addr)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); answer.StatusCode != tt.status || took < tt.least || took > tt.most {
			t.Errorf("%s: got %d after %v, want %d after %v to %v", tt.path, answer.StatusCode, took, tt.status, tt.least, tt.most)
		}
	}
}

// TestSpoofableAddress: where a sender can choose its address, the log says so.
func TestSpoofableAddress(t *testing.T) {
	const message = "trusted_proxies without trusted_proxies_strict"
	const trusted = "trusted_proxies static 127.0.0.1\n"
	for _, tt := range []struct {
		name, servers, route string
		warn                 bool
		status               int // of a request that says that it is from elsewhere
	}{
		{"no proxy", "", "allow_ips 192.0.2.1", false, http.StatusForbidden},
		{"a proxy that may append", trusted, "allow_ips 192.0.2.1", true, http.StatusOK},
		{"strictly", trusted + "trusted_proxies_strict", "allow_ips 192.0.2.1", false, http.StatusForbidden},
		{"another header", trusted + "client_ip_headers CF-Connecting-IP", "allow_ips 192.0.2.1", false, http.StatusForbidden},
		{"the same header by name", trusted + "client_ip_headers x-forwarded-for", "allow_ips 192.0.2.1", true, http.StatusOK},
		{"a limit per client", trusted, "rate_limit 100/s per client", true, http.StatusOK},
		{"nothing that goes by the address", trusted, "", false, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			servers := ""
			if tt.servers != "" {
				servers = "servers {\n" + tt.servers + "\n}"
			}
			s.load(servers, "webhooks /github github {env.GITHUB_SECRET} {\n"+tt.route+"\npublish off\npass_thru\n}\nrespond /github 200\nrespond 404")
			elsewhere := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1, 203.0.113.9") }
			s.post("/github", "1", "{}", elsewhere)
			got := s.post("/github", "2", "{}", elsewhere)
			if got.status != tt.status {
				t.Errorf("got %d, want %d", got.status, tt.status)
			}
			if n := len(s.logged(message)); n > 1 || (n == 1) != tt.warn {
				t.Errorf("got %d warnings, want one: %v", n, tt.warn)
			}
		})
	}
}

// TestRouteBudgetTooSmall: a budget in which a body of the permitted size finds
// no room would refuse such bodies for ever.
func TestRouteBudgetTooSmall(t *testing.T) {
	s := newSite(t)
	err := s.validate("", `webhooks /github github {env.GITHUB_SECRET} {
		limits {
			body 1MB
			memory 1MB
		}
	}
	respond 404`)
	if err == nil || !strings.Contains(err.Error(), "raise memory") {
		t.Errorf("got %v, want what to change", err)
	}
}

// TestLimitsSurviveReload: a reload gives nobody a new burst, unless it changes
// the limits.
func TestLimitsSurviveReload(t *testing.T) {
	site := func(limits string) string {
		return "webhooks /github github {env.GITHUB_SECRET} {\n" + limits + "\npublish off\npass_thru\n}\nrespond /github 200\nrespond 404"
	}
	forged := func(r *http.Request) { r.Header.Set("X-Hub-Signature-256", githubSignature("another")) }
	for _, tt := range []struct {
		name, limits, other string
		change              func(*http.Request)
		free                int
	}{
		{"source", "rate_limit 2/h", "rate_limit 3/h", nil, http.StatusOK},
		{"client", "rate_limit 2/h per client", "rate_limit 3/h per client", forged, http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.load("", site(tt.limits))
			post := func(id string, want int) {
				t.Helper()
				got := s.post("/github", id, "{}", tt.change)
				if got.status != want || (want == http.StatusTooManyRequests) != (got.header.Get("Retry-After") != "") {
					t.Fatalf("%s: got %d with Retry-After %q, want %d", id, got.status, got.header.Get("Retry-After"), want)
				}
			}
			post("1", tt.free)
			post("2", tt.free)
			post("3", http.StatusTooManyRequests)
			s.load("", site(tt.limits+"\ntolerance 4m"))
			post("4", http.StatusTooManyRequests)
			s.load("", site(tt.other))
			post("5", tt.free)
			s.load("", "respond 404")
			s.load("", site(tt.limits))
			post("6", tt.free)
		})
	}
}

// poll tries until it is done, and fails after ten seconds.
func poll[T any](t *testing.T, try func() (T, bool)) T {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, done := try()
		if done {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("got %v until the end, want another", got)
		}
	}
}
