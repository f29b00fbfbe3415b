package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/driftbook"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// Drift says how it is learned what payloads look like, to report what was never
// there before: event types, fields, values of enumerations, JSON types, and fields
// that are missing. Nothing is refused because of it.
type Drift struct {
	// Learn nothing, and report nothing. Default: false.
	Off bool `json:"off,omitempty"`
	// How many events in a row must have nothing new in one place before what is new
	// there is reported. Default: 1000.
	LearnEvents int `json:"learn_events,omitempty"`
	// How long a place is learned at least. Default: 24h.
	LearnTime *caddy.Duration `json:"learn_time,omitempty"`
	// Neither keep nor show values of enumerations; what is new is then found among
	// names and JSON types alone. Default: false.
	NoValues bool `json:"no_values,omitempty"`
	// How many bytes of memory may be used for one source. Default: 4 MiB.
	MaxMemory int64 `json:"max_memory,omitempty"`
}

const (
	driftDirName = "webhooks-drift"
	// leastDriftMemory is what a tracker takes at least.
	leastDriftMemory = 64 << 10
	largestDrift     = 64 << 20
)

// settings are those of the source's tracker. A nil Drift has the defaults.
func (d *Drift) settings() (drift.Config, error) {
	if d == nil {
		return drift.Config{}, nil
	}
	if d.LearnEvents < 0 {
		return drift.Config{}, errors.New("drift: learn_events must be above zero")
	}
	if d.MaxMemory != 0 && (d.MaxMemory < leastDriftMemory || d.MaxMemory > largestDrift) {
		return drift.Config{}, errors.New("drift: max_memory must be between 64KiB and 64MiB")
	}
	cfg := drift.Config{Events: d.LearnEvents, MaxBytes: int(d.MaxMemory), NoValues: d.NoValues}
	if d.LearnTime != nil {
		if *d.LearnTime < 0 {
			return drift.Config{}, errors.New("drift: learn_time must not be negative")
		}
		if cfg.Age = time.Duration(*d.LearnTime); cfg.Age == 0 {
			cfg.Age = -1
		}
	}
	return cfg, nil
}

// driftRoute looks at the payloads of a route. A nil one does not.
type driftRoute struct {
	app     *App
	label   string // of metrics
	cfg     drift.Config
	counts  map[drift.Kind]prometheus.Counter
	tenant  string // both "" if requests name them
	source  string
	current atomic.Pointer[driftbook.Source] // of a route with one source
	broken  atomic.Bool
}

// drifts sets up what looks at the payloads of the route; nil if nothing does.
func (h *Handler) drifts(label string) (*driftRoute, error) {
	d := h.Schema.Drift
	if d != nil && d.Off {
		return nil, nil
	}
	if h.InsecureSkipVerify {
		if d == nil {
			return nil, nil // anybody could fill it
		}
		return nil, errors.New("schema: drift: events that anybody can send say nothing about what the sender's look like: remove drift, or insecure_skip_verify")
	}
	cfg, err := d.settings()
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	r := &driftRoute{app: h.app, label: label, cfg: cfg, counts: make(map[drift.Kind]prometheus.Counter)}
	if !h.tenantName.dynamic() && !h.sourceName.dynamic() {
		r.tenant, r.source = h.tenantName.String(), h.sourceName.String()
	}
	for _, kind := range drift.Kinds() {
		r.counts[kind] = h.app.metrics.drift.WithLabelValues(label, string(kind))
	}
	h.app.drifts = append(h.app.drifts, r)
	return r, nil
}

