package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// SignatureSamples says how many of the requests that are not authentic are kept
// in quarantine, to see why and to try them again when the secret is mended. They
// are answered 401 all the same.
type SignatureSamples struct {
	// Keep none. Default: false.
	Off bool `json:"off,omitempty"`
	// How many are kept of one source; the oldest make room for new ones. Default:
	// 50.
	PerSource int `json:"per_source,omitempty"`
	// How many are kept of all sources, and never more than an eighth of the
	// quarantine stream. Default: 1000.
	Total int `json:"total,omitempty"`
	// The largest body that is kept, in bytes, at most 1 MiB. Default: 64 KiB.
	MaxBody int64 `json:"max_body,omitempty"`
	// How many each route takes, for each reason of the verifier. Default: 5 at
	// once, and then one a minute.
	Rate *Rate `json:"rate,omitempty"`
}

const (
	largestSample = 1 << 20
	// quarantineLook is the time between two looks at the quarantine.
	quarantineLook = 15 * time.Second
	// quarantineSoon is that time where it may soon be full: from soonFull percent on,
	// and if it is small.
	quarantineSoon  = time.Second
	soonFull        = 70
	smallQuarantine = 256 << 20
	balanceTime     = 30 * time.Second
	// nearlyFull is the share of its bytes from which on it is said, in percent,
	// and notFull from which on it may be said again.
	nearlyFull, notFull = 90, 80
)

func (a *App) checkSamples() error {
	s := SignatureSamples{}
	if a.SignatureSamples != nil {
		s = *a.SignatureSamples
	}
	a.SignatureSamples = &s
	switch {
	case s.PerSource < 0 || s.Total < 0 || s.MaxBody < 0:
		return errors.New("signature_samples: per_source, total and max_body must be above zero; write `signature_samples off` to keep none")
	case s.MaxBody > largestSample:
		return fmt.Errorf("signature_samples: max_body is at most %d bytes", largestSample)
	case s.Off && (s.PerSource > 0 || s.Total > 0 || s.MaxBody > 0 || s.Rate != nil):
		return errors.New("signature_samples: off and limits contradict each other: remove one of them")
	}
	return nil
}

// sampling stands for the sampler of a connection, which is there once the broker
// is.
type sampling struct{ to *App }

// Sample implements [gateway.Sampler].
func (s sampling) Sample(e *gateway.Event, q gateway.Quarantine) {
	if samples := s.to.samples.Load(); samples != nil {
		samples.Sample(e, q)
		return
	}
	s.to.metrics.quarantine.samples["dropped"].Inc()
}

// sample sets up the samples of a route.
func (h *Handler) sample(cfg *gateway.Config) {
	s := h.app.SignatureSamples
	if s == nil || s.Off || cfg.Publisher == nil || cfg.NoQuarantine {
		return
	}
	cfg.Sampler, cfg.SampleRate, cfg.SampleSize = sampling{h.to}, s.Rate.translate(), s.MaxBody
}

// startQuarantine begins to keep samples and to look after the quarantine.
func (a *App) startQuarantine(ctx context.Context, p *natspub.Publisher) {
	if s := a.SignatureSamples; !s.Off {
		samples := natspub.NewSamples(natspub.SamplesConfig{
			Publisher: p, PerSource: s.PerSource, Total: s.Total, Size: s.MaxBody, Logger: a.log,
			Done: func(_ *gateway.Event, result string) { a.metrics.quarantine.samples[result].Inc() },
		})
		a.session.samples = samples
		a.samples.Store(samples)
	}
	a.session.work.Go(func() { a.watchQuarantine(ctx, natspub.NewQuarantine(p)) })
}

func (a *App) stopQuarantine() {
	a.samples.Store(nil)
	if s := a.session.samples; s != nil {
		s.Close()
	}
}

