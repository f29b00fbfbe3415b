package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natsembed"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Spool keeps events on this machine's disk while a cluster does not take them:
// in JetStream inside this process, synced before the sender is told that they
// have arrived. They are forwarded in the order of their source and under their
// ids.
type Spool struct {
	// Which events go through the spool, for routes that do not say: `off`,
	// `on_outage` or `always`. Default: `on_outage` for senders that never retry,
	// or that wait less long than a cluster may need to recover, and else `off`.
	Mode string `json:"mode,omitempty"`
	// Where they are kept. One process may use a directory. Default: the
	// directory `webhooks-spool` in Caddy's data directory.
	Dir string `json:"dir,omitempty"`
	// How many bytes may wait. When the spool is full senders are asked to try
	// again. Default: 8 GiB.
	MaxSize int64 `json:"max_size,omitempty"`
	// How old the oldest event may be before no more are taken. None is ever
	// dropped for its age. Longer than the stream's deduplication window, an
	// event whose first try has no known outcome may be stored twice. Default:
	// the stream's deduplication window.
	MaxAge caddy.Duration `json:"max_age,omitempty"`
}

const (
	defaultSpoolDirName = "webhooks-spool"
	defaultSpoolSize    = 8 << 30
	// clusterRecovery is how long a cluster may need for a new leader. Senders
	// that wait no longer would be told to try again, which many do only a few
	// times.
	clusterRecovery = 10 * time.Second
	// drainPatience is how long the end waits for the cluster to take what is in
	// the spool.
	drainPatience = 5 * time.Second
)

// checkSpool checks and completes the settings of the spool.
func (a *App) checkSpool() error {
	s := Spool{}
	if a.Spool != nil {
		if a.NATS == nil && len(a.Connections) == 0 && a.Spool.Mode != string(natspub.SpoolOff) {
			return errors.New("spool: JetStream runs in this process, so that events are on this machine's disk anyway: remove spool, or configure a cluster with `nats <url>...`")
		}
		s = *a.Spool
	}
	a.Spool = &s
	var problems []error
	if !isSpoolMode(s.Mode) && s.Mode != "" {
		problems = append(problems, fmt.Errorf("%q is not understood: write off, on_outage or always", s.Mode))
	}
	if s.MaxSize < 0 || s.MaxAge < 0 {
		problems = append(problems, errors.New("max_size and max_age must be above zero"))
	}
	if s.MaxSize == 0 {
		s.MaxSize = defaultSpoolSize
	}
	if s.Dir == "" {
		s.Dir = filepath.Join(caddy.AppDataDir(), defaultSpoolDirName)
	}
	dir, err := resolveSetting(s.Dir)
	if err == nil {
		s.Dir, err = filepath.Abs(dir)
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("dir: %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

func isSpoolMode(word string) bool {
	switch natspub.SpoolMode(word) {
	case natspub.SpoolOff, natspub.SpoolOnOutage, natspub.SpoolAlways:
		return true
	}
	return false
}

// spoolMode decides which of the route's events go through the spool.
func (h *Handler) spoolMode(p verifiers.Provider) (natspub.SpoolMode, error) {
	mode := natspub.SpoolMode(h.Spool)
	switch {
	case h.Spool != "" && !isSpoolMode(h.Spool):
		return "", fmt.Errorf("spool: %q is not understood: write off, on_outage or always", h.Spool)
	case h.to.NATS == nil && (mode == natspub.SpoolOnOutage || mode == natspub.SpoolAlways):
		return "", errors.New("spool: JetStream runs in this process, so that events are on this machine's disk anyway: remove spool")
	case h.to.NATS == nil:
		return natspub.SpoolOff, nil
	case mode != "":
	case h.to.Spool.Mode != "":
		mode = natspub.SpoolMode(h.to.Spool.Mode)
	case p.NeverRetries || p.Deadline > 0 && p.Deadline <= clusterRecovery:
		mode = natspub.SpoolOnOutage
	default:
		mode = natspub.SpoolOff
	}
	return mode, nil
}

// routed is the publisher for routes with one mode.
type routed struct {
	*publisher
	mode natspub.SpoolMode
}

// get returns the real publisher. The function ends its use.
func (p routed) get(ctx context.Context) (gateway.Publisher, func(), error) {
	to, release, err := p.publisher.get(ctx)
	if s, ok := to.(*natspub.Spool); ok {
		mode := p.mode
		if ctx.Value(pastSpool{}) != nil {
			mode = natspub.SpoolOff
		}
		return s.With(mode), release, err
	}
	return to, release, err
}

// pastSpool is the key of a context whose events do not go through the spool: where
// it has to be known at once whether the cluster has them.
type pastSpool struct{}

// Publish implements [gateway.Publisher].
func (p routed) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	return publishTo(ctx, p.get, e)
}

// Start implements [gateway.Starter].
func (p routed) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	return startAt(ctx, p.get, e)
}

// Quarantine implements [gateway.Publisher].
func (p routed) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	return quarantineAt(ctx, p.get, e, q)
}

