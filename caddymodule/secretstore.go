package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
)

func init() {
	caddy.RegisterModule(new(DirSecrets))
	caddy.RegisterModule(new(KVSecrets))
}

// secretsNamespace is that of modules that are a [SecretStore].
const secretsNamespace = "webhooks.secrets"

// A SecretStore has secrets of tenants. Modules in the namespace
// `webhooks.secrets` are such.
type SecretStore interface {
	tenants.Store
	// Distinguishes reports whether each tenant, and each source of a tenant, has
	// secrets of its own here. Where the request says which it is it must.
	Distinguishes() (tenant, source bool)
}

const (
	defaultSecretPath = "{tenant}/{source}"
	defaultSecretKey  = "{tenant}.{source}"
)

// DirSecrets are files below a directory, one for each source of a tenant. A
// file holds one secret, and maybe a newline, or a list of several:
//
//	{"secrets": [
//		{"id": "2026-11", "secret": "the new one"},
//		{"id": "2026-05", "secret": "the old one", "until": "2026-12-01T00:00:00Z"}
//	]}
//
// A change takes effect within a second. Symbolic links that lead out of the
// directory are not followed, and what everybody can write is refused.
type DirSecrets struct {
	// The absolute path of the directory. It must exist. Required.
	Root string `json:"root"`
	// The path of a file below it, with `{tenant}` and `{source}`. Default:
	// `{tenant}/{source}`.
	Path string `json:"path,omitempty"`

	template tenants.Template
	*tenants.Dir
}

// CaddyModule returns the Caddy module information.
func (*DirSecrets) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: secretsNamespace + ".dir", New: func() caddy.Module { return new(DirSecrets) }}
}

// UnmarshalCaddyfile reads:
//
//	secrets_from dir <path>
//
// What is before the first {tenant} or {source}, up to a slash, is the directory.
func (s *DirSecrets) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume module name
	var path string
	if !d.AllArgs(&path) {
		return d.Err("secrets_from dir takes one path: write `secrets_from dir /run/secrets/webhooks/{tenant}/{source}`")
	}
	s.Root = strings.TrimRight(path, "/")
	for _, token := range []string{"{tenant}", "{source}"} {
		if i := strings.Index(s.Root, token); i >= 0 {
			s.Root = s.Root[:i]
		}
	}
	if len(s.Root) < len(strings.TrimRight(path, "/")) {
		i := strings.LastIndexByte(s.Root, '/')
		if i < 0 {
			return d.Err("secrets_from dir: the path does not begin with a directory: write `secrets_from dir /run/secrets/webhooks/{tenant}/{source}`")
		}
		s.Root, s.Path = path[:i], path[i+1:]
	}
	return nil
}

// Provision checks the directory.
func (s *DirSecrets) Provision(caddy.Context) error {
	if s.Path == "" {
		s.Path = defaultSecretPath
	}
	root, err := resolveSetting(s.Root)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if s.template, err = tenants.ParseTemplate(s.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if s.Dir, err = tenants.NewDir(root, s.template); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	return nil
}

// Distinguishes implements [SecretStore].
func (s *DirSecrets) Distinguishes() (tenant, source bool) {
	return s.template.HasTenant(), s.template.HasSource()
}

// How long what is in the bucket may be used without being read again: while
// changes are told, and while they are not. A replica that is a little behind
// may have answered, so that neither is for ever.
const (
	watchedFresh   = 10 * time.Second
	unwatchedFresh = time.Second
)

// KVSecrets are values in a KV bucket of a cluster, one for each source
// of a tenant, in the form of the files of `dir`. The bucket is watched: a change
// takes effect at once.
type KVSecrets struct {
	// The name of the bucket. Required.
	Bucket string `json:"bucket"`
	// The key, with `{tenant}` and `{source}`. Default: `{tenant}.{source}`.
	Key string `json:"key,omitempty"`
	// The name of the connection of the app to the cluster with the bucket. Default:
	// the connection without a name.
	Connection string `json:"connection,omitempty"`

	template tenants.Template
	app      *App // of the connection
	log      *slog.Logger

	mu      sync.Mutex
	bucket  *natspub.Bucket // nil until something is looked up
	closed  bool
	changed func(tenant, source string)
}

// CaddyModule returns the Caddy module information.
func (*KVSecrets) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: secretsNamespace + ".nats_kv", New: func() caddy.Module { return new(KVSecrets) }}
}

// UnmarshalCaddyfile reads:
//
//	secrets_from nats_kv <bucket> [<key>] {
//		nats <name>
//	}
func (s *KVSecrets) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume module name
	switch args := d.RemainingArgs(); len(args) {
	case 1:
		s.Bucket = args[0]
	case 2:
		s.Bucket, s.Key = args[0], args[1]
	default:
		return d.Err("secrets_from nats_kv takes a bucket and maybe a key: write `secrets_from nats_kv SECRETS {tenant}.{source}`")
	}
	return parseBlock(d, "secrets_from nats_kv", map[string]subdirective[*KVSecrets]{
		"nats": {parse: func(s *KVSecrets, d *caddyfile.Dispenser) error { return parseString(d, &s.Connection) }},
	}, s)
}

