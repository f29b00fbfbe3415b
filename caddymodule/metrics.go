package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/tenants"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// metrics are the collectors. All labels come from the configuration and from
// fixed sets, never from a request.
type metrics struct {
	requests *prometheus.CounterVec
	stages   *prometheus.HistogramVec
	keys     *prometheus.CounterVec
	bodies   *prometheus.HistogramVec
	events   *prometheus.CounterVec
	ops      *prometheus.CounterVec
	suspects *prometheus.CounterVec
	lookups  *prometheus.CounterVec
	ages     *prometheus.HistogramVec
	drift    *prometheus.CounterVec
	checks   *prometheus.CounterVec
	shadow   *prometheus.CounterVec

	filters    *prometheus.CounterVec
	quarantine *quarantineMetrics
}

// collectors returns the one set of this process. Caddy makes a new registry at
// each reload; registering the same collectors with all of them lets the values
// continue.
var collectors = sync.OnceValue(newMetrics)

func newMetrics() *metrics {
	const namespace, subsystem = "caddy", "webhooks"
	return &metrics{
		filters:    newFilterMetrics(namespace, subsystem),
		quarantine: newQuarantineMetrics(namespace, subsystem),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_total",
			Help: "Requests by how they ended.",
		}, []string{"source", "outcome", "reason"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "stage_seconds",
			Help:    "Time that requests spent in each stage that they reached: read, verify, validate, publish.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14),
		}, []string{"source", "stage"}),
		keys: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "key_matches_total",
			Help: "Authentic requests by the position of the secret that matched, 0 being the newest.",
		}, []string{"source", "position"}),
		bodies: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "body_bytes",
			Help:    "Size of the bodies that were read.",
			Buckets: prometheus.ExponentialBuckets(256, 4, 9),
		}, []string{"source"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "events_total",
			Help: "Events of authentic requests by how they ended; a batch has several.",
		}, []string{"source", "outcome"}),
		ops: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "ops_events_total",
			Help: "Operational events by what became of them: stored, or dropped because too many waited or the broker did not take them.",
		}, []string{"result"}),
		suspects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "suspects_total",
			Help: "Requests with an event whose bytes came before under another id that the signature does not cover.",
		}, []string{"source"}),
		ages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "duplicate_age_seconds",
			Help: "Age of the stored event when a duplicate of it came: how senders really repeat.",
			// The steps of schedules of retries, from seconds to days.
			Buckets: []float64{1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 72 * 3600, 96 * 3600},
		}, []string{"source"}),
		drift: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "schema_drift_total",
			Help: "What was found in payloads that was never there before: event_type, field, value, type, missing or map.",
		}, []string{"source", "kind"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "schema_checks_total",
			Help: "Events by what their schema says: valid, invalid, none for types without a schema, or too_expensive.",
		}, []string{"source", "verdict"}),
		shadow: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "schema_shadow_total",
			Help: "Events by what the shadow schema says beside the one that counts: agree, would_reject, would_accept, both_reject, no_schema or failed.",
		}, []string{"source", "result"}),
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "tenant_lookups_total",
			Help: "Searches for the secrets of the tenant that a request names, by how they ended.",
		}, []string{"source", "result"}),
	}
}

