package caddymodule

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// Embedded configures JetStream inside this process.
type Embedded struct {
	// Where events are kept. One process may use a directory. Default: the
	// directory `webhooks` in Caddy's data directory.
	StoreDir string `json:"store_dir,omitempty"`
	// An address for NATS clients, such as `127.0.0.1:4222`, so that internal
	// services can read events. They cannot publish on the gateway's subjects.
	// There is no password: only listen where everybody may read. Default: off.
	Listen string `json:"listen,omitempty"`
	// When a stored event is on disk: `always`, before the sender is told that
	// it has arrived, or `interval`, from time to time, which is faster and
	// loses the events of the last interval in a power failure. Default:
	// `always`.
	Sync string `json:"sync,omitempty"`
	// The interval, if Sync is `interval`. Default: 2m.
	SyncInterval caddy.Duration `json:"sync_interval,omitempty"`
	// The largest size of the store in bytes. Default: a part of what is free
	// on the disk.
	MaxStore int64 `json:"max_store,omitempty"`
}

// NATS configures the connection to an existing cluster. Secrets must be
// placeholders, as those of routes.
type NATS struct {
	// The URLs of the servers, such as `tls://nats-1:4222`. Required.
	URLs []string `json:"urls"`
	// The path of a file with credentials (JWT and seed).
	Credentials string `json:"credentials,omitempty"`
	// The seed of an NKey, as a placeholder.
	NKey string `json:"nkey,omitempty"`
	// A user, with Password.
	User string `json:"user,omitempty"`
	// The user's password, as a placeholder.
	Password string `json:"password,omitempty"`
	// A token, as a placeholder.
	Token string `json:"token,omitempty"`
	// TLS, if the host's certificate authorities do not fit or the servers ask
	// for a certificate.
	TLS *TLS `json:"tls,omitempty"`
}

// TLS names files in PEM.
type TLS struct {
	// The certificate authorities to trust, instead of the host's.
	CA string `json:"ca,omitempty"`
	// The client certificate, with Key.
	Cert string `json:"cert,omitempty"`
	// The key of Cert.
	Key string `json:"key,omitempty"`
}

// Stream configures one stream.
type Stream struct {
	// The stream's name. Default: WEBHOOKS, WEBHOOKS_UNVERIFIED or
	// WEBHOOKS_QUARANTINE.
	Name string `json:"name,omitempty"`
	// How many servers keep each event. Default: 1 embedded, 3 in a cluster.
	Replicas int `json:"replicas,omitempty"`
	// How long events are kept. Not less than the deduplication window.
	// Default: 7d, quarantine 14d.
	MaxAge caddy.Duration `json:"max_age,omitempty"`
	// How many bytes the stream may have. Default: no limit of its own,
	// quarantine 1 GiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// How long the id of an event is remembered. Default: the longest retry
	// span of the routes' senders, at least 24h and at most 96h. Each id needs
	// about 145 bytes of the server's memory.
	DuplicateWindow caddy.Duration `json:"duplicate_window,omitempty"`
	// What to do if an existing stream does not keep the gateway's promises:
	// `strict` refuses to work, `warn` says so in the log, `off` does not look.
	// Default: `strict` embedded, `warn` in a cluster.
	Preflight string `json:"preflight,omitempty"`
	// Whether to create the stream if it does not exist: `on` or `off`.
	// Default: `on`.
	Create string `json:"create,omitempty"`
}

// The defaults of streams.
const (
	streamName            = "WEBHOOKS"
	unverifiedName        = "WEBHOOKS_UNVERIFIED"
	quarantineName        = "WEBHOOKS_QUARANTINE"
	defaultMaxAge         = 7 * 24 * time.Hour
	quarantineMaxAge      = 14 * 24 * time.Hour
	quarantineMaxBytes    = 1 << 30
	defaultSyncInterval   = 2 * time.Minute
	defaultStoreDirName   = "webhooks"
	preflightStrict       = "strict"
	preflightWarn         = "warn"
	preflightOff          = "off"
	syncAlways, syncOften = "always", "interval"
)

// brokerSettings are what defines a broker: configurations with equal settings
// share one.
type brokerSettings struct {
	key     string
	embed   natsembed.Config // zero for a cluster
	connect natspub.ConnectConfig
}

