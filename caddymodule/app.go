package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/driftbook"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func init() {
	caddy.RegisterModule(new(App))
}

const (
	defaultMaxMemory  = 256 << 20
	defaultMaxPending = 4096
)

// App holds what all webhooks routes share: the connection to NATS JetStream,
// its streams, and descriptions of senders. Without any configuration JetStream
// runs inside this process and keeps its data in Caddy's data directory.
type App struct {
	// The URL under which senders reach this server, for signatures that cover
	// the URL and for `ce-source`. A route's own replaces it. Default: what the
	// request says, and `ce-source` without a host.
	PublicURL string `json:"public_url,omitempty"`
	// A name for this gateway, shown by NATS as the connection's name. Default:
	// the host's name.
	Instance string `json:"instance,omitempty"`

	// Run JetStream inside this process. Default, unless `nats` is set.
	Embedded *Embedded `json:"embedded,omitempty"`
	// Use an existing NATS cluster.
	NATS *NATS `json:"nats,omitempty"`
	// More clusters, by the name with which routes choose them.
	Connections map[string]*Connection `json:"connections,omitempty"`

	// The stream of verified events, `wh.v1.>`. When it is full new events are
	// refused (503), and none is dropped.
	Stream *Stream `json:"stream,omitempty"`
	// The stream of events from routes with `insecure_skip_verify`,
	// `wh-unverified.v1.>`. Only used if there is such a route.
	UnverifiedStream *Stream `json:"unverified_stream,omitempty"`
	// Streams for routes that have one of their own, by the name with which they
	// choose it. Each takes the subjects of its routes, and the streams above take
	// the rest. Default of each setting: that of `stream`.
	RouteStreams map[string]*Stream `json:"route_streams,omitempty"`
	// The stream of events that are kept aside, `wh-quarantine.v1.>`. When it is
	// full the oldest go first.
	QuarantineStream *Stream `json:"quarantine_stream,omitempty"`
	// The stream of operational events, `wh-ops.v1.>`. When it is full the oldest
	// go first. Where it cannot be used they are dropped; `preflight` has no
	// meaning for it.
	OpsStream *Stream `json:"ops_stream,omitempty"`

	// The key that signs each event whose sender was verified, so that consumers
	// can prove with the public key that it came through a gateway that has the
	// key: an Ed25519 private key, as the seed of an nkey or as PKCS #8 in PEM. It
	// must be a placeholder, `{env.NAME}` or `{file./absolute/path}`. The signature
	// is in `ce-whsig`. Default: events are not signed.
	Attest string `json:"attest,omitempty"`
	// Which of the requests with a bad signature are kept in quarantine.
	SignatureSamples *SignatureSamples `json:"signature_samples,omitempty"`
	// Where large bodies go.
	BodyStore *BodyStore `json:"body_store,omitempty"`
	// Keeps events while the cluster of `nats` does not take them.
	Spool *Spool `json:"spool,omitempty"`

	// How often the streams are looked at while events are taken, because their
	// owners may change them. Default: 30s.
	PreflightInterval caddy.Duration `json:"preflight_interval,omitempty"`
	// How many events may wait for JetStream at one time; more are answered 503.
	// Default: 4096.
	MaxPending int `json:"max_pending,omitempty"`
	// How many bytes of bodies may be in memory at one time, over all routes;
	// more are answered 503. Default: 256 MiB.
	MaxMemory int64 `json:"max_memory,omitempty"`

	// Senders that are not in the catalogue, by name.
	Providers map[string]*CustomProvider `json:"providers,omitempty"`

	ctx       caddy.Context //nolint:containedctx // Caddy's, which lives as long as the app
	log       *slog.Logger
	metrics   *metrics
	fetcher   *keyfetch.Fetcher
	budget    *gateway.Budget
	publisher *publisher
	attester  *natspub.Attester // nil: events are not signed
	providers map[string]verifiers.Provider
	name      string              // of the connection; "" is the first
	others    map[string]*App     // the further connections
	main      *App                // of a further connection: the app whose it is
	routes    map[string]*Handler // by tenant and source
	handlers  []*Handler          // all routes

	publishing []*Handler // those that publish on this connection

	spans    time.Duration // the longest retry span of a route
	largest  int64         // the largest body that a route takes
	stores   bool          // a route needs the broker
	reads    bool          // a route's secrets are in a bucket there
	anybody  bool          // a route has insecure_skip_verify
	spools   bool          // a route needs the spool
	settings *brokerSettings
	session  *session                // nil: no broker
	shown    atomic.Pointer[session] // the same, for the admin API, which may ask earlier
	linked   chan struct{}           // closed when there is a session
	ending   chan struct{}           // closed by Stop
	ended    sync.Once
	ops      atomic.Pointer[natspub.Ops]
	samples  atomic.Pointer[natspub.Samples]
	lease    *lease
	replays  replays
	rates    []string // what it holds of the pool of that name
	lists    []addressListKey
	drifts   []*driftRoute
	drift    atomic.Pointer[driftbook.Book]
	driftKey string // of the pool

	schemaKeys []any // of what is counted
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "webhooks",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision checks the configuration. It starts nothing: the broker is started
// in Start.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Slogger()
	a.routes = make(map[string]*Handler)
	a.linked = make(chan struct{})
	a.ending = make(chan struct{})
	a.publisher = newPublisher(a.heir)
	a.fetcher = keyfetch.New(keyfetch.Config{Failed: func(host string, err error) {
		a.log.Warn("fetching a sender's keys", "host", host, "error", err)
	}})
	a.lease = newLease(a.release)
	a.metrics = collectors()
	if err := a.metrics.register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	if a.MaxMemory == 0 {
		a.MaxMemory = defaultMaxMemory
	}
	if a.MaxPending == 0 {
		a.MaxPending = defaultMaxPending
	}
	if a.PreflightInterval == 0 {
		a.PreflightInterval = caddy.Duration(defaultPreflightInterval)
	}
	a.budget = gateway.NewBudget(0, a.MaxMemory)
	var problems []error
	if time.Duration(a.PreflightInterval) < time.Second {
		problems = append(problems, errors.New("preflight_interval must be 1s or more"))
	}
	if a.MaxMemory < 0 || a.MaxPending < 0 {
		problems = append(problems, errors.New("max_memory and max_pending must be above zero"))
	}
	if a.PublicURL != "" {
		if _, err := parsePublicURL(a.PublicURL); err != nil {
			problems = append(problems, err)
		}
	}
	problems = append(problems, a.describeProviders(), a.checkStreams(), a.checkRouteStreams(), a.checkSpool(), a.checkBodies(), a.checkSamples(), a.checkAttest())
	settings, err := a.brokerSettings()
	a.settings = settings
	problems = append(problems, err, a.provisionConnections())
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("webhooks app: %w", err)
	}
	return nil
}

