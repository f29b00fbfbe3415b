package caddymodule

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/driftbook"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas/drift"
)

// newDriftRoute returns a route that learns from three events, and its app's log.
func newDriftRoute(t *testing.T) (*driftRoute, *driftbook.Book, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	book := driftbook.Open(driftbook.Config{})
	t.Cleanup(book.Close)
	a := &App{log: slog.New(slog.NewTextHandler(&log, nil))}
	a.drift.Store(book)
	r := &driftRoute{app: a, label: "s", cfg: drift.Config{Events: 3, Age: -1}, counts: make(map[drift.Kind]prometheus.Counter)}
	for _, kind := range drift.Kinds() {
		r.counts[kind] = prometheus.NewCounter(prometheus.CounterOpts{Name: string(kind)})
	}
	return r, book, &log
}

func driftEvent(trust gateway.Trust) *gateway.Event {
	return &gateway.Event{Tenant: "default", Source: "s", Type: "t", ID: "e", Received: time.Unix(1e9, 0), Trust: trust}
}

func TestDriftLooksAtAuthenticEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event *gateway.Event
		want  float64
	}{
		"verified":      {driftEvent(gateway.Verified), 1},
		"authenticated": {driftEvent(gateway.Authenticated), 1},
		"unverified":    {driftEvent(gateway.Unverified), 0},
		"released": {func() *gateway.Event {
			e := driftEvent(gateway.Verified)
			e.Released = "retry"
			return e
		}(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, _ := newDriftRoute(t)
			for range 6 {
				r.observe(driftEvent(gateway.Verified), map[string]any{"x": true})
			}
			r.observe(tt.event, map[string]any{"x": true, "new": true})
			if got := testutil.ToFloat64(r.counts[drift.Field]); got != tt.want {
				t.Errorf("%v fields were found, want %v", got, tt.want)
			}
		})
	}
	r, _, _ := newDriftRoute(t)
	for range 6 {
		r.observe(driftEvent(gateway.Verified), gateway.Opaque("<xml/>"))
	}
	other := driftEvent(gateway.Verified)
	other.Type = "u"
	r.observe(other, gateway.Opaque("<other/>"))
	if got := testutil.ToFloat64(r.counts[drift.EventType]); got != 1 {
		t.Errorf("of bodies that are no JSON %v event types were found, want 1", got)
	}
	var none *driftRoute
	none.observe(driftEvent(gateway.Verified), nil)
}

// TestDriftFails: a mistake in it costs no event, and is said once.
func TestDriftFails(t *testing.T) {
	t.Parallel()
	r, book, log := newDriftRoute(t)
	r.counts = nil // so that the first finding panics
	for range 6 {
		r.observe(driftEvent(gateway.Verified), map[string]any{"x": true})
	}
	for _, name := range []string{"one", "two", "three"} {
		r.observe(driftEvent(gateway.Verified), map[string]any{"x": true, name: true})
	}
	if n := strings.Count(log.String(), "looking at a payload failed"); n != 1 {
		t.Errorf("said %d times in %s", n, log)
	}
	if n := book.Sources("", "")[0].Open(); n != 1 {
		t.Errorf("%d findings: it was tried again", n)
	}
}

func TestDriftSettings(t *testing.T) {
	t.Parallel()
	hour, none, negative := caddy.Duration(time.Hour), caddy.Duration(0), caddy.Duration(-1)
	for name, tt := range map[string]struct {
		of   *Drift
		want drift.Config
		err  string
	}{
		"none":         {nil, drift.Config{}, ""},
		"defaults":     {&Drift{}, drift.Config{}, ""},
		"all":          {&Drift{LearnEvents: 5, LearnTime: &hour, NoValues: true, MaxMemory: 1 << 20}, drift.Config{Events: 5, Age: time.Hour, NoValues: true, MaxBytes: 1 << 20}, ""},
		"no time":      {&Drift{LearnTime: &none}, drift.Config{Age: -1}, ""},
		"negative":     {&Drift{LearnTime: &negative}, drift.Config{}, "learn_time must not be negative"},
		"events":       {&Drift{LearnEvents: -1}, drift.Config{}, "learn_events must be above zero"},
		"small memory": {&Drift{MaxMemory: 1000}, drift.Config{}, "between 64KiB and 64MiB"},
		"large memory": {&Drift{MaxMemory: 1 << 30}, drift.Config{}, "between 64KiB and 64MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.of.settings()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || got.Events != tt.want.Events || got.Age != tt.want.Age || got.MaxBytes != tt.want.MaxBytes || got.NoValues != tt.want.NoValues {
				t.Errorf("got %+v (%v), want %+v", got, err, tt.want)
			}
		})
	}
}
