package caddymodule

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

// shadowResult is what a candidate says of an event, beside the schemas that count.
type shadowResult string

// The results. Where nothing refuses events now, all count as accepted.
const (
	shadowAgree       shadowResult = "agree"        // both accept it
	shadowWouldReject shadowResult = "would_reject" // the candidate alone refuses it
	shadowWouldAccept shadowResult = "would_accept" // the candidate alone accepts it
	shadowBothReject  shadowResult = "both_reject"
	shadowNoSchema    shadowResult = "no_schema" // the candidate has none for the type
	shadowFailed      shadowResult = "failed"    // the candidate could not judge it
)

var shadowResults = []shadowResult{shadowAgree, shadowWouldReject, shadowWouldAccept, shadowBothReject, shadowNoSchema, shadowFailed}

// maxShadowSamples is how many events are kept that a candidate would reject.
const maxShadowSamples = 20

// maxShadowSteps is what trying a candidate on one event may take, up to some 50 ms:
// the sender waits for it, and a schema that counts may take twenty times as much.
const maxShadowSteps = 1_000_000

// shadow tries a candidate beside the schemas of a route. It changes nothing.
type shadow struct {
	set     *schemas.Set
	state   *shadowState
	metrics map[shadowResult]prometheus.Counter
	log     *slog.Logger
}

// shadowState is what has been counted. It outlives the configuration, as long as
// the candidate stays the same.
type shadowState struct {
	since   time.Time
	schemas map[string]*shadowCount // by address; "" for types without a schema

	mu      sync.Mutex
	samples []shadowSample
}

type shadowCount struct {
	sha256 string
	counts map[shadowResult]*atomic.Int64
}

// shadowSample is an event that the candidate would reject.
type shadowSample struct {
	Tenant     string      `json:"tenant"`
	Source     string      `json:"source"`
	EventID    string      `json:"event_id"`
	EventType  string      `json:"event_type"`
	Received   time.Time   `json:"received"`
	Schema     string      `json:"schema"`
	Violations []violation `json:"violations"`
	Error      string      `json:"error,omitempty"`
}

type shadowKey struct{ tenant, label, digest string }

// Destruct implements [caddy.Destructor].
func (s *shadowState) Destruct() error { return nil }

// castShadow sets up the candidate of a route, if it has one.
func (h *Handler) castShadow(v *validator, tenant, label string) error {
	if v.candidate == nil {
		return nil
	}
	infos := v.candidate.Schemas()
	digest := sha256.New()
	for _, t := range h.Schema.Types {
		fmt.Fprintf(digest, "%q %q\n", t.Match, t.File)
	}
	for _, info := range infos {
		fmt.Fprintf(digest, "%q %s\n", info.Schema, info.SHA256)
	}
	state, err := keepSchemaState(h.app, shadowKey{tenant, label, hex.EncodeToString(digest.Sum(nil))}, func() *shadowState { return newShadowState(infos) })
	if err != nil {
		return err
	}
	v.shadow = &shadow{set: v.candidate, state: state, metrics: make(map[shadowResult]prometheus.Counter), log: h.log}
	for _, result := range shadowResults {
		v.shadow.metrics[result] = h.app.metrics.shadow.WithLabelValues(label, string(result))
	}
	return nil
}

func newShadowState(infos []schemas.Info) *shadowState {
	s := &shadowState{since: time.Now(), schemas: make(map[string]*shadowCount)}
	for _, info := range append(infos, schemas.Info{}) {
		c := &shadowCount{sha256: info.SHA256, counts: make(map[shadowResult]*atomic.Int64)}
		for _, result := range shadowResults {
			c.counts[result] = new(atomic.Int64)
		}
		s.schemas[info.Schema] = c
	}
	return s
}

// compare tries the candidate on an event of which the other schemas have said
// live. Whatever happens in it is counted and nothing more.
func (s *shadow) compare(e *gateway.Event, payload any, live error) {
	info, ok := s.set.Choose(e.Type)
	result, err := s.try(ok, e.Type, payload, live)
	s.metrics[result].Inc()
	s.state.schemas[info.Schema].counts[result].Add(1)
	if result != shadowWouldReject {
		return
	}
	sample := shadowSample{
		Tenant: e.Tenant, Source: e.Source, EventID: e.ID, EventType: e.Type, Received: e.Received,
		Schema: info.Schema, Violations: violationsOf(err),
	}
	if len(sample.Violations) == 0 {
		sample.Error = err.Error()
	}
	if s.state.keep(sample) == 1 {
		s.log.Warn("the shadow schema refuses an event that is accepted now; more of them are counted in GET /webhooks/schemas",
			"tenant", e.Tenant, "source", e.Source, "event_id", e.ID, "event_type", e.Type, "error", err)
	}
}

func (s *shadow) try(ok bool, eventType string, payload any, live error) (result shadowResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			result = shadowFailed
		}
	}()
	err = check(s.set, ok, eventType, payload)
	switch {
	case errors.Is(err, schemas.ErrTooExpensive):
		return shadowFailed, err
	case err == nil && !ok:
		return shadowNoSchema, nil
	case err == nil && live == nil:
		return shadowAgree, nil
	case err == nil:
		return shadowWouldAccept, nil
	case live == nil:
		return shadowWouldReject, err
	}
	return shadowBothReject, err
}

// keep keeps a sample if there is room, and returns how many there are.
func (s *shadowState) keep(sample shadowSample) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.samples) == maxShadowSamples {
		return maxShadowSamples + 1
	}
	s.samples = append(s.samples, sample)
	return len(s.samples)
}

var _ caddy.Destructor = (*shadowState)(nil)
