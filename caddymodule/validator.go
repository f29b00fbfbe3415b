package caddymodule

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/schemas"
)

var errOpaque = errors.New("the body is neither JSON nor a form")

// validator checks the payloads of a route, and looks at them.
type validator struct {
	sets      []*schemas.Set                     // in the order in which they are asked; none: nothing is refused
	modes     *schemas.Globs[gateway.SchemaMode] // nil: the route's is for all
	checks    *schemaChecks
	candidate *schemas.Set // nil: there is none
	shadow    *shadow      // of the candidate
	drift     *driftRoute  // nil: payloads are not learned
}

// Validate implements [gateway.Validator].
func (v *validator) Validate(e *gateway.Event, payload any) gateway.Validation {
	v.drift.observe(e, payload)
	found := v.judge(e, payload)
	if e.Released == "" { // otherwise it was counted when it came
		if v.checks != nil {
			v.checks.add(e, found)
		}
		if v.shadow != nil {
			v.shadow.compare(e, payload, found.Err)
		}
	}
	return found
}

// judge asks the first set that has a schema for the type.
func (v *validator) judge(e *gateway.Event, payload any) (found gateway.Validation) {
	for i, set := range v.sets {
		info, ok := set.Choose(e.Type)
		if !ok && i+1 < len(v.sets) {
			continue
		}
		found = gateway.Validation{Schema: info.Schema, SHA256: info.SHA256, Err: check(set, ok, e.Type, payload)}
		break
	}
	if found.Err != nil && v.modes != nil {
		found.Mode, _ = v.modes.Choose(e.Type)
	}
	return found
}

// check asks a set, which may have no schema for the type.
func check(set *schemas.Set, ok bool, eventType string, payload any) error {
	if body, opaque := payload.(gateway.Opaque); opaque {
		if len(body) > 0 && ok {
			return errOpaque
		}
		payload = "" // as of requests that have everything in their URL
	}
	_, err := set.Validate(eventType, payload)
	return err
}

// The verdicts that are counted.
const (
	verdictValid     = "valid"
	verdictInvalid   = "invalid"
	verdictNone      = "none"
	verdictExpensive = "too_expensive"
)

func verdicts() []string {
	return []string{verdictValid, verdictInvalid, verdictNone, verdictExpensive}
}

// tellAgain is the time between two operational events about one schema.
const tellAgain = time.Hour

// schemaChecks counts the verdicts of a route.
type schemaChecks struct {
	app     *App
	label   string // of metrics
	mode    gateway.SchemaMode
	metrics map[string]prometheus.Counter
	counts  map[string]*schemaCount // by address; "" for types without a schema
}

// schemaCount counts the verdicts of one schema of a source. It outlives the
// configuration, as long as the schema stays the same.
type schemaCount struct {
	since                     time.Time
	valid, invalid, expensive atomic.Int64
	last                      atomic.Int64 // Unix nanoseconds of the last check

	mu                sync.Mutex
	told              time.Time
	accepted, refused int64 // when that was told
}

type schemaKey struct{ tenant, label, address, sha256 string }

// schemaCounts has the counts of all sources.
var schemaCounts = caddy.NewUsagePool()

// Destruct implements [caddy.Destructor].
func (c *schemaCount) Destruct() error { return nil }

// countSchemas sets up the counting of a route's verdicts, and its shadow.
func (h *Handler) countSchemas(v *validator, cfg *gateway.Config) error {
	h.validator = v
	if len(v.sets) > 0 {
		v.checks = &schemaChecks{
			app: h.app, label: cfg.Source, mode: cmp.Or(cfg.OnInvalid, gateway.OnInvalidQuarantine),
			metrics: make(map[string]prometheus.Counter), counts: make(map[string]*schemaCount),
		}
		for _, verdict := range verdicts() {
			v.checks.metrics[verdict] = h.app.metrics.checks.WithLabelValues(cfg.Source, verdict)
		}
		infos := []schemas.Info{{}}
		for _, set := range v.sets {
			infos = append(infos, set.Schemas()...)
		}
		for _, info := range infos {
			count, err := keepSchemaState(h.app, schemaKey{cfg.Tenant, cfg.Source, info.Schema, info.SHA256}, func() *schemaCount { return &schemaCount{since: time.Now()} })
			if err != nil {
				return err
			}
			v.checks.counts[info.Schema] = count
		}
	}
	return h.castShadow(v, cfg.Tenant, cfg.Source)
}

