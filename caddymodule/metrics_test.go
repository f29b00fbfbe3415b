package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

func TestMetricsLint(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.route("lint", 2).observe(record(gateway.Accepted, ""))
	reg := prometheus.NewPedanticRegistry()
	if err := m.register(reg); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v (%v), want no problems", problems, err)
	}
}

// TestMetricsContinue: Caddy makes a registry for each configuration, and the
// counters must not start again.
func TestMetricsContinue(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	for reload := 1; reload <= 3; reload++ {
		reg := prometheus.NewRegistry()
		for range 2 { // the app is provisioned twice in one configuration's life at most
			if err := m.register(reg); err != nil {
				t.Fatal(err)
			}
		}
		m.route("s", 1).observe(record(gateway.Accepted, ""))
		want := fmt.Sprintf(`
# HELP caddy_webhooks_key_matches_total Authentic requests by the position of the secret that matched, 0 being the newest.
# TYPE caddy_webhooks_key_matches_total counter
caddy_webhooks_key_matches_total{position="0",source="s"} %d
`, reload)
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "caddy_webhooks_key_matches_total"); err != nil {
			t.Errorf("after reload %d: %v", reload, err)
		}
	}
	other := prometheus.NewRegistry()
	if err := newMetrics().register(other); err != nil {
		t.Fatal(err)
	}
	if err := m.register(other); err == nil {
		t.Error("got no error for a registry with other collectors of the same name, whose values nobody would see")
	}
}

// TestEveryOutcomeIsCounted, with every reason that it can have and with one
// that nobody foresaw.
func TestEveryOutcomeIsCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	rm := m.route("s", 1)
	want := make(map[[2]string]float64)
	for _, o := range gateway.Outcomes() {
		for _, reason := range append(reasonsOf(o), "unforeseen") {
			rm.observe(record(o, reason))
			if reason == "unforeseen" {
				reason = o.Reason()
			}
			want[[2]string{o.Word(), reason}]++
		}
	}
	for labels, n := range want {
		if got := testutil.ToFloat64(m.requests.WithLabelValues("s", labels[0], labels[1])); got != n {
			t.Errorf("%v: got %v, want %v", labels, got, n)
		}
	}
	if got := testutil.CollectAndCount(m.requests); got != len(want) {
		t.Errorf("got %d series, want %d: labels come from fixed sets", got, len(want))
	}
}

// TestEventsAreCounted: each event of a batch, and no request without one.
func TestEventsAreCounted(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	rm := m.route("s", 1)
	if got := testutil.CollectAndCount(m.events); got != 7 {
		t.Errorf("got %d series before the first event, want one for each word but handshake", got)
	}
	rm.observe(record(gateway.Accepted, ""))
	forged := record(gateway.BadSignature, "mismatch")
	forged.EventID = ""
	rm.observe(forged)
	rm.observe(record(gateway.Handshaken, ""))
	batch := record(gateway.Accepted, "")
	batch.Batch = &gateway.BatchCount{Size: 9}
	batch.Batch.Outcomes[gateway.Accepted] = 4
	batch.Batch.Outcomes[gateway.Quarantined] = 2
	batch.Batch.Outcomes[gateway.Duplicate] = 3
	rm.observe(batch)
	empty := record(gateway.EmptyBatch, "")
	empty.Batch = &gateway.BatchCount{}
	rm.observe(empty)
	for word, want := range map[string]float64{"accepted": 5, "quarantined": 2, "duplicate": 3, "rejected": 0, "dropped": 0, "error": 0, "pending": 0} {
		if got := testutil.ToFloat64(m.events.WithLabelValues("s", word)); got != want {
			t.Errorf("%s: got %v, want %v", word, got, want)
		}
	}
	if got := testutil.ToFloat64(m.requests.WithLabelValues("s", "accepted", "stored")); got != 2 {
		t.Errorf("got %v requests, want 2", got)
	}
}

func TestLogLineOfABatch(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	o := &observer{metrics: newMetrics().route("s", 1), log: slog.New(slog.NewTextHandler(&out, nil))}
	r := record(gateway.Accepted, "")
	r.Batch = &gateway.BatchCount{Size: 5}
	r.Batch.Outcomes[gateway.Accepted], r.Batch.Outcomes[gateway.BrokerFull], r.Batch.Outcomes[gateway.Internal] = 2, 1, 1
	o.Observe(r)
	if line := out.String(); !strings.Contains(line, " batch=5 batch_accepted=2 batch_error=2 ") {
		t.Errorf("got %q", line)
	}
}

