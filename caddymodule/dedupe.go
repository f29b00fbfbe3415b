package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// What became of a wish to forget an id.
const (
	forgetDone    = "forgotten" // the next delivery is stored
	forgetAgain   = "waiting"   // it was forgotten before, and has not come since
	forgetUnknown = "unknown"   // it is not remembered: the next delivery is stored anyway
	forgetSoon    = "soon"      // it is about to be forgotten by itself
)

const (
	dedupeTime    = 25 * time.Second // of one request to the admin API
	mostPlaces    = 64               // in which one request looks for an id
	largestID     = 4096
	forgetPattern = "_FORGOTTEN" // of the bucket, after the stream's name
)

// dedupeState is what is remembered of an id in one place.
type dedupeState struct {
	natspub.DedupeState
	// Connection is the name of the connection to NATS.
	Connection string `json:"connection"`
}

// dedupeAnswer is the answer of GET /webhooks/dedupe: the places where something
// is remembered of the id; if there is only one to look at, that.
type dedupeAnswer struct {
	States []dedupeState `json:"states"`
	// Looked are all places, as tenant/source.
	Looked []string `json:"looked"`
}

// forgetRequest is what POST /webhooks/dedupe/forget takes.
type forgetRequest struct {
	// ID is the provider's id of the event. Required.
	ID string `json:"id"`
	// Tenant and Source name the route. They may be left out if one place alone
	// remembers the id.
	Tenant string `json:"tenant,omitempty"`
	Source string `json:"source,omitempty"`
	// Connection is the name of the connection to NATS, if that is not clear.
	Connection string `json:"connection,omitempty"`
	// Reason and By say why and who, for the record. A reason is required.
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"`
}

// forgetAnswer says what became of it. State is that before.
type forgetAnswer struct {
	Result  string      `json:"result"`
	Problem string      `json:"problem,omitempty"`
	State   dedupeState `json:"state"`
}

// dedupePlace is where ids are remembered: those of a source, on a connection.
type dedupePlace struct {
	app            *App
	tenant, source string
	gone           bool // no route has it
}

func (p dedupePlace) String() string { return p.tenant + "/" + p.source }

// forgotten is where the publisher finds ids that were forgotten.
func (a *App) forgotten() natspub.ForgottenConfig {
	name := strings.Map(func(r rune) rune {
		if r != '-' && !gateway.IsName(string(r)) {
			return '_'
		}
		return r
	}, a.Stream.Name)
	return natspub.ForgottenConfig{Bucket: name + forgetPattern, Replicas: a.Stream.Replicas, Create: a.Stream.Create == "on"}
}

// dedupePlaces returns where an id may be remembered. Names that are not given
// are those of all routes that have one.
func (a *App) dedupePlaces(connection, tenant, source string) ([]dedupePlace, error) {
	var only *App
	if connection != "" {
		c, err := a.chosen(connection)
		if err != nil {
			return nil, err
		}
		only = c
	}
	var places []dedupePlace
	named := false // a route that tenants share has to be told whose event it is
	for _, h := range a.handlers {
		cfg := h.route.Config()
		if cfg.NoDedupe || cfg.NoPublish || only != nil && h.to != only {
			continue
		}
		t, fitsTenant := choose(h.tenantName, tenant)
		s, fitsSource := choose(h.sourceName, source)
		switch {
		case !fitsTenant || !fitsSource:
		case t == "" || s == "":
			named = true
		default:
			places = append(places, dedupePlace{app: h.to, tenant: t, source: s})
		}
	}
	slices.SortFunc(places, func(x, y dedupePlace) int {
		return cmp.Or(cmp.Compare(x.app.name, y.app.name), cmp.Compare(x.tenant, y.tenant), cmp.Compare(x.source, y.source))
	})
	places = slices.Compact(places)
	switch {
	case len(places) > mostPlaces:
		return nil, apiError(http.StatusBadRequest, "there are %d sources: name one", len(places))
	case len(places) > 0:
		return places, nil
	case named:
		return nil, apiError(http.StatusBadRequest, "the request says whose events such a route takes: name the tenant and the source")
	case source == "":
		return nil, apiError(http.StatusNotFound, "no route deduplicates events of it: name the tenant and the source of a route that there was before")
	}
	// A route that is not there any more.
	c, err := a.chosen(connection)
	if err != nil {
		return nil, err
	}
	return []dedupePlace{{app: c, tenant: cmp.Or(tenant, defaultTenant), source: source, gone: true}}, nil
}

