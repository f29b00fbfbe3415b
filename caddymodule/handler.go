package caddymodule

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler receives the webhooks of one source: it verifies the sender's
// signature, validates the payload, drops duplicates, stores the event in NATS
// JetStream and only then answers 2xx.
//
// A request that is refused is answered with one line, `<code> <request id>`,
// or handed to the site's error routes, if there are any. The reason is in the
// log and in the metrics, and never in the answer.
//
// End a site with a handler that answers 404 for everything else, such as
// `respond 404`: Caddy's own answer to a path that nothing handles is an empty
// 200, and a sender with a mistake in its URL would lose every event.
//
// The handler sets these placeholders, for error routes, logs and the handlers
// after it:
//
// Placeholder | Description
// ------------|-------------
// `{webhooks.outcome}` | accepted, duplicate, pending, dropped, handshake, quarantined, rejected or error
// `{webhooks.reason}` | The fine outcome, a fixed word such as mismatch, stale or broker_full
// `{webhooks.code}` | The first word of the answer to a refused request
// `{webhooks.request_id}` | The id of the request, in the answer, in the log and on the message
// `{webhooks.source}` | The route's source
// `{webhooks.tenant}` | The route's tenant
// `{webhooks.provider}` | The sender
// `{webhooks.event_id}` | The event's id, once it is verified
// `{webhooks.event_type}` | The event's type, once it is verified
// `{webhooks.trust}` | verified, authenticated or unverified
// `{webhooks.key_id}` | Which secret matched
// `{webhooks.stream_seq}` | The sequence of the message in its stream
type Handler struct {
	// The sender: a name of the catalogue (`caddy webhooks providers`), of a
	// provider of the app, or `hmac` or `generic` for one that is described here
	// with `verify`. Required.
	Provider string `json:"provider"`
	// The route's name: a token of the subject, a label of the metrics, a part
	// of the deduplication id. [A-Za-z0-9_-], at most 64. It may hold a
	// placeholder, as `tenant` may; the label is then the provider's name.
	// Default: the provider's name. Two routes with one source must have one
	// provider.
	Source string `json:"source,omitempty"`
	// Whose events they are: a token of the subject and a part of the
	// deduplication id. [A-Za-z0-9_-], at most 64. With `secrets_from` it may hold
	// one placeholder, such as `{http.request.host.labels.2}` or
	// `{http.request.uri.path.1}`; a request whose tenant is no such name, or has
	// no secret, is answered 404. Default: `default`.
	Tenant string `json:"tenant,omitempty"`
	// Where the secrets of the tenants are, instead of `secrets`. They are looked
	// up when a request needs them and again when they may have changed, so that
	// tenants come and go, and their secrets change, without a reload.
	SecretsFrom json.RawMessage `json:"secrets_from,omitempty" caddy:"namespace=webhooks.secrets inline_key=store"`
	// The URL under which the sender reaches this server, for signatures that
	// cover the URL and for `ce-source`. Scheme and host replace those of the
	// request; a path goes before its path. Default: the app's, else scheme and
	// host of the request.
	PublicURL string `json:"public_url,omitempty"`
	// Where this route was configured, for messages. Set by the Caddyfile.
	Origin string `json:"origin,omitempty"`

	// The secrets, or public keys, the newest first. A request that fits any of
	// them is accepted. Required, except with `insecure_skip_verify`.
	Secrets []Secret `json:"secrets,omitempty"`
	// How the sender authenticates its requests, for the providers `hmac` and
	// `generic`.
	Verify *Scheme `json:"verify,omitempty"`
	// How old, or how far in the future, a signed request may be. Default: the
	// provider's, mostly 5m. It cannot be turned off.
	Tolerance caddy.Duration `json:"tolerance,omitempty"`
	// The absolute path of the file in which the secret is kept that the sender
	// delivers when the webhook is set up, for providers that do so. As long as
	// the file does not exist, or is empty, the first secret that is delivered is
	// written to it, for Caddy alone to read, and events are answered 503. After
	// that another secret is refused, and none is ever replaced. Default: a
	// delivered secret is refused unless it is one of `secrets`.
	CaptureSecret string `json:"capture_secret,omitempty"`
	// Files that hold what the provider publishes at a URL, by URL: a key, a
	// certificate or a JSON Web Key Set. They are read when the configuration is
	// loaded, and the URL is not fetched. Default: keys are fetched.
	KeyDocuments map[string]string `json:"key_documents,omitempty"`
	// Settings of the provider besides secrets, by name. Those that are secret
	// must be placeholders.
	Options map[string]string `json:"options,omitempty"`
	// Do not answer the provider's handshakes. Default: false.
	NoHandshakes bool `json:"no_handshakes,omitempty"`
	// Accept requests from anybody. Events then go to `wh-unverified.v1.>` and
	// never to `wh.v1.>`. Dangerous: whoever knows the URL can send events.
	// Default: false.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
	// Permit secrets that are written out. For tests only: they can then be read
	// in the stored configuration and through the admin API. Default: false.
	InsecureLiteralSecret bool `json:"insecure_literal_secret,omitempty"`

	// The HTTP methods of events. Default: the provider's, mostly POST.
	Methods []string `json:"methods,omitempty"`
	// The media types of events, without parameters. Default: the provider's.
	ContentTypes []string `json:"content_types,omitempty"`
	// The addresses that requests may come from, as addresses or prefixes.
	// `provider` stands for those that the provider publishes: the list is fetched
	// each hour, the last good one is kept, and before there is one requests are
	// answered 503. The
	// address is the client's as Caddy sees it; behind a proxy configure
	// `trusted_proxies`. It is checked here and not with a matcher because a
	// request that no route matches is answered with an empty 200. Default: any.
	AllowIPs []string `json:"allow_ips,omitempty"`
	// The largest body in bytes; more is 413. Default: the provider's, else 1
	// MiB.
	MaxBody int64 `json:"max_body,omitempty"`
	// How many bytes a body that comes compressed with gzip may have when it is
	// decompressed; more is 413. Consumers get the decompressed body. Default:
	// compressed bodies are refused (415).
	MaxDecompressed int64 `json:"max_decompressed,omitempty"`
	// How many times as large as it was sent such a body may become; more is 413.
	// Default: 100.
	MaxRatio int `json:"max_ratio,omitempty"`
	// How long the body may take to arrive. Default: 10s.
	ReadTimeout caddy.Duration `json:"read_timeout,omitempty"`
	// How many bytes of the body must arrive in a second, on average, after the
	// first two seconds; less is 408. Default: any, within `read_timeout`.
	MinRate int64 `json:"min_rate,omitempty"`
	// How many requests of this route may be in flight at one time; more are
	// answered 503. Default: no limit of its own.
	MaxRequests int `json:"max_requests,omitempty"`
	// How many bytes of bodies this route may hold at one time; more are answered
	// 503. It must have room for one body of the largest size. Default: no limit
	// of its own; the app's `max_memory` holds as well.
	MaxMemory int64 `json:"max_memory,omitempty"`
	// Limits the verified events of this route; where it has many tenants or
	// sources, those of each source of each tenant. Default: no limit.
	SourceRate *Rate `json:"source_rate,omitempty"`
	// Limits the verified events of each tenant of this route, over its sources.
	// Default: no limit.
	TenantRate *Rate `json:"tenant_rate,omitempty"`
	// Limits the requests of each client address before they are verified.
	// Default: no limit.
	ClientRate *Rate `json:"client_rate,omitempty"`

	// Where the event's id is; it replaces the provider's. An event without it
	// is quarantined.
	EventID verifiers.Source `json:"event_id,omitzero"`
	// Where the event's type is; it replaces the provider's. An event without
	// it is quarantined.
	EventType verifiers.Source `json:"event_type,omitzero"`
	// Where the event's time is; it replaces the provider's.
	EventTime verifiers.Source `json:"event_time,omitzero"`
	// Where to find what the event is about, such as a customer's id: consumers
	// get it as `ce-subject` and `ce-partitionkey`, to process events with one key
	// in order. An event without it has neither. Default: none.
	OrderKey verifiers.Source `json:"order_key,omitzero"`
	// What becomes of a request that holds many events, for providers that send
	// such: `split` makes one message of each, with an id and a type of its own,
	// and `whole` makes one message of the request. With `split`, `event_id`,
	// `event_type`, `event_time` and `order_key` are those of each event, and JSON
	// Pointers begin at it. Default: `split` where the provider has batches.
	Batch string `json:"batch,omitempty"`
	// Only events whose type fits one of these globs are wanted; the sender is
	// told that the others have arrived, and they are gone. Default: all.
	Accept []string `json:"accept,omitempty"`
	// Events whose type fits one of these globs are not wanted. Default: none.
	Drop []string `json:"drop,omitempty"`
	// Events for which one of these holds are wanted, too: an event is wanted if it
	// fits one of `accept` or one of these. Default: none.
	AcceptIf []Expression `json:"accept_if,omitempty"`
	// Events for which one of these holds are not wanted, whatever else they fit.
	// Default: none.
	DropIf []Expression `json:"drop_if,omitempty"`
	// What JSON is strict, and what happens to events whose JSON is not. Default:
	// they are kept in quarantine.
	StrictJSON *StrictJSON `json:"strict_json,omitempty"`
	// Validates payloads. Default: nothing is validated.
	Schema *Schema `json:"schema,omitempty"`

	// Do not deduplicate: every delivery is stored. Default: false.
	NoDedupe bool `json:"no_dedupe,omitempty"`
	// Do not store events in NATS; only sensible with `pass_thru`. Default:
	// false.
	NoPublish bool `json:"no_publish,omitempty"`
	// The name of the connection of the app on which events are stored. Default:
	// the app's own.
	Connection string `json:"connection,omitempty"`
	// How long to wait for NATS before the sender is told to try again.
	// Default: 80% of the time that the sender waits, at most 10s.
	PublishTimeout caddy.Duration `json:"publish_timeout,omitempty"`
	// The stream of the route's events, one of the connection's `route_streams`.
	// Default: the connection's stream for all routes.
	Stream string `json:"stream,omitempty"`
	// Into how many partitions the events are divided by their `order_key`, which
	// must be set, 2 to 1024: the subject gets a token after the source, the number
	// of the partition, so that as many consumers read side by side, each key in
	// its order. Default: none.
	Partitions int `json:"partitions,omitempty"`
	// Request headers to hand to consumers as `Wh-H-*`, besides the provider's.
	// Headers with credentials are refused.
	Headers []string `json:"headers,omitempty"`
	// Whether events that a schema refuses, or that contradict an earlier one,
	// are kept in the quarantine stream: `on` or `off`. With `off` they are
	// answered 422. Default: `on`, and `off` with `no_publish`.
	Quarantine string `json:"quarantine,omitempty"`
	// Which events are kept on this machine's disk and forwarded to the cluster:
	// `off`, `on_outage`, those that the cluster does not take now, or `always`,
	// all, so that the sender never waits for the cluster. Default: the app's.
	Spool string `json:"spool,omitempty"`
	// The answer to accepted events, if the provider's does not fit. The status
	// must be a 2xx.
	Respond *Respond `json:"respond,omitempty"`
	// Hand accepted requests, unchanged, to the next handler, which then
	// answers. Events that this process has handed on before and that were
	// answered with a 2xx are not handed on again. Default: false.
	PassThru bool `json:"pass_thru,omitempty"`

	app       *App
	to        *App           // of the connection; the app, unless Connection is set
	store     SecretStore    // nil: Secrets
	tenants   *tenants.Cache // nil: there is one, and its secrets do not change
	route     *gateway.Route
	public    *publicURL
	spool     natspub.SpoolMode
	delivered *delivered       // nil: hand every accepted request on
	observer  gateway.Observer // nil: the route's own
	validator *validator       // nil: there is no schema
	log       *slog.Logger

	published publishedLists // of addresses; empty unless AllowIPs says so
	spoofed   *atomic.Bool   // it was said that senders can choose their address

	tenantName, sourceName nameFrom
}