func record(o gateway.Outcome, reason string) *gateway.Record {
	if reason == "" {
		reason = o.Reason()
	}
	r := &gateway.Record{
		Tenant: "default", Source: "s", Provider: "github", RequestID: "01REQUEST", Outcome: o, Reason: reason, Status: 200,
		EventID: "event-1", EventType: "push", Trust: gateway.Verified, KeyID: "2026-11", Schema: gateway.SchemaValid,
		Ack: gateway.Ack{Stream: "WEBHOOKS", Sequence: 7, Attempts: 2}, Size: 100, Skew: 1500 * time.Millisecond,
	}
	for s := range r.Stages {
		r.Stages[s] = time.Millisecond
	}
	return r
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		outcome gateway.Outcome
		level   string
	}{
		{gateway.Accepted, "INFO"},
		{gateway.Duplicate, "INFO"},
		{gateway.Handshaken, "INFO"},
		{gateway.BadSignature, "WARN"},
		{gateway.Pending, "WARN"},
		{gateway.BrokerFull, "ERROR"},
		{gateway.Internal, "ERROR"},
	} {
		var out bytes.Buffer
		o := &observer{metrics: newMetrics().route("s", 1), log: slog.New(slog.NewTextHandler(&out, nil))}
		r := record(tt.outcome, "")
		if !tt.outcome.Success() {
			r.Err = errors.New("the cause")
		}
		o.Observe(r)
		line := out.String()
		if strings.Count(line, "\n") != 1 || !strings.Contains(line, "level="+tt.level+" msg=webhook ") {
			t.Errorf("%v: got %q, want one line at the level %s", tt.outcome, line, tt.level)
		}
		for _, want := range []string{"outcome=" + tt.outcome.Word(), "request_id=01REQUEST", "source=s", "event_id=event-1", "stream_seq=7", "publish=1ms"} {
			if !strings.Contains(line, want) {
				t.Errorf("%v: got %q, want it to contain %q", tt.outcome, line, want)
			}
		}
		if got := strings.Contains(line, "the cause"); got == tt.outcome.Success() {
			t.Errorf("%v: got the cause in the line: %v, want %v", tt.outcome, got, !tt.outcome.Success())
		}
	}
}

// TestDuplicateAges: how old the originals are, of single events and of those of
// batches, and nothing else.
func TestDuplicateAges(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	rm := m.route("ages", 1)
	start := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return start.Add(-d) }
	for _, r := range []*gateway.Record{
		{Outcome: gateway.Duplicate, Start: start, Ack: gateway.Ack{Duplicate: true, Stored: ago(4 * time.Second)}},
		{Outcome: gateway.Duplicate, Start: start, Ack: gateway.Ack{Duplicate: true, Stored: ago(-time.Second)}}, // the clocks differ
		{Outcome: gateway.Duplicate, Start: start, Ack: gateway.Ack{Duplicate: true}},                            // the original is gone
		{Outcome: gateway.Quarantined, Start: start, Ack: gateway.Ack{Duplicate: true, Conflict: true, Stored: ago(time.Hour)}},
		{Outcome: gateway.Accepted, Start: start},
		{Outcome: gateway.Accepted, Start: start, Batch: &gateway.BatchCount{Size: 3, Originals: []time.Time{ago(2 * time.Hour), ago(100 * time.Hour)}}},
	} {
		rm.observe(r)
	}
	reg := prometheus.NewRegistry()
	if err := m.register(reg); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "caddy_webhooks_duplicate_age_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 4 || h.GetSampleSum() != 4+2*3600+100*3600 {
			t.Errorf("got %d samples with the sum %v", h.GetSampleCount(), h.GetSampleSum())
		}
		for _, b := range h.GetBucket() {
			if want := map[float64]uint64{1: 1, 5: 2, 3600: 2, 3 * 3600: 3, 96 * 3600: 3}[b.GetUpperBound()]; want > 0 && b.GetCumulativeCount() != want {
				t.Errorf("up to %v: got %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
			}
		}
		return
	}
	t.Error("there is no such metric")
}
