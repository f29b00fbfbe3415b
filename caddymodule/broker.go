package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	// Whether events that wait at the same time are stored and synced as one: `on`
	// or `off`. It only matters with `always`, where one by one the disk's syncs
	// are the limit. Default: `on`.
	GroupCommit string `json:"group_commit,omitempty"`
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

const (
	defaultSyncInterval   = 2 * time.Minute
	defaultStoreDirName   = "webhooks"
	syncAlways, syncOften = "always", "interval"
	nkeySeedLength        = 58
	connectionPrefix      = "caddy-webhooks " // of the names of connections
)

// brokerSettings are what defines a broker: configurations with equal settings
// share one.
type brokerSettings struct {
	key     string
	embed   natsembed.Config // zero for a cluster
	connect natspub.ConnectConfig
	single  bool // events are never stored in batches
}

// brokerSettings checks and completes the configuration of the broker.
func (a *App) brokerSettings() (*brokerSettings, error) {
	name := a.Instance
	if name == "" {
		name, _ = os.Hostname() // a connection may have no name
	}
	connect := natspub.ConnectConfig{Name: connectionPrefix + name}
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
			Readable:     []string{a.Stream.Name, a.UnverifiedStream.Name, a.QuarantineStream.Name, a.OpsStream.Name, "OBJ_" + a.BodyStore.Bucket},
		},
		connect: connect,
		single:  e.GroupCommit == "off",
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
	switch e.GroupCommit {
	case "":
		e.GroupCommit = "on"
	case "on", "off":
	default:
		return fmt.Errorf("group_commit: %q is not understood: write on or off", e.GroupCommit)
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
	if nkey != "" && (len(nkey) != nkeySeedLength || !strings.HasPrefix(nkey, "SU")) {
		add("nkey", fmt.Errorf("it is not the seed of a user: it has %d characters and begins with SU", nkeySeedLength))
	}
	files := n.TLS
	if files == nil {
		files = new(TLS)
	}
	for _, s := range []struct {
		name, value string
		file        bool
		into        *string
	}{
		{"user", n.User, false, &c.User},
		{"credentials", n.Credentials, true, &c.Credentials},
		{"tls: ca", files.CA, true, &c.CA},
		{"tls: cert", files.Cert, true, &c.Cert},
		{"tls: key", files.Key, true, &c.Key},
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
	if len(problems) == 0 {
		add("tls", checkTLS(c))
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

// checkServerURL returns an error that names the URL, but not one that holds a
// password.
func checkServerURL(raw string) error {
	u, err := url.Parse(raw)
	if err == nil && u.User != nil {
		return fmt.Errorf("the URL of %s: %w; use user, password or token", u.Host, ErrLiteralSecret)
	}
	const cure = "write nats://host:port or tls://host:port"
	if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
		return fmt.Errorf("%q is not the URL of a NATS server: %s", redact(raw), cure)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q has no port between 1 and 65535: %s", redact(raw), cure)
		}
	}
	return nil
}

// checkTLS reads the files as the connection will.
func checkTLS(c *natspub.ConnectConfig) error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("cert and key belong together: set both")
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return err
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: there is no certificate in %s: use a file in PEM", c.CA)
		}
	}
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			return fmt.Errorf("cert and key: %w", err)
		}
	}
	return nil
}

func readable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return f.Close()
}
