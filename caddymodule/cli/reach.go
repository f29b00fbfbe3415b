package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// DefaultAdmin is where Caddy's admin API listens unless it is told otherwise.
const DefaultAdmin = "localhost:2019"

const (
	adminTimeout   = 3 * time.Minute
	maxAdminAnswer = 32 << 20
)

// ErrAdmin means that the gateway has refused what it was asked for through its
// admin API.
var ErrAdmin = errors.New("the gateway says")

// ErrNoAdmin means that no admin API answers. It wraps [ErrUnreachable].
var ErrNoAdmin = mark(ErrUnreachable, errors.New("the admin API does not answer"))

// errNotFound means that the gateway has answered that there is no such thing.
var errNotFound = errors.New("not found")

const (
	connectTimeout = 5 * time.Second
	askTimeout     = 10 * time.Second
)

// DefaultNATS is where NATS is if --creds or --ca are given, and nothing else says
// it.
const DefaultNATS = "nats://127.0.0.1:4222"

// Reach says how a command gets to the events: through the gateway's admin API,
// whatever broker it has, or on a connection of its own to NATS.
type Reach struct {
	// Admin is the address of Caddy's admin API: host:port, or unix//path of a
	// socket. Empty means the environment variable CADDY_ADMIN, and without it
	// [DefaultAdmin].
	Admin string
	// Connection is the name of one of the gateway's connections, "default" for the
	// one without a name. It may be empty where only one is open.
	Connection string
	// NATS are the URLs of servers, separated by commas, and Context the name of a
	// context of the nats tool. With one of them the admin API is not used.
	NATS, Context string
	// Credentials is the path of a file with a JWT and a seed, and CA that of a PEM
	// file with the authorities of the servers' certificates; both with NATS.
	Credentials, CA string
	// By says who asks, for the records of what is changed. Empty means the user
	// and the host.
	By string
	// Getenv reads the environment. Nil means os.Getenv.
	Getenv func(string) string
}

// complete fills in defaults, and returns what contradicts itself.
func (r *Reach) complete() error {
	if r.Getenv == nil {
		r.Getenv = os.Getenv
	}
	switch {
	case r.NATS != "" && r.Context != "":
		return fmt.Errorf("%w: --nats and --context contradict each other", ErrUsage)
	case r.direct() && (r.Admin != "" || r.Connection != ""):
		return fmt.Errorf("%w: --nats and --context do without the admin API: leave --address, --config and --connection out", ErrUsage)
	case r.NATS == "" && (r.Credentials != "" || r.CA != ""):
		return fmt.Errorf("%w: --creds and --ca belong to --nats", ErrUsage)
	}
	if r.Admin == "" {
		r.Admin = r.Getenv("CADDY_ADMIN")
	}
	if r.Admin == "" {
		r.Admin = DefaultAdmin
	}
	if r.By == "" {
		r.By = Operator()
	}
	return nil
}

func (r *Reach) direct() bool { return r.NATS != "" || r.Context != "" }

// Operator is who runs this process, and where, as far as the machine says.
func Operator() string {
	host, _ := os.Hostname()
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + "@" + host
}

// connect connects to NATS. The second result is where JetStream is asked.
func (r *Reach) connect() (*nats.Conn, string, error) {
	if r.Context == "" {
		nc, err := r.dial()
		return nc, "", err
	}
	c, err := natspub.LoadContext(r.Context)
	if err != nil {
		return nil, "", ofFile(err)
	}
	c.Connect.Name = "caddy webhooks"
	nc, err := natspub.Connect(c.Connect)
	if err != nil {
		return nil, "", ofFile(err)
	}
	for deadline := time.Now().Add(connectTimeout); nc.Status() != nats.CONNECTED; {
		if err := ofNATS(nc.LastError()); errors.Is(err, ErrDenied) {
			nc.Close()
			return nil, "", fmt.Errorf("connecting with the context %s: %w: the login is refused", r.Context, err)
		}
		if time.Now().After(deadline) {
			nc.Close()
			return nil, "", mark(ErrUnreachable, fmt.Errorf("connecting with the context %s: no server answers: %w", r.Context, nc.LastError()))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nc, c.APIPrefix, nil
}

// dial connects to the servers of NATS.
func (r *Reach) dial() (*nats.Conn, error) {
	// The error of nats.go would show a password in it.
	for server := range strings.SplitSeq(r.NATS, ",") {
		if _, err := url.Parse(strings.TrimSpace(server)); err != nil {
			return nil, fmt.Errorf("%w: the address of NATS is not a URL such as %s", ErrUsage, DefaultNATS)
		}
	}
	opts := []nats.Option{
		nats.Name("caddy webhooks"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Second),
		// It would print on the terminal otherwise; the reader recovers.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if r.Credentials != "" {
		if _, err := os.Stat(r.Credentials); err != nil {
			return nil, ofFile(fmt.Errorf("reading the credentials: %w", err))
		}
		opts = append(opts, nats.UserCredentials(r.Credentials))
	}
	if r.CA != "" {
		opts = append(opts, nats.RootCAs(r.CA))
	}
	nc, err := nats.Connect(r.NATS, opts...)
	if err = mark(ErrUnreachable, ofNATS(err)); errors.Is(err, ErrDenied) {
		return nil, fmt.Errorf("connecting to %s: %w: the login is refused: give one with --creds, --context, or in the URL of $NATS_URL", withoutPasswords(r.NATS), err)
	} else if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w: is the server running? Embedded NATS takes connections only with `listen` in its block",
			withoutPasswords(r.NATS), err)
	}
	return nc, nil
}