// keepSchemaState returns what is kept under a key, which is given back when the app
// is released.
func keepSchemaState[T caddy.Destructor](a *App, key any, construct func() T) (T, error) {
	val, _, err := schemaCounts.LoadOrNew(key, func() (caddy.Destructor, error) { return construct(), nil })
	if err != nil {
		var none T
		return none, err
	}
	a.schemaKeys = append(a.schemaKeys, key)
	state, ok := val.(T)
	if !ok {
		return state, errors.New("the counts of schemas hold something else")
	}
	return state, nil
}

// releaseSchemas gives the counts back.
func (a *App) releaseSchemas() error {
	var problems []error
	for _, key := range a.schemaKeys {
		_, err := schemaCounts.Delete(key)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// add counts what was found, and tells operators when a schema begins to refuse.
func (s *schemaChecks) add(e *gateway.Event, found gateway.Validation) {
	c := s.counts[found.Schema]
	c.last.Store(e.Received.UnixNano())
	switch {
	case found.Err == nil && found.Schema == "":
		c.valid.Add(1)
		s.metrics[verdictNone].Inc()
	case found.Err == nil:
		c.valid.Add(1)
		s.metrics[verdictValid].Inc()
	case errors.Is(found.Err, schemas.ErrTooExpensive):
		c.expensive.Add(1)
		s.metrics[verdictExpensive].Inc()
	default:
		c.invalid.Add(1)
		s.metrics[verdictInvalid].Inc()
	}
	if found.Err == nil {
		return
	}
	if accepted, refused, due := c.due(e.Received); due {
		s.tell(e, found, accepted, refused)
	}
}

// due reports whether it is time to tell that the schema refuses, and what has been
// counted since that was told last.
func (c *schemaCount) due(now time.Time) (accepted, refused int64, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.told.IsZero() && now.Sub(c.told) < tellAgain {
		return 0, 0, false
	}
	accepted, refused = c.valid.Load()-c.accepted, c.invalid.Load()+c.expensive.Load()-c.refused
	c.told, c.accepted, c.refused = now, c.accepted+accepted, c.refused+refused
	return accepted, refused, true
}

func (s *schemaChecks) tell(e *gateway.Event, found gateway.Validation, accepted, refused int64) {
	data := map[string]any{
		"schema": found.Schema, "sha256": found.SHA256, "on_invalid": cmp.Or(found.Mode, s.mode),
		"accepted": accepted, "refused": refused,
		"event_id": e.ID, "event_type": e.Type,
		"violations": violationsOf(found.Err),
	}
	if list := violationsOf(found.Err); len(list) == 0 {
		data["error"] = found.Err.Error()
	}
	s.app.publisherOf(e.Tenant, e.Source).notify(natspub.OpsEvent{
		Tenant: e.Tenant, Source: e.Source, Name: "schema_invalid",
		Key: found.Schema + " " + e.Received.UTC().Format(time.RFC3339Nano), Data: data,
	})
}

// violation is a [schemas.Violation] as the admin API and operational events show
// it.
type violation struct {
	Pointer string   `json:"pointer"`
	Keyword string   `json:"keyword"`
	Schema  string   `json:"schema,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// violationsOf returns the violations; none if the payload could not be judged.
func violationsOf(err error) []violation {
	list := []violation{}
	if invalid, ok := errors.AsType[*schemas.Invalid](err); ok {
		for _, v := range invalid.Violations {
			list = append(list, violation(v))
		}
	}
	return list
}

var (
	_ gateway.Validator = (*validator)(nil)
	_ caddy.Destructor  = (*schemaCount)(nil)
)
