package keyfetch

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const certURL = "https://example.com/key.pem"

var pin = verifiers.Pin{Hosts: []string{"example.com"}}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// serve starts a TLS server that any name leads to, and a fetcher that trusts it.
func serve(t *testing.T, cfg Config, h http.HandlerFunc) (*Fetcher, *clock) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	cfg.Time = c.Now
	if cfg.RootCAs == nil {
		cfg.RootCAs = x509.NewCertPool()
		cfg.RootCAs.AddCert(s.Certificate())
	}
	cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
	f := New(cfg)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f, c
}

func TestFetch(t *testing.T) {
	t.Parallel()
	answer := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/key.pem":
			_, _ = w.Write([]byte("key"))
		case "/large":
			_, _ = w.Write(make([]byte, defaultBytes+1))
		case "/full":
			_, _ = w.Write(make([]byte, defaultBytes))
		case "/redirect":
			http.Redirect(w, r, "/key.pem", http.StatusFound)
		case "/created":
			w.WriteHeader(http.StatusCreated)
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("key"))
		case "/slow":
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // or it would answer 200 now
		default:
			http.NotFound(w, r)
		}
	}
	tests := []struct {
		name, url string
		length    int
		kind      error
		confirm   error
	}{
		{"a document", certURL, 3, nil, nil},
		{"exactly the limit", "https://example.com/full", defaultBytes, nil, nil},
		{"over the limit", "https://example.com/large", 0, ErrTooLarge, ErrTooLarge},
		{"not found", "https://example.com/other", 0, ErrStatus, ErrStatus},
		{"a redirect is not followed", "https://example.com/redirect", 0, ErrStatus, ErrStatus},
		{"201 confirms and is no document", "https://example.com/created", 0, ErrStatus, nil},
		{"cut short", "https://example.com/cut", 0, ErrConnect, ErrConnect},
		{"no answer in time", "https://example.com/slow", 0, ErrConnect, ErrConnect},
		{"another host", "https://example.org/key.pem", 0, verifiers.ErrUntrusted, verifiers.ErrUntrusted},
		{"not HTTPS", "http://example.com/key.pem", 0, verifiers.ErrUntrusted, verifiers.ErrUntrusted},
		{"another port", "https://example.com:8443/key.pem", 0, verifiers.ErrUntrusted, verifiers.ErrUntrusted},
		{"user information", "https://u:p@example.com/key.pem", 0, verifiers.ErrUntrusted, verifiers.ErrUntrusted},
		{"not a URL", "https://example.com/%zz", 0, verifiers.ErrUntrusted, verifiers.ErrUntrusted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, _ := serve(t, Config{Timeout: 300 * time.Millisecond}, answer)
			doc, err := f.Fetch(t.Context(), pin, tt.url)
			if !errors.Is(err, tt.kind) || len(doc) != tt.length {
				t.Errorf("Fetch: got %d bytes and %v, want %d and %v", len(doc), err, tt.length, tt.kind)
			}
			checkError(t, err)
			doc, err = f.Read(t.Context(), pin, tt.url)
			if !errors.Is(err, tt.kind) || len(doc) != tt.length {
				t.Errorf("Read: got %d bytes and %v, want %d and %v", len(doc), err, tt.length, tt.kind)
			}
			checkError(t, err)
			if err := f.Confirm(t.Context(), pin, tt.url); !errors.Is(err, tt.confirm) {
				t.Errorf("Confirm: got %v, want %v", err, tt.confirm)
			} else {
				checkError(t, err)
			}
		})
	}
}

// checkError checks that an error is typed and tells nothing of the URL.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Errorf("got a %T, want an *Error", err)
	}
	if text := err.Error(); strings.Contains(text, "example") || strings.Contains(text, "/") {
		t.Errorf("the error's text holds the URL: %s", text)
	}
}

func TestUntrustedServer(t *testing.T) {
	t.Parallel()
	f, _ := serve(t, Config{RootCAs: x509.NewCertPool()}, func(http.ResponseWriter, *http.Request) {
		t.Error("the server saw a request")
	})
	_, err := f.Fetch(t.Context(), pin, certURL)
	var unknown x509.UnknownAuthorityError
	if !errors.Is(err, ErrConnect) || !errors.As(err, &unknown) {
		t.Errorf("got %v, want %v because of an unknown authority", err, ErrConnect)
	}
}

