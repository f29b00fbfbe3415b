// Package natsembed runs a NATS server with JetStream inside this process.
//
// A publish is acknowledged after it is on disk, unless the operator says
// otherwise. Clients that connect over TCP may read events and may not write
// them: whoever can publish on the gateway's subjects can forge what it
// vouches for.
package natsembed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Errors of Start and Ready. They are wrapped with what they are about.
var (
	// ErrLocked: another process, or another server of this one, uses the
	// store directory. nats-server itself would not notice, and both would lose
	// acknowledged events.
	ErrLocked = errors.New("the store directory is in use by another server")
	// ErrNotReady: the server is still starting.
	ErrNotReady = errors.New("the server is not ready")
	// ErrFailed: the server has met an error from which it does not recover.
	ErrFailed = errors.New("the server has failed")
	// ErrBroken, which comes with ErrFailed: the server has met a fatal error,
	// could not write, or has lost its directory. Only a new one helps.
	ErrBroken = errors.New("it has to be replaced")
	// ErrDiskFull: so little space is left that a write could fail. JetStream
	// would answer with silence, and the stream would stay frozen.
	ErrDiskFull = errors.New("the disk is nearly full")
)

const (
	// maxPayload is above the largest body of any provider (25 MB) and its
	// headers.
	maxPayload = 32 << 20
	// reserve is the free space below which nothing is accepted.
	reserve = 64 << 20
	// readyPoll is how often WaitReady looks.
	readyPoll = 20 * time.Millisecond
	// readyPatience is what the server needs to say that it has started: it
	// looks at least once only if it has some time.
	readyPatience = 250 * time.Millisecond
	// healthPatience is how long the server has to say that it is not well. While a
	// stream is being made its directory is there and the stream is not, and the
	// server takes that for a stream that it could not recover.
	healthPatience = time.Second
	healthPoll     = 5 * time.Millisecond
	// healthLooks is how often it has to say that a stream could not write.
	healthLooks = 5
	// lockName is the file in StoreDir that is locked.
	lockName = "webhooks.lock"
	// writeError is what the server says of a stream that could not write.
	writeError = "write error"
)

// Config describes a server.
type Config struct {
	// StoreDir is where events are kept. It is created, for this user only.
	StoreDir string
	// ServerName is shown to clients. Empty means "webhooks".
	ServerName string
	// SyncInterval is how often written events are synced to disk; zero means
	// that each one is synced before it is acknowledged.
	SyncInterval time.Duration
	// Listen is an address for clients: host:port, where port 0 is any. Empty
	// means that there are clients in this process only.
	Listen string
	// MaxStore caps the store's size in bytes. Zero means three quarters of
	// what is free, with what the store already has.
	MaxStore int64
	// Password of the gateway's user; see Credentials. Empty means that one is made
	// up. It is no part of Key.
	Password string
	// Existing means that there must be a store in StoreDir already: a server that
	// takes the place of another must not begin anew where a disk is not mounted. It
	// is no part of Key.
	Existing bool
	// Readable are the names of the streams that clients over TCP may read.
	Readable []string
	// Logger gets the server's messages. Nil means that nobody does.
	Logger *slog.Logger
}

// Key tells configurations apart: servers with equal keys are the same.
func (c Config) Key() string {
	return fmt.Sprintf("%q %q %v %q %d %q", c.StoreDir, c.ServerName, c.SyncInterval, c.Listen, c.MaxStore, c.Readable)
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	cfg      Config
	nats     *server.Server
	lock     *os.File
	log      *logger
	password string
	reserve  int64
	staging  staging
	once     sync.Once
}

// Start starts a server and returns while it may still be recovering its store,
// which takes seconds where millions of ids are remembered; see WaitReady. The
// error is, or wraps, [ErrLocked], or says what is wrong with cfg.
func Start(cfg Config) (*Server, error) {
	if cfg.StoreDir == "" {
		return nil, errors.New("starting the embedded NATS server: no store directory")
	}
	if cfg.Existing {
		if _, err := os.Stat(filepath.Join(cfg.StoreDir, lockName)); err != nil {
			return nil, fmt.Errorf("starting the embedded NATS server: there is no store in %s any more: mount its disk, or restart to begin a new one: %w", cfg.StoreDir, err)
		}
	}
	if err := os.MkdirAll(cfg.StoreDir, 0o700); err != nil {
		return nil, fmt.Errorf("starting the embedded NATS server: %w", err)
	}
	lock, err := lockDir(cfg.StoreDir)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded NATS server: %w", err)
	}
	s := &Server{cfg: cfg, lock: lock, log: newLogger(cfg.Logger), password: cfg.Password, reserve: reserve}
	if s.password == "" {
		s.password = rand.Text()
	}
	if cfg.SyncInterval == 0 {
		err = settle(cfg.StoreDir)
	}
	var opts *server.Options
	if err == nil {
		opts, err = s.options()
	}
	if err == nil {
		s.nats, err = server.NewServer(opts)
	}
	if err != nil {
		unlock(lock)
		return nil, fmt.Errorf("starting the embedded NATS server: %w", err)
	}
	s.nats.SetLoggerV2(s.log, false, false, false)
	go s.nats.Start()
	return s, nil
}

