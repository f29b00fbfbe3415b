package caddymodule

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// brokerMetrics is a collector over the connections of the configuration that
// runs now. It asks them when it is asked, and no request pays for it.
type brokerMetrics struct{}

var (
	brokerReady    = prometheus.NewDesc("caddy_webhooks_broker_ready", "Whether the connection takes events: 0 or 1.", []string{"connection"}, nil)
	brokerPending  = prometheus.NewDesc("caddy_webhooks_broker_pending", "Events that wait for the connection.", []string{"connection"}, nil)
	brokerLost     = prometheus.NewDesc("caddy_webhooks_broker_reconnects_total", "How often the connection was made again.", []string{"connection"}, nil)
	preflightFound = prometheus.NewDesc("caddy_webhooks_preflight_findings",
		"What the last look at the streams has found, by stream (empty: the server) and severity: fatal, warning or note.", []string{"connection", "stream", "severity"}, nil)
	preflightAt = prometheus.NewDesc("caddy_webhooks_preflight_timestamp_seconds", "When the streams were last looked at.", []string{"connection"}, nil)
	refusedNow  = prometheus.NewDesc("caddy_webhooks_stream_refused",
		"Whether events for the stream are refused because it does not keep the gateway's promises: 0 or 1.", []string{"connection", "stream"}, nil)
)

// Describe implements [prometheus.Collector].
func (brokerMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{brokerReady, brokerPending, brokerLost, preflightFound, preflightAt, refusedNow} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (brokerMetrics) Collect(ch chan<- prometheus.Metric) {
	first, release := running.newest()
	if first == nil {
		return
	}
	defer release()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, a := range first.all() {
		session := a.shown.Load()
		if session == nil {
			continue
		}
		label, st, last := a.label(), a.brokerStatus(session), session.lastFound()
		gauge(brokerReady, number(st.Ready), label)
		gauge(brokerPending, float64(st.Pending), label)
		ch <- prometheus.MustNewConstMetric(brokerLost, prometheus.CounterValue, float64(st.Reconnects), label)
		if last.at.IsZero() {
			continue
		}
		gauge(preflightAt, float64(last.at.UnixMilli())/1000, label)
		counts := make(map[[2]string]int)
		for _, s := range a.streamStatus(session) {
			for _, severity := range []natspub.Severity{natspub.Fatal, natspub.Warning, natspub.Note} {
				counts[[2]string{s.Name, string(severity)}] = 0
			}
			gauge(refusedNow, number(s.Refused != ""), label, s.Name)
		}
		for _, f := range last.list {
			counts[[2]string{f.Stream, string(f.Severity)}]++
		}
		for key, n := range counts {
			gauge(preflightFound, float64(n), label, key[0], key[1])
		}
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

var _ prometheus.Collector = brokerMetrics{}