// choose returns the name that is meant by what an operator gives, "" if that
// cannot be told, and whether the route's can be it.
func choose(of nameFrom, given string) (name string, fits bool) {
	if given != "" {
		return given, of.overlaps(nameFrom{before: given})
	}
	if of.dynamic() {
		return "", true
	}
	return of.String(), true
}

// dedupeOf returns the means to ask what is remembered.
func (a *App) dedupeOf() (*natspub.Dedupe, error) {
	if a.session == nil {
		return nil, apiError(http.StatusServiceUnavailable, "no route uses the connection to NATS")
	}
	a.session.mu.Lock()
	p, s := a.session.publisher, a.session.spool
	a.session.mu.Unlock()
	if p == nil {
		return nil, apiError(http.StatusServiceUnavailable, "NATS is not ready yet: try again")
	}
	var spool *natspub.Spool
	if s != nil {
		spool = s.spool
	}
	return natspub.NewDedupe(p, spool), nil
}

// adminDedupe answers GET /webhooks/dedupe.
func (a *App) adminDedupe(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	ctx, cancel := context.WithTimeout(r.Context(), dedupeTime)
	defer cancel()
	states, places, err := a.remembered(ctx, q.Get("connection"), q.Get("tenant"), q.Get("source"), q.Get("id"))
	if err != nil {
		return nil, err
	}
	answer := dedupeAnswer{States: states, Looked: []string{}}
	for _, p := range places {
		answer.Looked = append(answer.Looked, p.String())
	}
	return answer, nil
}

// remembered looks for an id. Of several places only those are returned that
// remember something.
func (a *App) remembered(ctx context.Context, connection, tenant, source, id string) ([]dedupeState, []dedupePlace, error) {
	if id == "" || len(id) > largestID {
		return nil, nil, apiError(http.StatusBadRequest, "the id of the event is missing, or too long: write it as the provider does")
	}
	places, err := a.dedupePlaces(connection, tenant, source)
	if err != nil {
		return nil, nil, err
	}
	states := []dedupeState{}
	for _, p := range places {
		d, err := p.app.dedupeOf()
		if err != nil {
			return nil, nil, err
		}
		st, err := d.Inspect(ctx, p.tenant, p.source, id)
		if err != nil {
			return nil, nil, dedupeError(err)
		}
		known := len(st.Stored) > 0 || st.Generation > 0 || st.Spooled
		if p.gone && !known {
			return nil, nil, apiError(http.StatusNotFound, "no route that deduplicates has the source %s, and nothing is remembered of it: is it a mistake? `caddy webhooks dedupe` without --source looks at all routes", p)
		}
		if len(places) == 1 || known {
			states = append(states, dedupeState{st, p.app.label()})
		}
	}
	return states, places, nil
}

func dedupeError(err error) error {
	switch {
	case errors.Is(err, natspub.ErrCannotForget):
		return apiError(http.StatusConflict, "%w", err)
	case errors.Is(err, natspub.ErrDedupeServer):
		return apiError(http.StatusNotImplemented, "%w", err)
	}
	return apiError(http.StatusServiceUnavailable, "%w", err)
}

