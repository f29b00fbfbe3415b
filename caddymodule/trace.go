package caddymodule

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// traced adds the trace of the request, for consumers to go on with: that of
// Caddy's own `tracing`, whose span is the parent of theirs. What a sender says in
// its headers counts there, or not at all.
func traced(r *http.Request, to gateway.Request) gateway.Request {
	span := trace.SpanContextFromContext(r.Context())
	if !span.IsValid() {
		return to
	}
	to.TraceParent = "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
	to.TraceState = span.TraceState().String()
	return to
}