func TestFailuresAreReported(t *testing.T) {
	t.Parallel()
	type report struct {
		host string
		err  error
	}
	reports := make(chan report, 4)
	f, _ := serve(t, Config{Failed: func(host string, err error) { reports <- report{host, err} }},
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/good" {
				w.WriteHeader(http.StatusTeapot)
			}
		})
	_, _ = f.Fetch(t.Context(), pin, "https://example.com/good")
	_, _ = f.Fetch(t.Context(), pin, "https://example.org/bad") // not an exchange
	_, err := f.Fetch(t.Context(), pin, certURL)
	_ = f.Confirm(t.Context(), pin, certURL)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	close(reports)
	n := 0
	for r := range reports {
		n++
		if e, ok := errors.AsType[*Error](r.err); !ok || e.Status != http.StatusTeapot || r.host != "example.com" {
			t.Errorf("got %q, %v, want example.com, %v", r.host, r.err, err)
		}
	}
	if n != 2 {
		t.Errorf("got %d reports, want 2", n)
	}
}

func TestAddressIsCheckedWhenDialling(t *testing.T) {
	t.Parallel()
	f := New(Config{})
	t.Cleanup(func() { _ = f.Close() })
	pin := verifiers.Pin{Hosts: []string{"localhost"}}
	if _, err := f.Fetch(t.Context(), pin, "https://localhost/key.pem"); !errors.Is(err, ErrAddress) {
		t.Errorf("Fetch: got %v, want %v", err, ErrAddress)
	}
	if err := f.Confirm(t.Context(), pin, "https://localhost/"); !errors.Is(err, ErrAddress) {
		t.Errorf("Confirm: got %v, want %v", err, ErrAddress)
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"52.94.5.10":             true,
		"2600:1f18::1":           true,
		"::ffff:52.94.5.10":      true,
		"127.0.0.1":              false,
		"::1":                    false,
		"::ffff:127.0.0.1":       false,
		"10.1.2.3":               false,
		"172.16.0.1":             false,
		"192.168.1.1":            false,
		"169.254.169.254":        false,
		"fe80::1":                false,
		"fd00:ec2::254":          false,
		"100.64.0.1":             false,
		"0.0.0.0":                false,
		"::":                     false,
		"255.255.255.255":        false,
		"224.0.0.1":              false,
		"ff02::1":                false,
		"198.18.0.1":             false,
		"240.0.0.1":              false,
		"64:ff9b::7f00:1":        false,
		"2002:7f00:1::":          false,
		"::7f00:1":               false,
		"2001:0:7f00:1::":        false,
		"fec0::1":                false,
		"::ffff:169.254.169.254": false,
	}
	for text, want := range tests {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	if public(netip.MustParseAddr("2600:1f18::1%eth0")) {
		t.Error("an address with a zone is public")
	}
}

// counting serves "1", "2" and so on, and fails while told to.
func counting(n *atomic.Int64, down *atomic.Bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		i := n.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(strconv.AppendInt(nil, i, 10))
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	var down atomic.Bool
	f, c := serve(t, Config{}, counting(&n, &down))
	fetch := func(want string, wantErr error, requests int64) {
		t.Helper()
		doc, err := f.Fetch(t.Context(), pin, certURL)
		if string(doc) != want || !errors.Is(err, wantErr) {
			t.Errorf("got %q and %v, want %q and %v", doc, err, want, wantErr)
		}
		f.work.Wait() // for a refresh behind the answer
		if got := n.Load(); got != requests {
			t.Errorf("got %d requests, want %d", got, requests)
		}
	}
	fetch("1", nil, 1)
	c.Add(defaultFresh - 1)
	fetch("1", nil, 1)
	c.Add(1)
	fetch("1", nil, 2) // the old one, while a new one is fetched
	fetch("2", nil, 2)

	down.Store(true)
	c.Add(defaultFresh)
	fetch("2", nil, 3) // the refresh fails
	fetch("2", nil, 3) // and is not tried again at once
	c.Add(defaultNegative)
	fetch("2", nil, 4)
	c.Add(defaultStale)
	fetch("", ErrStatus, 5) // too old to be used
	fetch("", ErrStatus, 5) // remembered

	down.Store(false)
	c.Add(defaultNegative)
	fetch("6", nil, 6)
}

func TestSingleFlight(t *testing.T) {
	t.Parallel()
	const callers = 20
	var n atomic.Int64
	started, release := make(chan struct{}), make(chan struct{})
	f, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			close(started)
		}
		<-release
		_, _ = w.Write([]byte("key"))
	})
	impatient, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.Fetch(impatient, pin, certURL); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
	<-started
	cancel() // the first caller leaves; the others still get the document
	for range callers {
		wg.Go(func() {
			if doc, err := f.Fetch(t.Context(), pin, certURL); string(doc) != "key" {
				t.Errorf("got %q and %v, want the document", doc, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if got := n.Load(); got != 1 {
		t.Errorf("got %d requests, want 1", got)
	}
}

func TestEvictionSparesDocuments(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	f, c := serve(t, Config{Entries: 4}, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.URL.Path != "/key.pem" {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	fetch := func(url string) {
		t.Helper()
		_, err := f.Fetch(t.Context(), pin, url)
		if (err == nil) != (url == certURL) {
			t.Fatalf("%s: %v", url, err)
		}
		c.Add(time.Second)
	}
	fetch(certURL)
	for i := range 50 {
		fetch("https://example.com/" + strings.Repeat("x", i+1))
		if len(f.entries) > 4 {
			t.Fatalf("got %d entries, want at most 4", len(f.entries))
		}
	}
	before := n.Load()
	fetch(certURL)
	if n.Load() != before {
		t.Error("made-up URLs drove out a document in use")
	}
}

func TestPinsDiffer(t *testing.T) {
	t.Parallel()
	f, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("key")) })
	if _, err := f.Fetch(t.Context(), pin, certURL); err != nil {
		t.Fatal(err)
	}
	other := verifiers.Pin{Hosts: []string{"example.org"}}
	if _, err := f.Fetch(t.Context(), other, certURL); !errors.Is(err, verifiers.ErrUntrusted) {
		t.Errorf("what one pin allowed is handed out under another: got %v", err)
	}
	small := verifiers.Pin{Hosts: pin.Hosts, MaxBytes: 2}
	if _, err := f.Fetch(t.Context(), small, certURL); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want %v", err, ErrTooLarge)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 2)
	f, _ := serve(t, Config{Timeout: time.Minute}, func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done()
	})
	errs := make(chan error, 2)
	go func() { _, err := f.Fetch(context.Background(), pin, certURL); errs <- err }()
	go func() { errs <- f.Confirm(context.Background(), pin, certURL) }()
	<-started
	<-started
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrConnect) {
			t.Errorf("got %v, want %v", err, ErrConnect)
		}
	}
	if _, err := f.Fetch(t.Context(), pin, certURL); !errors.Is(err, ErrClosed) {
		t.Errorf("Fetch: got %v, want %v", err, ErrClosed)
	}
	if _, err := f.Read(t.Context(), pin, certURL); !errors.Is(err, ErrClosed) {
		t.Errorf("Read: got %v, want %v", err, ErrClosed)
	}
	if err := f.Confirm(t.Context(), pin, certURL); !errors.Is(err, ErrClosed) {
		t.Errorf("Confirm: got %v, want %v", err, ErrClosed)
	}
}

// TestReadAsksEachTime: what Read returns is not remembered, and it returns nothing
// that is.
func TestReadAsksEachTime(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	f, _ := serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strconv.Itoa(int(asked.Add(1)))))
	})
	for _, want := range []string{"1", "2"} {
		if doc, err := f.Read(t.Context(), pin, certURL); err != nil || string(doc) != want {
			t.Errorf("Read: got %q, %v, want %q", doc, err, want)
		}
	}
	for range 2 {
		if doc, err := f.Fetch(t.Context(), pin, certURL); err != nil || string(doc) != "3" {
			t.Errorf("Fetch: got %q, %v, want 3", doc, err)
		}
	}
	if doc, err := f.Read(t.Context(), pin, certURL); err != nil || string(doc) != "4" {
		t.Errorf("Read: got %q, %v, want 4", doc, err)
	}
}
