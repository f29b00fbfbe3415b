package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestTraced: the span of Caddy's tracing counts, what the sender writes does not,
// and without tracing it costs nothing.
func TestTraced(t *testing.T) { //nolint:paralleltest // it counts allocations
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if got := traced(r, gateway.Request{Request: r}); got.TraceParent != "" || got.TraceState != "" {
		t.Errorf("got %q, %q without tracing", got.TraceParent, got.TraceState)
	}
	if n := testing.AllocsPerRun(100, func() { _ = traced(r, gateway.Request{Request: r}) }); n > 0 {
		t.Errorf("got %v allocations without tracing", n)
	}
	state, err := trace.ParseTraceState("a=b,c=d")
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x0a, 15: 0x9c}, SpanID: trace.SpanID{1, 7: 2}, TraceFlags: trace.FlagsSampled, TraceState: state,
	})
	r = r.WithContext(trace.ContextWithSpanContext(r.Context(), span))
	got := traced(r, gateway.Request{Request: r})
	if got.TraceParent != "00-0a00000000000000000000000000009c-0100000000000002-01" || got.TraceState != "a=b,c=d" {
		t.Errorf("got %q, %q", got.TraceParent, got.TraceState)
	}
}
