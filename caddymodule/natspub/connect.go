// Package natspub stores events in NATS JetStream: it implements
// [gateway.Publisher], and it creates and checks the streams.
package natspub

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// ConnectConfig says how to reach NATS. At most one of Credentials, NKeySeed,
// User and Token is set, each with what belongs to it.
type ConnectConfig struct {
	// URLs of the servers. Empty with InProcess.
	URLs []string
	// InProcess is a server in this process.
	InProcess nats.InProcessConnProvider
	// Name of the connection, for the server's operator.
	Name string
	// Credentials is the path of a file with a JWT and a seed.
	Credentials string
	// NKeySeed is the seed of an NKey.
	NKeySeed []byte
	// JWT is a user's, signed with NKeySeed; "" without one.
	JWT string
	// User and Password, or Token.
	User, Password, Token string
	// CA, Cert and Key are paths of PEM files.
	CA, Cert, Key string
	// TLSFirst means that the servers want TLS before they say anything.
	TLSFirst bool
	// InboxPrefix is where answers come, for users who may not subscribe to
	// others; "" means `_INBOX`.
	InboxPrefix string
	// Logger gets changes of the connection. Nil means that nobody does.
	Logger *slog.Logger
}

// Connect connects, and goes on trying in the background where no server
// answers yet. The error says what is wrong with cfg.
//
// Nothing is buffered while there is no connection: nats.go would otherwise
// publish after a reconnect what the sender was told has failed.
func Connect(cfg ConnectConfig) (*nats.Conn, error) {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	opts := []nats.Option{
		nats.Name(cfg.Name),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.RetryOnFailedConnect(true),
		nats.Timeout(2 * time.Second),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(time.Second),
		nats.ReconnectOnFlusherError(),
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("disconnected from NATS", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Error("NATS reports an error", "error", err) }),
	}
	var err error
	if opts, err = cfg.authenticate(opts); err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	if opts, err = cfg.secure(opts); err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	if cfg.InProcess != nil {
		opts = append(opts, nats.InProcessServer(cfg.InProcess))
	}
	if cfg.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(cfg.InboxPrefix))
	}
	if cfg.InProcess == nil && len(cfg.URLs) == 0 {
		return nil, errors.New("connecting to NATS: no URL")
	}
	o := nats.GetDefaultOptions()
	o.Servers = cfg.URLs
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, fmt.Errorf("connecting to NATS: %w", err)
		}
	}
	nc, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	return nc, nil
}

func (cfg *ConnectConfig) authenticate(opts []nats.Option) ([]nats.Option, error) {
	switch {
	case cfg.Credentials != "":
		if err := checkCredentials(cfg.Credentials); err != nil {
			return nil, fmt.Errorf("reading the credentials: %w", err)
		}
		return append(opts, nats.UserCredentials(cfg.Credentials)), nil
	case len(cfg.NKeySeed) > 0:
		pair, err := nkeys.FromSeed(cfg.NKeySeed)
		if err != nil {
			return nil, errors.New("the nkey is not a seed: it begins with SU")
		}
		public, err := pair.PublicKey()
		if err != nil || !nkeys.IsValidPublicUserKey(public) {
			return nil, errors.New("the nkey is not a seed of a user: it begins with SU")
		}
		if cfg.JWT != "" {
			return append(opts, nats.UserJWT(func() (string, error) { return cfg.JWT, nil }, pair.Sign)), nil
		}
		return append(opts, nats.Nkey(public, pair.Sign)), nil
	case cfg.User != "":
		return append(opts, nats.UserInfo(cfg.User, cfg.Password)), nil
	case cfg.Token != "":
		return append(opts, nats.Token(cfg.Token)), nil
	}
	return opts, nil
}

// checkCredentials looks whether the file has what a connection needs. It is
// read again at each connection, so that it can be replaced.
func checkCredentials(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, errJWT := nkeys.ParseDecoratedJWT(text)
	_, errSeed := nkeys.ParseDecoratedUserNKey(text)
	if errJWT != nil || errSeed != nil {
		return fmt.Errorf("%s is not a file with a user's JWT and seed, as `nsc generate creds` makes it", file)
	}
	return nil
}

func (cfg *ConnectConfig) secure(opts []nats.Option) ([]nats.Option, error) {
	if cfg.TLSFirst {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	if cfg.CA == "" && cfg.Cert == "" {
		return opts, nil
	}
	// The files are read again at each connection, so that they can be replaced
	// before a certificate ends.
	opts = append(opts, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate authorities: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the certificate authorities: no certificate in %s", cfg.CA)
		}
		opts = append(opts, nats.RootCAs(cfg.CA))
	}
	if cfg.Cert != "" {
		if _, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key); err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		opts = append(opts, nats.ClientCert(cfg.Cert, cfg.Key))
	}
	return opts, nil
}

// IsUserKey reports whether the text is the public key of a user, an nkey.
func IsUserKey(text string) bool { return nkeys.IsValidPublicUserKey(text) }