func (s *Server) options() (*server.Options, error) {
	name := s.cfg.ServerName
	if name == "" {
		name = "webhooks"
	}
	maxStore := s.cfg.MaxStore
	if maxStore == 0 {
		free, err := freeSpace(s.cfg.StoreDir)
		if err != nil {
			return nil, fmt.Errorf("measuring the free space: %w", err)
		}
		maxStore = max(free/4*3+usedSpace(s.cfg.StoreDir)-reserve, reserve)
	}
	opts := &server.Options{}
	if err := opts.ProcessConfigString(accounts(s.password, s.cfg.Readable)); err != nil {
		return nil, fmt.Errorf("configuring accounts: %w", err)
	}
	opts.ServerName = name
	opts.JetStream = true
	opts.StoreDir = s.cfg.StoreDir
	opts.SyncAlways = s.cfg.SyncInterval == 0
	opts.SyncInterval = s.cfg.SyncInterval
	opts.JetStreamMaxStore = maxStore
	opts.JetStreamMaxMemory = 64 << 20
	opts.MaxPayload = maxPayload
	opts.MaxPending = 4 * maxPayload
	opts.NoSigs = true
	opts.DisableJetStreamBanner = true
	opts.DontListen = s.cfg.Listen == ""
	if s.cfg.Listen != "" {
		host, port, err := net.SplitHostPort(s.cfg.Listen)
		if err != nil {
			return nil, fmt.Errorf("listening on %q: write host and port, such as 127.0.0.1:4222", s.cfg.Listen)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("listening on %q: the port is not a number", s.cfg.Listen)
		}
		opts.Host, opts.Port = host, int(n)
		if n == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	return opts, nil
}

// InProcessConn returns a connection that needs no network. Log in with
// Credentials.
func (s *Server) InProcessConn() (net.Conn, error) { return s.nats.InProcessConn() }

// Credentials returns the user name and password of the gateway, which never
// leave the process.
func (s *Server) Credentials() (user, password string) { return gatewayUser, s.password }

// MaxStore returns how many bytes the store may have.
func (s *Server) MaxStore() int64 {
	cfg := s.nats.JetStreamConfig()
	if cfg == nil {
		return s.cfg.MaxStore
	}
	return cfg.MaxStore
}

// Addr returns the address on which clients are served, or nil.
func (s *Server) Addr() net.Addr {
	if s.cfg.Listen == "" {
		return nil
	}
	return s.nats.Addr()
}

// Ready returns nil if the server takes events now, and otherwise an error that
// is, or wraps, [ErrNotReady], [ErrFailed], with or without [ErrBroken], or
// [ErrDiskFull].
func (s *Server) Ready() error {
	if err := s.log.fatal(); err != nil {
		return fmt.Errorf("%w: %w: %w", ErrFailed, err, ErrBroken)
	}
	if !s.nats.Running() || !s.nats.ReadyForConnections(readyPatience) || !s.nats.JetStreamEnabled() {
		return ErrNotReady
	}
	free, err := freeSpace(s.cfg.StoreDir)
	if err == nil && free < s.reserve {
		return fmt.Errorf("%w: %d bytes are left in %s: make room there, %d must be free", ErrDiskFull, free, s.cfg.StoreDir, s.reserve)
	}
	if err := s.hasStore(); err != nil {
		return fmt.Errorf("%w: %w: %w", ErrFailed, err, ErrBroken)
	}
	return s.health()
}

// health asks the server how it is. On a busy machine it may say that it has not
// started, since it gives itself a millisecond to look; what is really wrong
// stays wrong.
func (s *Server) health() error {
	deadline := time.Now().Add(healthPatience)
	for broken := 0; ; time.Sleep(healthPoll) {
		health := s.nats.Healthz(nil)
		switch {
		case health.Status == "ok":
			return nil
		case strings.Contains(health.Error, writeError):
			if broken++; broken == healthLooks {
				return fmt.Errorf("%w: %s: %w", ErrFailed, health.Error, ErrBroken)
			}
		case time.Now().After(deadline):
			return fmt.Errorf("%w: %s", ErrFailed, health.Error)
		}
	}
}

// WaitReady waits until the server is ready. It returns early if the server has
// failed, or if it runs on a disk that is nearly full, with an error that wraps
// [ErrDiskFull]; and ctx's error joined with the last reason if ctx ends.
func (s *Server) WaitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		err := s.Ready()
		if err == nil || errors.Is(err, ErrDiskFull) || errors.Is(err, ErrFailed) && s.log.fatal() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Shutdown stops the server, after everybody has stopped publishing, and gives
// the directory free. It waits until everything is written, or until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.once.Do(func() {
			s.nats.Shutdown()
			s.nats.WaitForShutdown()
			s.staging.clear()
			unlock(s.lock)
		})
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopping the embedded NATS server: %w", ctx.Err())
	}
}
