// Package keyfetch reads certificates and key sets over HTTPS, for schemes that
// find their keys on the network. A URL that a request names is fetched only if
// its pin permits it; redirects are not followed, no proxy is used, addresses
// that are not public are not connected to, and size and time are bounded.
// Answers are remembered, good and bad, and one URL is asked for once at a time.
package keyfetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The defaults of [Config], and limits that it has no fields for.
const (
	defaultTimeout  = 5 * time.Second
	defaultFresh    = 10 * time.Minute
	defaultStale    = 24 * time.Hour
	defaultNegative = 30 * time.Second
	defaultEntries  = 256
	defaultBytes    = 64 << 10
	maxHeader       = 64 << 10
	maxAtOnce       = 8
)

// Config is how a [Fetcher] behaves. The zero Config is good for production.
type Config struct {
	// Timeout bounds one exchange, from the name's resolution to the last
	// byte. Zero means 5 s.
	Timeout time.Duration
	// Fresh is how long a document is used without asking again. Zero means
	// 10 minutes.
	Fresh time.Duration
	// Stale is how long, from when it was fetched, a document is used while
	// the server cannot be reached. Zero means 24 hours.
	Stale time.Duration
	// Negative is how long a failure is remembered. Zero means 30 s.
	Negative time.Duration
	// Entries bounds the number of remembered URLs. Zero means 256.
	Entries int
	// Time is the clock. Nil means time.Now.
	Time func() time.Time
	// RootCAs are the certificate authorities to trust. Nil means the host's.
	RootCAs *x509.CertPool
	// Dial replaces the way to connect, and with it the check that the address
	// is public. It is for tests and for hosts that reach the Internet in a way
	// of their own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Failed is called after each exchange that failed, with the host, which a
	// pin has allowed, and an [*Error]. It is where to log, since verifiers say
	// only that a document could not be had. It must not block. Nil means that
	// nobody is told.
	Failed func(host string, err error)
}

// Fetcher is a [verifiers.Fetcher]. It is safe for concurrent use.
type Fetcher struct {
	cfg    Config
	client *http.Client
	slots  chan struct{} // one for each exchange under way

	ctx    context.Context // of exchanges that outlive the request that wanted them
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry
}

// New returns a fetcher.
func New(cfg Config) *Fetcher {
	cfg.Timeout = orDefault(cfg.Timeout, defaultTimeout)
	cfg.Fresh = orDefault(cfg.Fresh, defaultFresh)
	cfg.Stale = max(orDefault(cfg.Stale, defaultStale), cfg.Fresh)
	cfg.Negative = orDefault(cfg.Negative, defaultNegative)
	if cfg.Entries <= 0 {
		cfg.Entries = defaultEntries
	}
	if cfg.Time == nil {
		cfg.Time = time.Now
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Control: onlyPublic}).DialContext
	}
	f := &Fetcher{
		cfg:     cfg,
		slots:   make(chan struct{}, maxAtOnce),
		entries: make(map[string]*entry),
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            cfg.Dial,
				TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
				DisableKeepAlives:      true, // exchanges are rare, and idle connections have no owner
				DisableCompression:     true, // the limit counts what the document really is
				MaxResponseHeaderBytes: maxHeader,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// Close ends exchanges that are under way and waits for them. Afterwards
// everything fails with [ErrClosed].
func (f *Fetcher) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.work.Wait()
	return nil
}

// Confirm does a GET of rawURL, which pin must allow, and returns an error
// unless the answer is a 2xx. Nothing is remembered. Any error but one of
// [verifiers.ErrUntrusted] may go away when it is tried again.
func (f *Fetcher) Confirm(ctx context.Context, pin verifiers.Pin, rawURL string) error {
	_, err := f.once(ctx, pin, rawURL, func(status int) bool { return status/100 == 2 })
	return err
}

// once does an exchange that is not remembered.
func (f *Fetcher) once(ctx context.Context, pin verifiers.Pin, rawURL string, want func(status int) bool) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, &Error{Kind: verifiers.ErrUntrusted, Cause: err}
	}
	if err := f.begin(); err != nil {
		return nil, err
	}
	defer f.work.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	return f.get(ctx, pin, rawURL, want)
}

// Read does a GET of rawURL, which pin must allow, now, and returns the document.
// Nothing is remembered: it is for documents that their user keeps himself. The error
// is an [*Error].
func (f *Fetcher) Read(ctx context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	return f.once(ctx, pin, rawURL, func(status int) bool { return status == http.StatusOK })
}

// begin counts a piece of work for Close to wait for.
func (f *Fetcher) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return &Error{Kind: ErrClosed}
	}
	f.work.Add(1)
	return nil
}

// get does one exchange and reports its failure.
func (f *Fetcher) get(ctx context.Context, pin verifiers.Pin, rawURL string, want func(status int) bool) ([]byte, error) {
	doc, err := f.exchange(ctx, pin, rawURL, want)
	if err != nil && f.cfg.Failed != nil {
		host := ""
		if u, err := url.Parse(rawURL); err == nil {
			host = u.Hostname()
		}
		f.cfg.Failed(host, err)
	}
	return doc, err
}

func (f *Fetcher) exchange(ctx context.Context, pin verifiers.Pin, rawURL string, want func(status int) bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return nil, &Error{Kind: ErrConnect, Cause: ctx.Err()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return nil, &Error{Kind: verifiers.ErrUntrusted}
	}
	req.Header.Set("User-Agent", "caddy-webhooks")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, failure(err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is written, so nothing can be lost
	if !want(resp.StatusCode) {
		return nil, &Error{Kind: ErrStatus, Status: resp.StatusCode}
	}
	limit := maxBytes(pin)
	doc, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, failure(err)
	case int64(len(doc)) > limit:
		return nil, &Error{Kind: ErrTooLarge, Status: resp.StatusCode}
	}
	return doc, nil
}

func maxBytes(pin verifiers.Pin) int64 {
	if pin.MaxBytes > 0 {
		return pin.MaxBytes
	}
	return defaultBytes
}

// failure strips the URL from an error of the client's.
func failure(err error) *Error {
	if errors.Is(err, ErrAddress) {
		return &Error{Kind: ErrAddress}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &Error{Kind: ErrConnect, Cause: err}
}