// withoutPasswords is for messages.
func withoutPasswords(servers string) string {
	list := strings.Split(servers, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil {
			continue // connect has refused it
		}
		list[i] = u.Redacted()
		if u.User != nil {
			u.User = url.User("xxxxx") // a lone user is a token
			list[i] = u.String()
		}
	}
	return strings.Join(list, ",")
}

// admin speaks to the admin API.
type admin struct {
	addr    string
	client  *http.Client
	origin  string
	network string // tcp or unix
	hint    string // ends the message that nobody answers
}

func (r *Reach) admin() (*admin, error) {
	a := &admin{addr: r.Admin, origin: "http://" + r.Admin, hint: ", --nats or --context a cluster"}
	network, address := "tcp", ""
	if rest, ok := strings.CutPrefix(r.Admin, "unix/"); ok {
		path, _, _ := strings.Cut(rest, "|") // of permissions
		network, address, a.origin = "unix", path, "http://127.0.0.1"
	} else if host, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(r.Admin, "http://"), "tcp/")); err != nil || port == "" {
		return nil, fmt.Errorf("%w: --address %q: write host:port, or unix//path", ErrUsage, r.Admin)
	} else {
		if host == "" {
			host = "localhost"
		}
		address = net.JoinHostPort(host, port)
		a.origin = "http://" + address
	}
	a.network = network
	a.client = &http.Client{
		Timeout: adminTimeout,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
	}
	return a, nil
}

// call asks one endpoint. In is sent as JSON unless it is nil, and the answer is
// decoded into out. The errors are those of request.
func (a *admin) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("asking the gateway: %w", err)
		}
		body = bytes.NewReader(text)
	}
	res, err := a.request(ctx, method, "/webhooks/"+path, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer))
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrNoAdmin, a.addr, err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%w at %s: its answer is not what was expected: is this the admin API of a Caddy with the webhooks module? %w", ErrNoAdmin, a.addr, err)
	}
	return nil
}

// request sends one request, whose body is JSON unless it is nil. The error wraps
// [ErrAdmin], and the kind that fits, if the gateway has answered and the answer is
// no success, and [ErrNoAdmin] if there was no answer.
func (a *admin) request(ctx context.Context, method, uri string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.origin+uri, body)
	if err != nil {
		return nil, fmt.Errorf("asking the gateway: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.network != "unix" { // Caddy takes no origin there
		req.Header.Set("Origin", a.origin)
	}
	res, err := a.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w at %s: %w: is Caddy running, and its option admin not off? --address or --config say where its admin API is%s", ErrNoAdmin, a.addr, ofHTTP(ctx, err), a.hint)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoAdmin, a.addr, err)
	}
	return nil, refused(res, text)
}

func refused(res *http.Response, text []byte) error {
	var answer struct{ Error string }
	if json.Unmarshal(text, &answer) != nil || answer.Error == "" {
		kind := ofStatus(res.StatusCode)
		if kind == nil || kind == ErrUsage { //nolint:errorlint // it is the value itself
			kind = ErrUnreachable // whoever answers is another
		}
		return mark(kind, fmt.Errorf("%w: %s: is this a Caddy with the webhooks module?", ErrAdmin, res.Status))
	}
	err := fmt.Errorf("%w: %s", ErrAdmin, visible(answer.Error, false))
	if res.StatusCode == http.StatusNotFound {
		err = &marked{errNotFound, err}
	}
	if kind := ofStatus(res.StatusCode); kind != nil {
		return mark(kind, err)
	}
	return err
}

// AdminRequest sends a request to the admin API at an address, which is as in
// [Reach]; the path begins with a slash. A body is JSON. The error wraps
// [ErrUsage] for an address or a request that is malformed, [ErrUnreachable] if
// nothing answers or the gateway is not ready, and [ErrDenied] if it may not be
// asked; it says what the API says.
func AdminRequest(ctx context.Context, address, method, uri string, body io.Reader) (*http.Response, error) {
	a, err := (&Reach{Admin: address}).admin()
	if err != nil {
		return nil, err
	}
	a.hint = ""
	return a.request(ctx, method, uri, body)
}