// brokerSettings checks and completes the configuration of the broker.
func (a *App) brokerSettings() (*brokerSettings, error) {
	name := a.Instance
	if name == "" {
		name, _ = os.Hostname() // a connection may have no name
	}
	connect := natspub.ConnectConfig{Name: "caddy-webhooks " + name}
	if a.NATS != nil {
		if a.Embedded != nil {
			return nil, errors.New("embedded and nats contradict each other: remove one of them")
		}
		if err := a.NATS.resolve(&connect); err != nil {
			return nil, fmt.Errorf("nats: %w", err)
		}
		// The key holds secrets only as a digest.
		text := fmt.Sprintf("%q", []string{
			strings.Join(connect.URLs, " "), connect.Name, connect.Credentials, string(connect.NKeySeed),
			connect.User, connect.Password, connect.Token, connect.CA, connect.Cert, connect.Key,
		})
		return &brokerSettings{key: fmt.Sprintf("nats:%x", sha256.Sum256([]byte(text))), connect: connect}, nil
	}
	e := Embedded{}
	if a.Embedded != nil {
		e = *a.Embedded
	}
	if err := e.complete(); err != nil {
		return nil, fmt.Errorf("nats embedded: %w", err)
	}
	return &brokerSettings{
		key: "embedded:" + e.StoreDir,
		embed: natsembed.Config{
			StoreDir:     e.StoreDir,
			SyncInterval: time.Duration(e.SyncInterval),
			Listen:       e.Listen,
			MaxStore:     e.MaxStore,
			Readable:     []string{a.Stream.Name, a.UnverifiedStream.Name, a.QuarantineStream.Name},
		},
		connect: connect,
	}, nil
}

func (e *Embedded) complete() error {
	if e.StoreDir == "" {
		e.StoreDir = filepath.Join(caddy.AppDataDir(), defaultStoreDirName)
	}
	dir, err := resolveSetting(e.StoreDir)
	if err != nil {
		return fmt.Errorf("store_dir: %w", err)
	}
	if e.StoreDir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("store_dir: %w", err)
	}
	if info, err := os.Stat(e.StoreDir); err == nil && !info.IsDir() {
		return fmt.Errorf("store_dir: %s is not a directory", e.StoreDir)
	}
	switch e.Sync {
	case "", syncAlways:
		e.Sync = syncAlways
		if e.SyncInterval != 0 {
			return errors.New("sync_interval without sync interval has no effect: write `sync interval <duration>`")
		}
	case syncOften:
		if e.SyncInterval == 0 {
			e.SyncInterval = caddy.Duration(defaultSyncInterval)
		}
	default:
		return fmt.Errorf("sync: %q is not understood: write always or interval", e.Sync)
	}
	if e.SyncInterval < 0 || e.MaxStore < 0 {
		return errors.New("sync_interval and max_store must be above zero")
	}
	if e.Listen != "" {
		if _, port, err := net.SplitHostPort(e.Listen); err != nil || port == "" {
			return fmt.Errorf("listen: %q is not an address: write host and port, such as 127.0.0.1:4222", e.Listen)
		}
	}
	return nil
}

// resolve writes the settings, with placeholders replaced, into c. It reports
// every mistake at once.
func (n *NATS) resolve(c *natspub.ConnectConfig) error {
	var problems []error
	add := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(n.URLs) == 0 {
		add("urls", errors.New("write the servers' URLs, such as tls://nats-1:4222"))
	}
	for _, raw := range n.URLs {
		add("url", checkServerURL(raw))
	}
	c.URLs = n.URLs
	var nkey string
	for _, s := range []struct {
		name, value string
		into        *string
	}{{"nkey", n.NKey, &nkey}, {"password", n.Password, &c.Password}, {"token", n.Token, &c.Token}} {
		if s.value == "" {
			continue
		}
		value, err := resolveSecret(s.value, false)
		add(s.name, err)
		*s.into = value
	}
	c.NKeySeed = []byte(nkey)
	tls := n.TLS
	if tls == nil {
		tls = new(TLS)
	}
	if (tls.Cert == "") != (tls.Key == "") {
		add("tls", errors.New("cert and key belong together: set both"))
	}
	for _, s := range []struct {
		name, value string
		file        bool
		into        *string
	}{
		{"user", n.User, false, &c.User},
		{"credentials", n.Credentials, true, &c.Credentials},
		{"tls: ca", tls.CA, true, &c.CA},
		{"tls: cert", tls.Cert, true, &c.Cert},
		{"tls: key", tls.Key, true, &c.Key},
	} {
		if s.value == "" {
			continue
		}
		value, err := resolveSetting(s.value)
		if err == nil && s.file {
			err = readable(value)
		}
		add(s.name, err)
		*s.into = value
	}
	ways := 0
	for _, set := range []bool{n.Credentials != "", n.NKey != "", n.User != "" || n.Password != "", n.Token != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		add("login", errors.New("credentials, nkey, user and token exclude each other: keep one of them"))
	}
	if (n.User == "") != (n.Password == "") {
		add("login", errors.New("user and password belong together: set both"))
	}
	return errors.Join(problems...)
}

func checkServerURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
		return errors.New("it is not that of a NATS server: write nats://host:port or tls://host:port")
	case u.User != nil:
		return fmt.Errorf("%w; use user, password or token", ErrLiteralSecret)
	}
	return nil
}

func readable(file string) error {
	f, err := os.Open(file) //nolint:gosec // named by the operator
	if err != nil {
		return err
	}
	return f.Close()
}

// checkStreams checks and completes the streams.
func (a *App) checkStreams() error {
	var problems []error
	for _, s := range []struct {
		field    string
		stream   **Stream
		name     string
		maxAge   time.Duration
		maxBytes int64
	}{
		{"stream", &a.Stream, streamName, defaultMaxAge, 0},
		{"unverified_stream", &a.UnverifiedStream, unverifiedName, defaultMaxAge, 0},
		{"quarantine_stream", &a.QuarantineStream, quarantineName, quarantineMaxAge, quarantineMaxBytes},
	} {
		c := Stream{}
		if *s.stream != nil {
			c = **s.stream
		}
		*s.stream = &c
		if c.Name == "" {
			c.Name = s.name
		}
		if c.MaxAge == 0 {
			c.MaxAge = caddy.Duration(s.maxAge)
		}
		if c.MaxBytes == 0 {
			c.MaxBytes = s.maxBytes
		}
		if err := c.check(a.NATS != nil); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", s.field, err))
		}
	}
	if a.Stream.Name == a.UnverifiedStream.Name || a.Stream.Name == a.QuarantineStream.Name || a.UnverifiedStream.Name == a.QuarantineStream.Name {
		problems = append(problems, errors.New("two streams have the same name: give each its own"))
	}
	return errors.Join(problems...)
}

func (s *Stream) check(cluster bool) error {
	var problems []error
	if strings.ContainsAny(s.Name, " \t\r\n.*>/\\{}") {
		problems = append(problems, fmt.Errorf("%q is not a stream's name: use letters, digits, _ and -", s.Name))
	}
	if s.Replicas < 0 || s.Replicas > 5 || (!cluster && s.Replicas > 1) {
		problems = append(problems, errors.New("replicas: use 1 to 5, and 1 where JetStream is embedded"))
	}
	if s.MaxAge < 0 || s.MaxBytes < 0 || s.DuplicateWindow < 0 {
		problems = append(problems, errors.New("max_age, max_bytes and duplicate_window must be above zero"))
	}
	if s.DuplicateWindow > s.MaxAge {
		problems = append(problems, fmt.Errorf("duplicate_window %v is longer than max_age %v: ids end with their events",
			time.Duration(s.DuplicateWindow), time.Duration(s.MaxAge)))
	}
	switch s.Preflight {
	case "":
		s.Preflight = preflightStrict
		if cluster {
			s.Preflight = preflightWarn
		}
	case preflightStrict, preflightWarn, preflightOff:
	default:
		problems = append(problems, fmt.Errorf("preflight: %q is not understood: write strict, warn or off", s.Preflight))
	}
	switch s.Create {
	case "":
		s.Create = "on"
	case "on", "off":
	default:
		problems = append(problems, fmt.Errorf("create: %q is not understood: write on or off", s.Create))
	}
	return errors.Join(problems...)
}
