package caddymodule

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/interpreter"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// filterLogEvery is how often one expression that cannot be evaluated is logged.
const filterLogEvery = time.Minute

// Why an expression could not be evaluated.
const (
	reasonMissing    = "missing"    // a value is not there
	reasonMalformed  = "malformed"  // the body is not JSON, or a header is there twice
	reasonType       = "type"       // the values are of kinds that do not fit
	reasonTime       = "time"       // it took too long
	reasonEvaluation = "evaluation" // anything else, such as a division by zero
	reasonPanic      = "panic"
)

var filterReasons = []string{reasonMissing, reasonMalformed, reasonType, reasonTime, reasonEvaluation, reasonPanic}

// Expression is a condition in CEL, the language of Caddy's expression matcher. It
// is evaluated for each event after the event is verified, with placeholders for
// what the event holds; it must be true or false. Where it cannot be evaluated, for
// example because a value is missing, the event is kept.
type Expression struct {
	// The condition, such as `{webhooks.json./action} == "opened"`. Required.
	Expr string `json:"expr"`
	// Where it was configured, for messages. Set by the Caddyfile.
	Origin string `json:"origin,omitempty"`
}

// filters compiles the expressions of the route.
func (h *Handler) filters(cfg *gateway.Config) error {
	var problems []error
	for _, list := range []struct {
		name        string
		globs       []string
		expressions []Expression
		into        *[]gateway.Condition
	}{{"accept", h.Accept, h.AcceptIf, &cfg.AcceptIf}, {"drop", h.Drop, h.DropIf, &cfg.DropIf}} {
		for _, glob := range list.globs {
			if strings.ContainsAny(glob, "{}") {
				problems = append(problems, fmt.Errorf("%s: %q is not a glob: write the expression in %s_if", list.name, glob, list.name))
			}
		}
		for i, e := range list.expressions {
			c, err := h.condition(cfg.Source, list.name, e)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s expression %d%s: %w", list.name, i+1, at(e.Origin), err))
				continue
			}
			*list.into = append(*list.into, c)
		}
	}
	problems = append(problems, checkMembers(append(cfg.AcceptIf, cfg.DropIf...)...))
	return errors.Join(problems...)
}

func at(origin string) string {
	if origin == "" {
		return ""
	}
	return " (" + origin + ")"
}

func (h *Handler) condition(source, list string, e Expression) (*condition, error) {
	p, err := compile(e.Expr)
	if err != nil {
		return nil, err
	}
	if err := p.settle(); err != nil {
		return nil, err
	}
	c := &condition{
		program:  p,
		log:      h.log.With("route", h.label(), "filter", list, "at", e.Origin),
		failures: make(map[string]prometheus.Counter, len(filterReasons)),
		now:      time.Now,
	}
	for _, reason := range filterReasons {
		c.failures[reason] = h.app.metrics.filters.WithLabelValues(source, list, reason)
	}
	return c, nil
}

// condition is an expression of a route.
type condition struct {
	*program
	log      *slog.Logger
	failures map[string]prometheus.Counter // by reason
	now      func() time.Time

	mu     sync.Mutex
	logged time.Time
	silent int // failures since then
}

// Holds implements [gateway.Condition].
func (c *condition) Holds(f *gateway.Facts) (bool, error) {
	holds, err := c.eval(f)
	if err != nil {
		c.failed(err)
		return false, errUntold
	}
	return holds, nil
}

// errUntold takes the place of CEL's errors, which may hold values of the payload.
var errUntold = errors.New("the expression cannot be evaluated")

// Members implements [gateway.Condition].
func (c *condition) Members() []string { return c.members }

// failed counts, and writes a line if the last one is long ago.
func (c *condition) failed(err error) {
	reason := filterReason(err)
	c.failures[reason].Inc()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.logged.IsZero() && now.Sub(c.logged) < filterLogEvery {
		c.silent++
		return
	}
	attrs := []any{"reason", reason}
	if missing, ok := errors.AsType[*noValue](err); ok {
		attrs = append(attrs, "placeholder", "{"+missing.placeholder+"}")
	}
	if c.silent > 0 {
		attrs = append(attrs, "not_logged", c.silent)
	}
	c.logged, c.silent = now, 0
	c.log.Warn("a filter could not be evaluated, and its event was kept", attrs...)
}

// filterReason finds the word for an error of CEL, whose text may hold values of
// the payload and is therefore for nobody.
func filterReason(err error) string {
	if none, ok := errors.AsType[*noValue](err); ok {
		return none.reason()
	}
	if errors.Is(err, interpreter.InterruptError{}) {
		return reasonTime
	}
	if errors.Is(err, errNumber) || errors.Is(err, errNotBool) {
		return reasonType
	}
	for _, known := range []struct{ prefix, reason string }{
		{"no such key", reasonMissing},
		{"no such attribute", reasonMissing},
		{"index out of bounds", reasonMissing},
		{"no such overload", reasonType},
		{"unsupported ", reasonType},
		{"type conversion error", reasonType},
		{"got '", reasonType}, // where a list is expected
		{"internal error", reasonPanic},
	} {
		if strings.HasPrefix(err.Error(), known.prefix) {
			return known.reason
		}
	}
	return reasonEvaluation
}

func newFilterMetrics(namespace, subsystem string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "filter_errors_total",
		Help: "Expressions of accept and drop that could not be evaluated for an event, which was kept as far as they are concerned.",
	}, []string{"source", "filter", "reason"})
}

var _ gateway.Condition = (*condition)(nil)