// adminForget answers POST /webhooks/dedupe/forget.
func (a *App) adminForget(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request forgetRequest
	if err := adminBody(r, &request); err != nil {
		return nil, err
	}
	if err := request.check(); err != nil {
		return nil, apiError(http.StatusBadRequest, "%w", err)
	}
	// It must not be left halfway because the operator does not wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), dedupeTime)
	defer cancel()
	states, places, err := a.remembered(ctx, request.Connection, request.Tenant, request.Source, request.ID)
	if err != nil {
		return nil, err
	}
	var place dedupePlace
	switch len(states) {
	case 0:
		return forgetAnswer{Result: forgetUnknown, Problem: fmt.Sprintf("%v, looked at %v", natspub.ErrNotRemembered, places), State: dedupeState{DedupeState: natspub.DedupeState{ID: request.ID}}}, nil
	case 1:
		place = places[slices.IndexFunc(places, func(p dedupePlace) bool {
			return p.app.label() == states[0].Connection && p.tenant == states[0].Tenant && p.source == states[0].Source
		})]
	default:
		var names []string
		for _, st := range states {
			names = append(names, st.Tenant+"/"+st.Source+" on "+st.Connection)
		}
		return nil, apiError(http.StatusConflict, "several sources know this id: name one of %s", strings.Join(names, ", "))
	}
	d, err := place.app.dedupeOf()
	if err != nil {
		return nil, err
	}
	st, again, err := d.Forget(ctx, place.tenant, place.source, request.ID, request.By, request.Reason)
	answer := forgetAnswer{Result: forgetDone, State: dedupeState{st, place.app.label()}}
	switch {
	case errors.Is(err, natspub.ErrNotRemembered), errors.Is(err, natspub.ErrStillSpooled):
		answer.Result, answer.Problem = forgetUnknown, err.Error()
	case errors.Is(err, natspub.ErrSoonForgotten):
		answer.Result, answer.Problem = forgetSoon, err.Error()
	case err != nil:
		a.log.Warn("forgetting an id", "tenant", place.tenant, "source", place.source, "event_id", request.ID, "by", request.By, "error", err)
		return nil, dedupeError(err)
	case again:
		answer.Result = forgetAgain
	default:
		a.recordForget(ctx, place, &request, &st)
	}
	return answer, nil
}

func (r *forgetRequest) check() error {
	switch {
	case strings.TrimSpace(r.Reason) == "":
		return errors.New("give a reason, for the record")
	case len(r.Reason) > largestReason || len(r.By) > largestOperator:
		return fmt.Errorf("the reason may have %d bytes, and the name of who does it %d", largestReason, largestOperator)
	}
	return nil
}

// recordForget says who had what forgotten and why: in the log, and as an
// operational event.
func (a *App) recordForget(ctx context.Context, place dedupePlace, request *forgetRequest, st *natspub.DedupeState) {
	original := st.Stored[0] // what is not known is not forgotten
	a.log.LogAttrs(ctx, slog.LevelInfo, "an id is forgotten: its next delivery is stored as a new event",
		slog.String("tenant", place.tenant), slog.String("source", place.source), slog.String("event_id", request.ID),
		slog.Int("generation", st.Generation+1), slog.String("stream", original.Stream), slog.Uint64("stream_seq", original.Sequence),
		slog.String("reason", request.Reason), slog.String("by", request.By))
	err := place.app.ops.Load().Record(ctx, natspub.OpsEvent{
		Tenant: place.tenant, Source: place.source, Name: "dedupe_forget",
		Key: fmt.Sprintf("%s %d", st.MessageID, st.Generation+1),
		Data: map[string]any{
			"event_id": request.ID, "event_type": original.Type, "generation": st.Generation + 1,
			"original_stream": original.Stream, "original_sequence": original.Sequence, "request_id": original.RequestID,
			"reason": request.Reason, "by": request.By,
		},
	})
	if err != nil {
		a.log.Warn("the record of an id that was forgotten is in the log alone", "event_id", request.ID, "error", err)
	}
}