// describeProviders builds the operator's own providers.
func (a *App) describeProviders() error {
	a.providers = make(map[string]verifiers.Provider, len(a.Providers))
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(a.Providers)) {
		if name == genericName || name == providers.HMAC.Name {
			problems = append(problems, fmt.Errorf("provider %s: the name has a meaning already: choose another", name))
			continue
		}
		p, err := a.Providers[name].build(name)
		if err == nil {
			p, err = providers.Custom(p)
		}
		if err == nil {
			if err = a.Providers[name].Verify.prove(a.ctx, p); err != nil {
				err = fmt.Errorf("provider %s: %w", name, err)
			}
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		a.providers[name] = p
	}
	return errors.Join(problems...)
}

// register notes what a route asks of the broker. Routes are provisioned one
// after the other, and all of them before Start.
func (a *App) register(h *Handler, p verifiers.Provider) error {
	cfg := h.route.Config()
	key := h.tenantName.String() + "/" + h.sourceName.String()
	for _, name := range slices.Sorted(maps.Keys(a.routes)) {
		switch other := a.routes[name]; {
		case !other.mayMeet(h):
		case other.Provider != h.Provider:
			return fmt.Errorf("the source %q is also that of the route %s with the provider %s, "+
				"and events of both would be taken for duplicates of each other: give one of them another name with `source <name>`",
				key, other.label(), other.Provider)
		case other.Partitions != h.Partitions && !h.NoPublish && !other.NoPublish && other.to == h.to:
			return fmt.Errorf("the source %q is also that of the route %s with %d partitions, and one key would be in two of them: "+
				"give both the same number, or one of them another name with `source <name>`", key, other.label(), other.Partitions)
		}
	}
	if err := h.registerStream(); err != nil {
		return err
	}
	a.routes[key] = h
	a.handlers = append(a.handlers, h)
	if cfg.Publisher != nil {
		to := h.to
		to.stores = true
		to.largest = max(to.largest, cfg.MaxBody, cfg.MaxDecompressed)
		to.anybody = to.anybody || h.InsecureSkipVerify
		to.spools = to.spools || h.spool != natspub.SpoolOff
	}
	if !cfg.NoDedupe {
		h.to.spans = max(h.to.spans, p.RetrySpan)
	}
	return nil
}