// spooling is the spool of one configuration.
type spooling struct {
	key    string
	broker *broker
	local  *natspub.Publisher
	spool  *natspub.Spool
}

// openSpool starts the spool's server, or takes over that of the configuration
// before this one, and returns when events can be kept.
func (a *App) openSpool(ctx context.Context) (_ *spooling, err error) {
	settings := &brokerSettings{
		key:     "spool:" + a.Spool.Dir,
		embed:   natsembed.Config{StoreDir: a.Spool.Dir, ServerName: "webhooks-spool"},
		connect: natspub.ConnectConfig{Name: a.settings.connect.Name},
	}
	b, err := openBroker(settings)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &spooling{key: settings.key, broker: b}
	defer func() {
		if err != nil {
			err = fmt.Errorf("spool: %s: %w", a.Spool.Dir, err)
			s.close(ctx)
		}
	}()
	if err := b.wait(ctx); err != nil {
		return nil, err
	}
	window := a.leastWindow()
	s.local, err = natspub.New(natspub.Config{
		Conn:       b.conn,
		Stream:     a.Stream.translate(a.window(), false).Spooled(),
		Unverified: a.unverified().Spooled(),
		Quarantine: a.QuarantineStream.translate(a.window(), true).Spooled(),
		MaxPending: a.MaxPending,
		Embedded:   true,
		SyncAlways: true,
		Stage:      b.stage(),
		Ready:      b.ready,
		Attester:   a.attester,
		Ops:        a.ops.Load(),
		Logger:     a.log,
	})
	if err != nil {
		return nil, err
	}
	if err := a.prepareSpool(ctx, s.local); err != nil {
		return nil, err
	}
	maxAge := time.Duration(a.Spool.MaxAge)
	switch {
	case maxAge == 0:
		maxAge = window
	case maxAge > window:
		a.log.Warn("events may wait in the spool for longer than the stream remembers ids, so that one whose first try has no known outcome may be stored twice; "+
			"lower spool's max_age, or raise duplicate_window of the stream", "max_age", maxAge, "duplicate_window", window)
	}
	s.spool, err = natspub.NewSpool(ctx, natspub.SpoolConfig{
		Local: s.local, MaxBytes: a.Spool.MaxSize, MaxAge: maxAge, Turn: b.turn, Notify: a.notifySpool, Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	spools.put(s.key, s.spool)
	if st := s.spool.Status(); st.Events > 0 {
		a.log.Info("the spool has events from before", "events", st.Events, "bytes", st.Bytes, "oldest", st.Oldest)
	}
	return s, nil
}

func (a *App) prepareSpool(ctx context.Context, local *natspub.Publisher) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	findings, err := local.Preflight(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, f := range findings {
		if f.Severity == natspub.Fatal {
			problems = append(problems, fmt.Errorf("%w: %s", ErrPreflight, f))
		}
	}
	return errors.Join(problems...)
}

// close ends the spool's work, after forwarding what ctx gives time for.
func (s *spooling) close(ctx context.Context) {
	if s.spool != nil {
		s.spool.Close(ctx)
		spools.remove(s.key, s.spool)
	}
	if s.local != nil {
		s.local.Close()
	}
	_, _ = brokers.Delete(s.key)
}

// spools are the spools of this process, for metrics.
var spools = &spoolMetrics{live: make(map[string]*natspub.Spool)}

// spoolMetrics is a collector over the spools. On a reload two may share one
// directory, of which the younger is asked.
type spoolMetrics struct {
	mu    sync.Mutex
	live  map[string]*natspub.Spool
	ended natspub.SpoolCounters
}

func (m *spoolMetrics) put(key string, s *natspub.Spool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.live[key]; before != nil {
		m.end(before)
	}
	m.live[key] = s
}

func (m *spoolMetrics) remove(key string, s *natspub.Spool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[key] == s {
		m.end(s)
		delete(m.live, key)
	}
}

func (m *spoolMetrics) end(s *natspub.Spool) {
	c := s.Status().SpoolCounters
	m.ended.Kept += c.Kept
	m.ended.Forwarded += c.Forwarded
	m.ended.Duplicates += c.Duplicates
	m.ended.Conflicts += c.Conflicts
}

// all returns the status of each spool, by its directory.
func (m *spoolMetrics) all() (map[string]natspub.SpoolStatus, natspub.SpoolCounters) {
	m.mu.Lock()
	defer m.mu.Unlock()
	status := make(map[string]natspub.SpoolStatus, len(m.live))
	sum := m.ended
	for _, key := range slices.Sorted(maps.Keys(m.live)) {
		st := m.live[key].Status()
		status[strings.TrimPrefix(key, "spool:")] = st
		sum.Kept += st.Kept
		sum.Forwarded += st.Forwarded
		sum.Duplicates += st.Duplicates
		sum.Conflicts += st.Conflicts
	}
	return status, sum
}

var (
	spoolEvents = prometheus.NewDesc("caddy_webhooks_spool_events", "Events that wait on this machine to be forwarded to the cluster.", nil, nil)
	spoolBytes  = prometheus.NewDesc("caddy_webhooks_spool_bytes", "Bytes of events that wait on this machine.", nil, nil)
	spoolLimit  = prometheus.NewDesc("caddy_webhooks_spool_max_bytes", "Bytes that may wait.", nil, nil)
	spoolOldest = prometheus.NewDesc("caddy_webhooks_spool_oldest_seconds", "Age of the oldest event that waits; 0 if none does.", nil, nil)
	spoolOut    = prometheus.NewDesc("caddy_webhooks_spool_outage", "Whether the cluster takes no events: 0 or 1.", nil, nil)
	spoolStuck  = prometheus.NewDesc("caddy_webhooks_spool_stuck_events", "Events that are larger than the cluster takes, or of which it cannot be found out whether their id was forgotten.", nil, nil)
	spoolHeld   = prometheus.NewDesc("caddy_webhooks_spool_held_events", "Events of sources whose subjects the cluster refuses.", nil, nil)
	spoolTotal  = prometheus.NewDesc("caddy_webhooks_spool_events_total",
		"Events of the spool: kept, and then forwarded, found to be in the cluster already (duplicate), or forwarded into quarantine because another has their id (conflict).", []string{"result"}, nil)
)

// Describe implements [prometheus.Collector].
func (m *spoolMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{spoolEvents, spoolBytes, spoolLimit, spoolOldest, spoolOut, spoolStuck, spoolHeld, spoolTotal} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector]. There are no series where there was
// never a spool.
func (m *spoolMetrics) Collect(ch chan<- prometheus.Metric) {
	status, sum := m.all()
	if len(status) == 0 && sum == (natspub.SpoolCounters{}) {
		return
	}
	var events, bytes, limit, oldest, out, stuck, held float64
	for _, st := range status {
		events += float64(st.Events)
		bytes += float64(st.Bytes)
		limit += float64(st.MaxBytes)
		stuck += float64(st.Stuck)
		held += float64(st.Held)
		if !st.Oldest.IsZero() {
			oldest = max(oldest, time.Since(st.Oldest).Seconds())
		}
		if st.Out {
			out = 1
		}
	}
	for _, g := range []struct {
		desc  *prometheus.Desc
		value float64
	}{{spoolEvents, events}, {spoolBytes, bytes}, {spoolLimit, limit}, {spoolOldest, oldest}, {spoolOut, out}, {spoolStuck, stuck}, {spoolHeld, held}} {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value)
	}
	for _, c := range []struct {
		result string
		value  uint64
	}{{"kept", sum.Kept}, {"forwarded", sum.Forwarded}, {"duplicate", sum.Duplicates}, {"conflict", sum.Conflicts}} {
		ch <- prometheus.MustNewConstMetric(spoolTotal, prometheus.CounterValue, float64(c.value), c.result)
	}
}

// spool [off|on_outage|always] { ... }
func (a *App) parseSpool(d *caddyfile.Dispenser) error {
	s := new(Spool)
	a.Spool = s
	if d.CountRemainingArgs() > 0 {
		if err := parseSpoolMode(d, &s.Mode); err != nil {
			return err
		}
	}
	return parseBlock(d, "spool", map[string]subdirective[*Spool]{
		"dir":      {parse: func(s *Spool, d *caddyfile.Dispenser) error { return parseString(d, &s.Dir) }},
		"max_size": {parse: func(s *Spool, d *caddyfile.Dispenser) error { return parseSize(d, &s.MaxSize) }},
		"max_age":  {parse: func(s *Spool, d *caddyfile.Dispenser) error { return parseDuration(d, &s.MaxAge) }},
	}, s)
}

func parseSpoolMode(d *caddyfile.Dispenser, into *string) error {
	return parseWord(d, into, string(natspub.SpoolOff), string(natspub.SpoolOnOutage), string(natspub.SpoolAlways))
}

// spool off|on_outage|always
func (h *Handler) parseSpool(d *caddyfile.Dispenser) error { return parseSpoolMode(d, &h.Spool) }

var (
	_ gateway.Starter      = routed{}
	_ prometheus.Collector = (*spoolMetrics)(nil)
)