// watchQuarantine measures how full it is, and tells operators before the oldest
// events go.
func (a *App) watchQuarantine(ctx context.Context, q *natspub.Quarantine) {
	m := a.metrics.quarantine
	full, wait := false, quarantineSoon
	var said time.Time
	for {
		st, err := q.Status(ctx, false)
		if err != nil { // the stream may not be there yet
			wait = min(2*wait, quarantineLook)
		} else {
			m.events.WithLabelValues(a.label()).Set(float64(st.Events))
			m.bytes.WithLabelValues(a.label()).Set(float64(st.Bytes))
			m.limit.WithLabelValues(a.label()).Set(float64(st.MaxBytes))
			full = a.tellFull(st, full)
			if wait = quarantineLook; filled(st) >= soonFull || st.MaxBytes > 0 && st.MaxBytes < smallQuarantine {
				wait = quarantineSoon
			}
			if filled(st) >= nearlyFull {
				if err := a.balance(ctx, q); err != nil && ctx.Err() == nil && time.Since(said) > sayAgain {
					said = time.Now()
					a.log.Warn("making room in the quarantine; when it is full the oldest events in it go, whosever they are", "stream", st.Stream, "error", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// balance makes room in the quarantine, and tells whose events went.
func (a *App) balance(ctx context.Context, q *natspub.Quarantine) error {
	ctx, cancel := context.WithTimeout(ctx, balanceTime)
	defer cancel()
	list, err := q.Balance(ctx)
	for _, t := range list {
		a.metrics.quarantine.trimmed.WithLabelValues(a.label()).Add(float64(t.Events))
		a.log.Warn("the quarantine is nearly full; the oldest events of those who have the most there are removed",
			"tenant", t.Tenant, "source", t.Source, "events", t.Events)
		a.notify(natspub.OpsEvent{Tenant: t.Tenant, Source: t.Source, Name: "quarantine_trimmed", Data: map[string]any{"events": t.Events}})
	}
	return err
}

// filled is how full it is, in percent; 0 if it has no limit.
func filled(st natspub.QuarantineStatus) int64 {
	if st.MaxBytes == 0 {
		return 0
	}
	return int64(st.Bytes) / (st.MaxBytes/100 + 1) //nolint:gosec // bytes of a disk
}

func (a *App) tellFull(st natspub.QuarantineStatus, said bool) bool {
	share := filled(st)
	switch {
	case share >= nearlyFull && !said:
		a.log.Warn("the quarantine is nearly full; when it is full the oldest events in it go", "stream", st.Stream, "bytes", st.Bytes, "max_bytes", st.MaxBytes)
		a.notify(natspub.OpsEvent{Name: "quarantine_full", Data: map[string]any{
			"stream": st.Stream, "events": st.Events, "bytes": st.Bytes, "max_bytes": st.MaxBytes,
		}})
		return true
	case share < notFull:
		return false
	}
	return said
}

// quarantineMetrics are the collectors about quarantine.
type quarantineMetrics struct {
	actions              *prometheus.CounterVec
	events, bytes, limit *prometheus.GaugeVec
	trimmed              *prometheus.CounterVec
	offered              *prometheus.CounterVec
	samples              map[string]prometheus.Counter // of offered, by result
}

func newQuarantineMetrics(namespace, subsystem string) *quarantineMetrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, []string{"connection"})
	}
	m := &quarantineMetrics{
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "quarantine_actions_total",
			Help: "What operators did with events in quarantine: retry, release or drop, and what became of them.",
		}, []string{"action", "result"}),
		events: gauge("quarantine_events", "Events in quarantine."),
		bytes:  gauge("quarantine_bytes", "Size of the events in quarantine."),
		trimmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "quarantine_trimmed_total",
			Help: "Events that were removed from a quarantine that was nearly full: the oldest of those who had the most there.",
		}, []string{"connection"}),
		limit: gauge("quarantine_max_bytes", "Size from which on the oldest events in quarantine go; 0 if there is none."),
		offered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "signature_samples_total",
			Help: "Requests with a bad signature that were chosen to be kept: kept, duplicate, or dropped because too many came or the broker did not take them.",
		}, []string{"result"}),
		samples: make(map[string]prometheus.Counter),
	}
	for _, result := range []string{"kept", "duplicate", "dropped"} {
		m.samples[result] = m.offered.WithLabelValues(result)
	}
	for _, action := range []string{actionRetry, actionRelease, actionDrop} {
		for _, result := range []string{resultPublished, resultDuplicate, resultDropped, resultKept, resultGone, resultFailed} {
			m.actions.WithLabelValues(action, result)
		}
	}
	return m
}

func (m *quarantineMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.actions, m.events, m.bytes, m.limit, m.trimmed, m.offered}
}

// signature_samples [off] { ... }
func (a *App) parseSamples(d *caddyfile.Dispenser) error {
	s := new(SignatureSamples)
	a.SignatureSamples = s
	if d.CountRemainingArgs() > 0 {
		var word string
		if err := parseWord(d, &word, "off"); err != nil {
			return err
		}
		s.Off = true
		return nil
	}
	return parseBlock(d, "signature_samples", map[string]subdirective[*SignatureSamples]{
		"per_source": {parse: func(s *SignatureSamples, d *caddyfile.Dispenser) error { return parseCount(d, &s.PerSource) }},
		"total":      {parse: func(s *SignatureSamples, d *caddyfile.Dispenser) error { return parseCount(d, &s.Total) }},
		"max_body":   {parse: func(s *SignatureSamples, d *caddyfile.Dispenser) error { return parseSize(d, &s.MaxBody) }},
		"rate":       {parse: (*SignatureSamples).parseRate},
	}, s)
}

// rate <n>/<unit> [burst <n>]
func (s *SignatureSamples) parseRate(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	rate, ok := parseRate(args)
	if ok && len(args) == 3 && args[1] == "burst" {
		n, err := strconv.Atoi(args[2])
		rate.Burst, ok = n, err == nil && n > 0
	} else if len(args) > 1 {
		ok = false
	}
	if !ok {
		return d.Err("rate: write `rate <n>/<unit> [burst <n>]`, such as `rate 1/m burst 5`")
	}
	s.Rate = rate
	return nil
}

var _ gateway.Sampler = sampling{}