var bucketKey = regexp.MustCompile(`^[-/_=A-Za-z0-9]+(\.[-/_=A-Za-z0-9]+)*$`)

// Provision checks the configuration. It starts nothing.
func (s *KVSecrets) Provision(ctx caddy.Context) error {
	s.log = ctx.Slogger()
	val, err := ctx.App("webhooks")
	if err != nil {
		return err
	}
	app, ok := val.(*App)
	if !ok {
		return fmt.Errorf("app webhooks is a %T", val)
	}
	if s.app, err = app.connection(s.Connection); err != nil {
		return err
	}
	if s.app.NATS == nil {
		return errors.New("a bucket is in a cluster, and the embedded server takes no secrets: configure `nats <url>`, name another connection in a block with `nats <name>`, or use `secrets_from dir`")
	}
	s.app.reads = true
	if !connectionName.MatchString(s.Bucket) {
		return fmt.Errorf("%q is not the name of a bucket: use A-Z, a-z, 0-9, _ and -", s.Bucket)
	}
	if s.Key == "" {
		s.Key = defaultSecretKey
	}
	if s.template, err = tenants.ParseTemplate(s.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if !bucketKey.MatchString(s.template.Expand("tenant", "source")) {
		return fmt.Errorf("key: %q is not a key of a bucket: use letters, digits and - / _ = between dots", s.Key)
	}
	return nil
}

// Distinguishes implements [SecretStore].
func (s *KVSecrets) Distinguishes() (tenant, source bool) {
	return s.template.HasTenant(), s.template.HasSource()
}

// Lookup implements [tenants.Store].
func (s *KVSecrets) Lookup(ctx context.Context, tenant, source string) ([]byte, error) {
	value, err := s.open().Get(ctx, s.template.Expand(tenant, source))
	if errors.Is(err, natspub.ErrNoKey) {
		return nil, tenants.ErrNotThere
	}
	return value, err
}

// Fresh implements [tenants.Store].
func (s *KVSecrets) Fresh() time.Duration {
	if s.open().Watching() {
		return watchedFresh
	}
	return unwatchedFresh
}

// Notify implements [tenants.Notifier].
func (s *KVSecrets) Notify(changed func(tenant, source string)) { s.changed = changed }

// open returns the bucket. It is watched from the first time on, because nothing
// may be started when a configuration is only checked, until Cleanup.
func (s *KVSecrets) open() *natspub.Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bucket == nil {
		cfg := natspub.BucketConfig{Name: s.Bucket, Conn: s.app.natsConn, APIPrefix: s.app.settings.prefix, Logger: s.log}
		if !s.closed {
			cfg.Changed = s.tell
		}
		s.bucket = natspub.NewBucket(cfg)
	}
	return s.bucket
}

func (s *KVSecrets) tell(key string) {
	if s.changed == nil {
		return
	}
	if key == "" {
		s.changed("", "")
		return
	}
	if tenant, source, ok := s.template.Parse(key); ok {
		s.changed(tenant, source)
	}
}

// Cleanup ends the watch. Requests that are still being served read the bucket
// without it.
func (s *KVSecrets) Cleanup() error {
	s.mu.Lock()
	s.closed = true
	bucket := s.bucket
	s.mu.Unlock()
	if bucket != nil {
		bucket.Close()
	}
	return nil
}

// natsConn returns the connection of this configuration, or, when it has given
// that back, of the one that has its broker now. It waits until there is one.
func (a *App) natsConn(ctx context.Context) (*nats.Conn, error) {
	select {
	case <-a.linked:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", gateway.ErrNotReady, ctx.Err())
	}
	for _, app := range []*App{a, a.heir()} {
		if app == nil {
			continue
		}
		b := app.session.broker
		if err := b.wait(ctx); err == nil && !b.conn.IsClosed() {
			return b.conn, nil
		}
	}
	return nil, gateway.ErrNotReady
}

var (
	_ SecretStore           = (*DirSecrets)(nil)
	_ caddy.Provisioner     = (*DirSecrets)(nil)
	_ caddyfile.Unmarshaler = (*DirSecrets)(nil)
	_ SecretStore           = (*KVSecrets)(nil)
	_ tenants.Notifier      = (*KVSecrets)(nil)
	_ caddy.Provisioner     = (*KVSecrets)(nil)
	_ caddy.CleanerUpper    = (*KVSecrets)(nil)
	_ caddyfile.Unmarshaler = (*KVSecrets)(nil)
)
