package caddymodule

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
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
	// Whether events that wait at the same time are stored and synced as one: `on`
	// or `off`. It only matters with `always`, where one by one the disk's syncs
	// are the limit. Default: `on`.
	GroupCommit string `json:"group_commit,omitempty"`
	// The largest size of the store in bytes. Default: a part of what is free
	// on the disk.
	MaxStore int64 `json:"max_store,omitempty"`
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
	label   string // the name of the connection that is made first, for the log
	prefix  string // of the JetStream API; "" is the default
	single  bool   // events are never stored in batches
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
		prefix, err := a.NATS.resolve(&connect)
		if err != nil {
			return nil, fmt.Errorf("nats: %w", err)
		}
		// The key holds secrets only as a digest.
		text := fmt.Sprintf("%q %v", []string{
			strings.Join(connect.URLs, " "), connect.Name, connect.Credentials, string(connect.NKeySeed), connect.JWT,
			connect.User, connect.Password, connect.Token, connect.CA, connect.Cert, connect.Key, connect.InboxPrefix, prefix,
		}, connect.TLSFirst)
		return &brokerSettings{key: fmt.Sprintf("nats:%x", sha256.Sum256([]byte(text))), connect: connect, prefix: prefix, label: a.name}, nil
	}
	e := Embedded{}
	if a.Embedded != nil {
		e = *a.Embedded
	}
	if err := e.complete(); err != nil {
		return nil, fmt.Errorf("nats embedded: %w", err)
	}
	readable := []string{a.Stream.Name, a.UnverifiedStream.Name, a.QuarantineStream.Name, a.OpsStream.Name, natspub.ReplayStream, "OBJ_" + a.BodyStore.Bucket}
	return &brokerSettings{
		key: "embedded:" + e.StoreDir,
		embed: natsembed.Config{
			StoreDir:     e.StoreDir,
			SyncInterval: time.Duration(e.SyncInterval),
			Listen:       e.Listen,
			MaxStore:     e.MaxStore,
			Readable:     append(readable, slices.Sorted(maps.Keys(a.RouteStreams))...),
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
