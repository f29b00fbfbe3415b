package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// runReceiver is a service that takes webhooks:
//
//	receiver [-tls] ADDRESS DIR
//
// It writes each request as a line of JSON to DIR/requests and its body to
// DIR/<number>.body. In the query of the URL the sender says what it answers:
// status=N; fail=N, so many times 503 and then 200; slow=DURATION, how late; and
// retry_after=SECONDS.
func runReceiver() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "receiver:", err)
			os.Exit(1)
		}
	}
	fs := newFlagSet("receiver")
	secure := fs.Bool("tls", false, "with a certificate that nobody knows")
	fail(fs.Parse(os.Args[1:]))
	if fs.NArg() != 2 {
		fail(fmt.Errorf("usage: receiver [-tls] ADDRESS DIR"))
	}
	dir := fs.Arg(1)
	fail(os.MkdirAll(dir, 0o700))
	log, err := os.OpenFile(filepath.Join(dir, "requests"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fail(err)
	r := &sink{dir: dir, log: log, failed: map[string]int{}}
	l, err := net.Listen("tcp", fs.Arg(0))
	fail(err)
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: r}}
	if *secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	<-end
}

type sink struct {
	dir string
	log *os.File

	mu     sync.Mutex
	n      int
	failed map[string]int // how often, by the URL and the body
}

// ServeHTTP implements [http.Handler].
func (r *sink) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q := req.URL.Query()
	if slow, err := time.ParseDuration(q.Get("slow")); err == nil {
		time.Sleep(slow)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status, _ := strconv.Atoi(q.Get("status"))
	key := req.URL.String() + " " + string(body)
	if n, err := strconv.Atoi(q.Get("fail")); err == nil && r.failed[key] < n {
		r.failed[key]++
		status = http.StatusServiceUnavailable
	}
	if status == 0 {
		status = http.StatusOK
	}
	r.n++
	line, err := json.Marshal(map[string]any{
		"n": r.n, "method": req.Method, "path": req.URL.Path, "headers": req.Header, "status": status, "bytes": len(body), "time": time.Now(),
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(r.dir, strconv.Itoa(r.n)+".body"), body, 0o600)
	}
	if err == nil {
		_, err = r.log.Write(append(line, '\n'))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if after := q.Get("retry_after"); after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "got %d bytes\nas number %d\n", len(body), r.n)
}

// cmdReceived waits until a receiver has taken exactly so many requests, each event
// once, and prints them, one a line:
//
//	received DIR COUNT
//
// Events are told apart by the header X-Github-Delivery, where they have it. Those
// that were not answered with 200 do not count.
func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: received DIR COUNT")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	file := filepath.Join(ts.MkAbs(args[0]), "requests")
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if n, _ := taken(file); n >= want || time.Now().After(deadline) {
			break
		}
	}
	time.Sleep(200 * time.Millisecond) // for what should not come
	n, twice := taken(file)
	text, _ := os.ReadFile(file)
	if n != want || len(twice) > 0 {
		ts.Fatalf("%d requests were taken, want %d; more than once: %v", n, want, twice)
	}
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
}

// taken returns how many requests were answered with 200, and which events twice.
func taken(file string) (n int, twice []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, nil
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var r struct {
			Status  int
			Headers http.Header
		}
		if json.Unmarshal([]byte(line), &r) != nil || r.Status != http.StatusOK {
			continue
		}
		n++
		id := r.Headers.Get("X-Github-Delivery")
		if id != "" && seen[id] {
			twice = append(twice, id)
		}
		seen[id] = true
	}
	return n, twice
}
