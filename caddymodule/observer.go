package caddymodule

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// observer counts each request and writes one line about it. The line holds no
// payload, no value of a header and no secret.
type observer struct {
	metrics *routeMetrics
	log     *slog.Logger
}

// Observe implements [gateway.Observer].
func (o *observer) Observe(r *gateway.Record) {
	o.metrics.observe(r)
	level := slog.LevelInfo
	switch r.Outcome.Word() {
	case "rejected", "pending":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	default:
		if r.Status >= 500 { // of the next handler
			level = slog.LevelError
		}
	}
	ctx := context.Background()
	if o.log.Enabled(ctx, level) {
		o.log.LogAttrs(ctx, level, "webhook", attributes(r)...)
	}
}

func attributes(r *gateway.Record) []slog.Attr {
	attrs := make([]slog.Attr, 0, 24)
	attrs = append(attrs,
		slog.String("outcome", r.Outcome.Word()),
		slog.String("reason", r.Reason),
		slog.Int("status", r.Status),
		slog.String("tenant", r.Tenant),
		slog.String("source", r.Source),
		slog.String("provider", r.Provider),
		slog.String("request_id", r.RequestID),
		slog.Int("size", r.Size),
	)
	for _, a := range []struct{ key, value string }{
		{"handshake", r.Handshake},
		{"event_id", r.EventID},
		{"event_type", r.EventType},
		{"trust", string(r.Trust)},
		{"key_id", r.KeyID},
		{"schema", string(r.Schema)},
		{"suspect", r.Suspect},
		{"stream", r.Ack.Stream},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	attrs = append(attrs, batchAttributes(r.Batch)...)
	if r.Diagnosis.Cause != "" {
		attrs = append(attrs, slog.String("cause", r.Diagnosis.String()))
	}
	if r.Ack.Sequence > 0 {
		attrs = append(attrs, slog.Uint64("stream_seq", r.Ack.Sequence))
	}
	if !r.Ack.Stored.IsZero() {
		attrs = append(attrs, slog.Time("original_stored", r.Ack.Stored))
	}
	if r.Ack.Attempts > 1 {
		attrs = append(attrs, slog.Int("attempts", r.Ack.Attempts))
	}
	if r.FilterErrors > 0 {
		attrs = append(attrs, slog.Int("filter_errors", r.FilterErrors))
	}
	if r.Skew != 0 {
		attrs = append(attrs, slog.Duration("skew", r.Skew.Round(time.Second)))
	}
	for s, d := range r.Stages {
		if d > 0 {
			attrs = append(attrs, slog.Duration(gateway.Stage(s).String(), d))
		}
	}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", r.Err.Error()))
	}
	if crash, ok := errors.AsType[*gateway.PanicError](r.Err); ok {
		attrs = append(attrs, slog.String("stack", string(crash.Stack)))
	}
	return attrs
}

// batchAttributes says how the events of a batch ended.
func batchAttributes(b *gateway.BatchCount) []slog.Attr {
	if b == nil {
		return nil
	}
	attrs := []slog.Attr{slog.Int("batch", b.Size)}
	words := make(map[string]int)
	for o, n := range b.Outcomes {
		words["batch_"+gateway.Outcome(o).Word()] += n
	}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		if n := words[word]; n > 0 {
			attrs = append(attrs, slog.Int(word, n))
		}
	}
	return attrs
}

var _ gateway.Observer = (*observer)(nil)