// observe looks at the payload of an event, whatever its schema says.
func (r *driftRoute) observe(e *gateway.Event, payload any) {
	if r == nil || e.Trust == gateway.Unverified || e.Released != "" {
		return // what an operator lets out of quarantine was looked at when it came
	}
	if r.broken.Load() {
		return
	}
	if _, opaque := payload.(gateway.Opaque); opaque {
		payload = "" // of such a body there is only the event's type to look at
	}
	defer func() {
		// A mistake in what only looks must not cost an event.
		if p := recover(); p != nil && !r.broken.Swap(true) {
			r.app.log.Error("looking at a payload failed, and is not tried again until the next reload",
				"tenant", e.Tenant, "source", e.Source, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	s := r.current.Load()
	if s == nil {
		book := r.app.drift.Load()
		if book == nil {
			return
		}
		if s = book.Source(driftbook.Name{Tenant: e.Tenant, Source: e.Source}, r.label, r.cfg); s == nil {
			return
		}
	}
	for _, f := range s.Observe(e.Type, e.ID, e.Received, payload) {
		r.counts[f.Kind].Inc()
	}
}

// driftBooks has the one book of this process. It outlives configurations, so that
// nothing is learned twice.
var driftBooks = caddy.NewUsagePool()

type usedBook struct{ *driftbook.Book }

// driftTeller is the app that was started last, for what is told at the end, when
// no app runs any more.
var driftTeller atomic.Pointer[App]

// Destruct implements [caddy.Destructor].
func (b usedBook) Destruct() error {
	b.Close()
	driftTeller.Store(nil)
	return nil
}

// startDrift begins to learn, if a route wants it.
func (a *App) startDrift() error {
	if len(a.drifts) == 0 {
		return nil
	}
	dir := filepath.Join(caddy.AppDataDir(), driftDirName)
	val, _, err := driftBooks.LoadOrNew(dir, func() (caddy.Destructor, error) {
		log := a.log
		return usedBook{driftbook.Open(driftbook.Config{
			Dir: dir, Logger: log,
			Tell: func(n driftbook.Notice) { tellDrift(log, n) },
		})}, nil
	})
	if err != nil {
		return fmt.Errorf("opening the drift report: %w", err)
	}
	book, ok := val.(usedBook)
	if !ok {
		return fmt.Errorf("the pool of drift reports holds a %T", val)
	}
	a.driftKey = dir
	a.drift.Store(book.Book)
	driftTeller.Store(a)
	for _, r := range a.drifts {
		if r.source != "" {
			r.current.Store(book.Source(driftbook.Name{Tenant: r.tenant, Source: r.source}, r.label, r.cfg))
		}
	}
	return nil
}

// stopDrift gives the book back. The last one writes what it knows.
func (a *App) stopDrift() error {
	if a.driftKey == "" {
		return nil
	}
	_, err := driftBooks.Delete(a.driftKey)
	return err
}

// tellDrift says in the log and to operators what was found. Which configuration
// runs now is looked up: the book may have come from one that has ended.
func tellDrift(log *slog.Logger, n driftbook.Notice) {
	places := make([]string, len(n.Findings))
	ids := make([]string, len(n.Findings))
	for i, f := range n.Findings {
		places[i], ids[i] = describeFinding(&f), f.ID
	}
	log.Warn("payloads have something that was never there before", "tenant", n.Tenant, "source", n.Source,
		"findings", places, "more", n.More, "open", n.Open)
	a, release := running.newest()
	if a != nil {
		defer release()
	} else if a = driftTeller.Load(); a == nil {
		return
	}
	a.publisherOf(n.Tenant, n.Source).notify(natspub.OpsEvent{
		Tenant: n.Tenant, Source: n.Source, Name: "drift", Key: strings.Join(ids, " "),
		Data: map[string]any{"findings": n.Findings, "more": n.More, "open": n.Open},
	})
}

// describeFinding is a finding in a line of the log, without any value.
func describeFinding(f *drift.Finding) string {
	text := string(f.Kind) + " " + cmp.Or(f.EventType, "_")
	if f.Kind != drift.EventType {
		text += " " + cmp.Or(f.Path, "/")
	}
	if f.Now != "" {
		text += " " + strings.Join(f.Was, "|") + " to " + f.Now
	}
	return text
}

// publisherOf returns the app of the connection on which the events of a source are
// stored.
func (a *App) publisherOf(tenant, source string) *App {
	for _, h := range a.handlers {
		_, fitsTenant := choose(h.tenantName, tenant)
		if _, fitsSource := choose(h.sourceName, source); fitsTenant && fitsSource && h.to != nil {
			return h.to
		}
	}
	return a
}

// driftMetrics is a collector over the book.
type driftMetrics struct{}

var driftOpen = prometheus.NewDesc("caddy_webhooks_schema_drift_open",
	"Findings about payloads that nobody has acknowledged.", []string{"source"}, nil)

// Describe implements [prometheus.Collector].
func (driftMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- driftOpen }

// Collect implements [prometheus.Collector].
func (driftMetrics) Collect(ch chan<- prometheus.Metric) {
	open := make(map[string]int) // sources of tenants have one label
	driftBooks.Range(func(_, val any) bool {
		if b, ok := val.(usedBook); ok {
			for _, s := range b.Sources("", "") {
				open[s.Label()] += s.Open()
			}
		}
		return true
	})
	for label, n := range open {
		ch <- prometheus.MustNewConstMetric(driftOpen, prometheus.GaugeValue, float64(n), label)
	}
}

// drift on|off
//
//	drift {
//		learn      <events> [<duration>]
//		values     on|off
//		max_memory <size>
//	}
func (s *Schema) parseDrift(d *caddyfile.Dispenser) error {
	s.Drift = new(Drift)
	if d.CountRemainingArgs() > 0 {
		var word string
		err := parseWord(d, &word, "on", "off")
		s.Drift.Off = word == "off"
		return err
	}
	return parseBlock(d, "drift", map[string]subdirective[*Drift]{
		"learn": {parse: (*Drift).parseLearn},
		"values": {parse: func(v *Drift, d *caddyfile.Dispenser) error {
			var word string
			err := parseWord(d, &word, "on", "off")
			v.NoValues = word == "off"
			return err
		}},
		"max_memory": {parse: func(v *Drift, d *caddyfile.Dispenser) error { return parseSize(d, &v.MaxMemory) }},
	}, s.Drift)
}

func (v *Drift) parseLearn(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return d.Err("drift: learn takes a number of events and perhaps a duration: write `learn 1000 24h`")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return d.Err("drift: learn: the first is how many events, such as `learn 1000 24h`")
	}
	v.LearnEvents = n
	if len(args) == 1 {
		return nil
	}
	least, err := caddy.ParseDuration(args[1])
	if err != nil || least < 0 {
		return d.Err("drift: learn: the second is how long at least, such as `learn 1000 24h`")
	}
	v.LearnTime = new(caddy.Duration)
	*v.LearnTime = caddy.Duration(least)
	return nil
}

var (
	_ caddy.Destructor     = usedBook{}
	_ prometheus.Collector = driftMetrics{}
)