func (a *App) observer(log *slog.Logger, source string, keys int) *observer {
	return &observer{metrics: a.metrics.route(source, keys), log: log}
}

// Start starts the broker, or takes over that of the configuration before this
// one.
func (a *App) Start() error {
	a.warnUncovered()
	a.startAddressLists()
	if err := a.startDrift(); err != nil {
		return err
	}
	return a.connectAll()
}

// warnUncovered says where a mistake in a URL would be answered with 200.
func (a *App) warnUncovered() {
	val, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return // webhooks without HTTP have no routes either
	}
	http, ok := val.(*caddyhttp.App)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(http.Servers)) {
		for _, h := range uncovered(http.Servers[name].Routes, false) {
			a.log.Warn("no catch-all: a request whose path is not that of a route is answered with an empty 200, "+
				"and its sender takes the event for delivered; end the site with `respond 404`",
				"server", name, "route", h.label())
		}
	}
}

// Stop ends what clients of the admin API read, so that they ask the next one, and
// leaves the streams to the configuration that follows: what this one would
// make of them, or make again, is not what is wanted any more. The rest goes on,
// since requests of the old configuration are still being served and need the
// broker, which is given back in Cleanup.
func (a *App) Stop() error {
	a.ended.Do(func() { close(a.ending) })
	for _, c := range a.all() {
		if c.session != nil {
			c.session.settled()
		}
	}
	return nil
}

// Cleanup gives the broker back when the last request of this configuration has
// ended.
func (a *App) Cleanup() error {
	for _, c := range a.all() {
		c.stopReplays()
	}
	if a.lease != nil {
		a.lease.close()
	}
	return nil
}

// release is called once, after Cleanup and the last request.
func (a *App) release() {
	if err := a.stopDrift(); err != nil { // which may have to tell something
		a.log.Error("releasing the drift report", "error", err)
	}
	running.remove(a)
	generations.end(a)
	a.disconnect()
	for _, other := range a.others {
		other.disconnect()
	}
	if err := a.fetcher.Close(); err != nil {
		a.log.Error("closing the key fetcher", "error", err)
	}
	if err := a.releaseAddressLists(); err != nil {
		a.log.Error("releasing the lists of addresses", "error", err)
	}
	if err := a.releaseSchemas(); err != nil {
		a.log.Error("releasing the counts of schemas", "error", err)
	}
	if err := a.releaseRates(); err != nil {
		a.log.Error("releasing the limits", "error", err)
	}
}

// hold keeps what a request needs until the returned function is called.
func (a *App) hold() func() {
	if !a.lease.acquire() {
		return func() {}
	}
	return a.lease.giveBack
}

// heir returns the app that has this app's broker now, if one has.
func (a *App) heir() *App {
	if a.settings == nil {
		return nil
	}
	val, _ := heirs.Load(a.heirKey())
	app, _ := val.(*App)
	return app
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