// register makes the collectors known to a registry that may know them already.
func (m *metrics) register(reg prometheus.Registerer) error {
	for _, c := range append(m.quarantine.collectors(),
		m.requests, m.stages, m.keys, m.bodies, m.events, m.ops, m.suspects, m.lookups, m.filters, m.ages, m.drift, m.checks, m.shadow, spools, brokerMetrics{}, addressListMetrics{}, driftMetrics{}) {
		var already prometheus.AlreadyRegisteredError
		if err := reg.Register(c); err != nil && (!errors.As(err, &already) || already.ExistingCollector != c) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// routeMetrics are the children for one source, made once so that a request
// looks no label up. They exist before the first request: a rate over a series
// that appears with its first error would miss it.
type routeMetrics struct {
	requests [gateway.NumOutcomes]map[string]prometheus.Counter
	stages   [gateway.NumStages]prometheus.Observer
	keys     []prometheus.Counter
	suspects prometheus.Counter
	bodies   prometheus.Observer
	ages     prometheus.Observer
	events   [gateway.NumOutcomes]prometheus.Counter // nil for a handshake
}

func (m *metrics) route(source string, keys int) *routeMetrics {
	rm := &routeMetrics{bodies: m.bodies.WithLabelValues(source), suspects: m.suspects.WithLabelValues(source), ages: m.ages.WithLabelValues(source)}
	for _, o := range gateway.Outcomes() {
		rm.requests[o] = make(map[string]prometheus.Counter)
		for _, reason := range reasonsOf(o) {
			rm.requests[o][reason] = m.requests.WithLabelValues(source, o.Word(), reason)
		}
		if o != gateway.Handshaken {
			rm.events[o] = m.events.WithLabelValues(source, o.Word())
		}
	}
	for s := range gateway.NumStages {
		rm.stages[s] = m.stages.WithLabelValues(source, s.String())
	}
	for i := range keys {
		rm.keys = append(rm.keys, m.keys.WithLabelValues(source, strconv.Itoa(i)))
	}
	return rm
}

// tenants are the counters of searches for tenants.
func (m *metrics) tenants(source string) map[tenants.Result]prometheus.Counter {
	counters := make(map[tenants.Result]prometheus.Counter)
	for _, r := range tenants.Results() {
		counters[r] = m.lookups.WithLabelValues(source, string(r))
	}
	return counters
}

// reasonsOf lists the reasons with which an outcome can be reported.
func reasonsOf(o gateway.Outcome) []string {
	reasons := []string{o.Reason()}
	switch o { //nolint:exhaustive // the others have one reason
	case gateway.BadSignature, gateway.HandshakeRefused:
		if o == gateway.HandshakeRefused {
			reasons = append(reasons, "other_secret", "not_kept")
		}
		for _, err := range []error{
			verifiers.ErrMissing, verifiers.ErrMalformed, verifiers.ErrMismatch, verifiers.ErrStale,
			verifiers.ErrFuture, verifiers.ErrUntrusted, verifiers.ErrUnknownKey,
		} {
			reasons = append(reasons, verifiers.Reason(err))
		}
	case gateway.BodyNotJSON:
		reasons = append(reasons, verifiers.Faults()...)
	case gateway.Undecidable:
		reasons = append(reasons, "no_address_list")
	case gateway.Quarantined, gateway.SchemaRejected:
		reasons = append(reasons, "schema", "json", "conflict", "no_id", "no_type", "too_many")
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// countEvents counts what was identified in an authentic request.
func (rm *routeMetrics) countEvents(r *gateway.Record) {
	if r.Batch == nil {
		if r.EventID != "" && rm.events[r.Outcome] != nil {
			rm.events[r.Outcome].Inc()
		}
		return
	}
	for o, n := range r.Batch.Outcomes {
		if n > 0 && rm.events[o] != nil {
			rm.events[o].Add(float64(n))
		}
	}
}

// observeAges notes how old the originals of duplicates are.
func (rm *routeMetrics) observeAges(r *gateway.Record) {
	var originals []time.Time
	switch {
	case r.Batch != nil:
		originals = r.Batch.Originals
	case r.Outcome == gateway.Duplicate && !r.Ack.Stored.IsZero():
		originals = []time.Time{r.Ack.Stored}
	}
	for _, t := range originals {
		rm.ages.Observe(max(r.Start.Sub(t).Seconds(), 0)) // the clocks may differ
	}
}

func (rm *routeMetrics) observe(r *gateway.Record) {
	counter := rm.requests[r.Outcome][r.Reason]
	if counter == nil {
		counter = rm.requests[r.Outcome][r.Outcome.Reason()]
	}
	counter.Inc()
	rm.countEvents(r)
	rm.observeAges(r)
	if r.Suspect != "" {
		rm.suspects.Inc()
	}
	for s, d := range r.Stages {
		if d > 0 {
			rm.stages[s].Observe(d.Seconds())
		}
	}
	if r.Stages[gateway.StageRead] > 0 {
		rm.bodies.Observe(float64(r.Size))
	}
	if (r.Trust == gateway.Verified || r.Trust == gateway.Authenticated) && r.KeyIndex < len(rm.keys) {
		rm.keys[r.KeyIndex].Inc()
	}
}