// Rate is a limit.
type Rate struct {
	// So many.
	Count int `json:"count"`
	// In this time. Default: 1s.
	Per caddy.Duration `json:"per,omitempty"`
	// At most so many at once. Default: count.
	Burst int `json:"burst,omitempty"`
}

// Respond is an answer.
type Respond struct {
	// The status, a 2xx.
	Status int `json:"status"`
	// The body. Default: empty.
	Body string `json:"body,omitempty"`
	// The body's media type. Default: text/plain; charset=utf-8.
	ContentType string `json:"content_type,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.webhooks",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision builds the route. It starts nothing.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.log = ctx.Slogger()
	val, err := ctx.App("webhooks")
	if err != nil {
		return err
	}
	app, ok := val.(*App)
	if !ok {
		return fmt.Errorf("app webhooks is a %T", val)
	}
	h.app = app
	if err := h.loadStore(ctx); err != nil {
		return fmt.Errorf("webhooks route %s: %w", h.label(), err)
	}
	if err := h.provision(); err != nil {
		return fmt.Errorf("webhooks route %s: %w", h.label(), err)
	}
	return nil
}

// label names the route in messages: its source and where it was configured.
func (h *Handler) label() string {
	name := h.Source
	if name == "" {
		name = h.Provider
	}
	if h.Tenant != "" {
		name = h.Tenant + "/" + name
	}
	if h.Origin != "" {
		return fmt.Sprintf("%q (%s)", name, h.Origin)
	}
	return fmt.Sprintf("%q", name)
}

// ServeHTTP takes the request through the gateway and answers, or hands it on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	release := h.app.hold()
	defer release()
	h.warnSpoofable(r)

	res := h.route.Handle(w, traced(r, gateway.Request{
		Request: r,
		URL:     h.public.of(r),
		Remote:  clientAddr(r),
	}))
	setPlaceholders(r, &res)
	if h.observer != nil {
		// What the next handler answers belongs to the record.
		defer func() { h.observer.Observe(&res.Record) }()
	}
	if !res.Outcome.Success() {
		return refuse(w, r, &res)
	}
	if h.PassThru && handsOn(res.Outcome) && !h.delivered.has(&res) {
		return h.handOn(w, r, next, &res)
	}
	return answer(w, &res)
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
