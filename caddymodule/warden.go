package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// warden does one thing with events in quarantine, in the order in which they
// came. An event is published first, then there is a record of it, and then it is
// removed: whatever ends in between, the next try publishes a duplicate, which is
// none, and goes on.
type warden struct {
	app        *App // has the routes
	connection *App // has the broker
	q          *natspub.Quarantine
	action     string
	request    *quarantineRequest
	unverified gateway.Publisher // made when it is needed
	// waiting says why the events of a source, as tenant/source, stay for now.
	waiting map[string]string
}

// work goes on as long as there is time and the caller listens.
func (w *warden) work(ctx, caller context.Context) (*quarantineAnswer, error) {
	answer := &quarantineAnswer{Results: []quarantineResult{}, DryRun: w.request.DryRun}
	slices.Sort(w.request.Sequences)
	rate := w.request.Rate
	if rate == 0 {
		rate = defaultReleases
	}
	pause := time.Second / time.Duration(rate)
	end := time.Now().Add(quarantineTime)
	next := w.chosen
	if w.request.All {
		next = w.filtered
	}
	from := max(w.request.From, 1)
	for {
		sequence, k, err := next(ctx, from)
		switch {
		case sequence == 0 && err == nil:
			return answer, nil
		case err != nil:
			return nil, brokerError(err)
		case len(answer.Results) >= largestPage || time.Now().After(end) || caller.Err() != nil:
			answer.Next = sequence
			return answer, nil
		}
		from = sequence + 1
		started := time.Now()
		result := quarantineResult{Sequence: sequence, Result: resultGone}
		if k != nil {
			result = w.one(ctx, k)
		}
		answer.Results = append(answer.Results, result)
		w.app.metrics.quarantine.actions.WithLabelValues(w.action, result.Result).Inc()
		if result.Result == resultFailed {
			// What follows would overtake it, and would fail as well.
			answer.Stopped, answer.Next = result.Problem, sequence
			return answer, nil
		}
		if result.Result == resultPublished && !w.request.DryRun {
			time.Sleep(max(pause-time.Since(started), 0))
		}
	}
}

// chosen returns the next of the events that were named.
func (w *warden) chosen(ctx context.Context, from uint64) (uint64, *natspub.Kept, error) {
	i, _ := slices.BinarySearch(w.request.Sequences, from)
	if i == len(w.request.Sequences) {
		return 0, nil, nil
	}
	sequence := w.request.Sequences[i]
	if sequence == 0 {
		return w.chosen(ctx, 1)
	}
	k, err := w.q.Get(ctx, sequence)
	if errors.Is(err, natspub.ErrNoEntry) {
		return sequence, nil, nil
	}
	return sequence, k, err
}

// filtered returns the next of the events that the filter chooses.
func (w *warden) filtered(ctx context.Context, from uint64) (uint64, *natspub.Kept, error) {
	k, err := w.q.Next(ctx, from, natspub.KeptFilter{Tenant: w.request.Tenant, Source: w.request.Source, Reason: w.request.Kind})
	switch {
	case errors.Is(err, natspub.ErrNoEntry):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	}
	return k.Sequence, k, nil
}

// one does it with one event.
func (w *warden) one(ctx context.Context, k *natspub.Kept) quarantineResult {
	// Only the cluster can say whether an id belongs to another event, and that has to
	// be known before the event is removed.
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, pastSpool{}, true), oneReleaseTime)
	defer cancel()
	r := quarantineResult{Sequence: k.Sequence, Kind: k.Reason}
	switch w.action {
	case actionRetry:
		w.retry(ctx, k, &r)
	case actionRelease:
		w.release(ctx, k, &r)
	case actionDrop:
		r.Result = resultDropped
	}
	if w.request.DryRun || r.Result != resultPublished && r.Result != resultDuplicate && r.Result != resultDropped {
		return r
	}
	w.record(ctx, k, &r)
	if err := w.q.Remove(ctx, k.Sequence); err != nil {
		r.Result, r.Problem = resultFailed, fmt.Sprintf("it is %s, but not yet removed: do it again: %v", r.Result, err)
	}
	return r
}

// retry takes the event through its route again.
func (w *warden) retry(ctx context.Context, k *natspub.Kept, r *quarantineResult) {
	source := k.Tenant + "/" + k.Source
	if problem := w.waiting[source]; problem != "" {
		r.Result, r.Problem = resultKept, problem
		return
	}
	res, err := w.throughRoutes(ctx, k)
	if err != nil {
		r.Result, r.Problem = resultKept, err.Error()
		if !errors.Is(err, errNoRoute) && !errors.Is(err, gateway.ErrUnknownTenant) {
			w.wait(source, r.Problem)
		}
		return
	}
	if res.Err != nil {
		r.Problem = res.Err.Error()
	}
	if res.Ack.Conflict {
		r.Problem += fmt.Sprintf("; that is %d in %s", res.Ack.Sequence, res.Ack.Stream)
	} else {
		r.Stream, r.StreamSequence = res.Ack.Stream, res.Ack.Sequence
	}
	switch o := res.Outcome; {
	case o == gateway.Accepted, o == gateway.Spooled, o == gateway.PassedThrough && w.request.DryRun, o == gateway.EmptyBatch:
		r.Result = resultPublished
	case o == gateway.Duplicate:
		r.Result = resultDuplicate
	case o == gateway.Quarantined && res.Batch != nil:
		r.Result = resultPublished // its events are in quarantine, each by itself
	case o == gateway.Quarantined:
		r.Result, r.Kind = resultKept, res.Reason
	case o == gateway.Dropped:
		r.Result, r.Problem = resultKept, "the route's filter does not want it: drop it"
	case o == gateway.Undecidable:
		r.Result = resultKept
		w.wait(source, r.Problem)
	case o.Retryable() && o != gateway.Internal:
		r.Result = resultFailed
	default:
		r.Result = resultKept
	}
}

// wait keeps what follows from a source of which an event cannot be verified now.
// In a moment it may be possible again, and the event would be overtaken.
func (w *warden) wait(source, problem string) {
	if w.waiting == nil {
		w.waiting = make(map[string]string)
	}
	w.waiting[source] = "it waits for an earlier event of its source: " + problem
}

// throughRoutes takes the event through the routes of its source, of which there
// may be several with secrets of their own, until one finds it authentic. The
// error says that there is none, or that its secrets cannot be found.
func (w *warden) throughRoutes(ctx context.Context, k *natspub.Kept) (res gateway.Result, problem error) {
	problem = errNoRoute
	found := false
	for _, h := range w.app.handlersOf(w.connection, k.Tenant, k.Source) {
		route := h.route
		if h.tenants != nil {
			var err error
			if route, err = h.tenants.Route(ctx, k.Tenant, k.Source); err != nil {
				problem = fmt.Errorf("finding the secrets of the tenant: %w", err)
				continue
			}
		}
		again := route.Retry(ctx, k.Entry, w.request.DryRun)
		if found && again.Outcome == gateway.BadSignature {
			continue
		}
		if res, found = again, true; again.Outcome != gateway.BadSignature {
			break
		}
	}
	if found {
		problem = nil
	}
	return res, problem
}

// release publishes the event as it is.
func (w *warden) release(ctx context.Context, k *natspub.Kept, r *quarantineResult) {
	to, err := w.publisherFor(ctx, k)
	if err != nil {
		r.Result, r.Problem = resultFailed, err.Error()
		return
	}
	if w.request.DryRun {
		to = dryPublisher{}
	}
	if list := w.app.handlersOf(w.connection, k.Tenant, k.Source); len(list) > 0 {
		k.Partitions, k.Stream = list[0].Partitions, list[0].Stream // consumers read those of now
	}
	ack, err := gateway.Release(ctx, to, k.Entry, w.request.NewID, w.request.Unverified)
	if err == nil && !w.request.DryRun {
		r.Stream, r.StreamSequence = ack.Stream, ack.Sequence
	}
	switch {
	case err == nil && ack.Duplicate:
		r.Result = resultDuplicate
	case err == nil:
		r.Result = resultPublished
	case errors.Is(err, gateway.ErrUnverifiedRelease), errors.Is(err, gateway.ErrCompressed), errors.Is(err, gateway.ErrTaken), errors.Is(err, gateway.ErrNotUnverified),
		errors.Is(err, gateway.ErrTooLarge):
		r.Result, r.Problem = resultKept, err.Error()
	default:
		r.Result, r.Problem = resultFailed, err.Error()
	}
}

// publisherFor returns who publishes a released event.
func (w *warden) publisherFor(ctx context.Context, k *natspub.Kept) (gateway.Publisher, error) {
	if k.Reason != natspub.SignatureReason || !w.request.Unverified || w.request.DryRun {
		return routed{w.connection.publisher, natspub.SpoolOff}, nil
	}
	if w.unverified == nil {
		_, cfg, _ := w.connection.streams()
		if cfg.Name == "" {
			cfg = w.connection.UnverifiedStream.translate(w.connection.window(), false)
		}
		p, err := w.q.Unverified(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("the stream for unverified events: %w", err)
		}
		w.unverified = p
	}
	return w.unverified, nil
}

// record says who did what and why: in the log, and as an operational event. One
// that is not stored does not stop what is done.
func (w *warden) record(ctx context.Context, k *natspub.Kept, r *quarantineResult) {
	data := map[string]any{
		"sequence": k.Sequence, "kind": k.Reason, "request_id": k.IngestID, "event_id": k.ID, "event_type": k.Type,
		"result": r.Result, "reason": w.request.Reason, "by": w.request.By,
	}
	if r.Stream != "" {
		data["stream"], data["stream_sequence"] = r.Stream, r.StreamSequence
	}
	if w.request.Unverified {
		data["unverified"] = true
	}
	attrs := []slog.Attr{slog.String("action", w.action), slog.String("tenant", k.Tenant), slog.String("source", k.Source)}
	for _, name := range []string{"sequence", "kind", "request_id", "event_id", "result", "stream", "stream_sequence", "unverified", "reason", "by"} {
		if v, ok := data[name]; ok {
			attrs = append(attrs, slog.Any(name, v))
		}
	}
	w.app.log.LogAttrs(ctx, slog.LevelInfo, "quarantine", attrs...)
	err := w.connection.ops.Load().Record(ctx, natspub.OpsEvent{
		Tenant: k.Tenant, Source: k.Source, Name: quarantineAction + w.action,
		Key: fmt.Sprintf("%s %d %s", k.IngestID, k.Sequence, w.action), Data: data,
	})
	if err != nil {
		w.app.log.Warn("the record of what was done in quarantine is in the log alone", "sequence", k.Sequence, "error", err)
	}
}

var errNoRoute = errors.New("no route of the running configuration has this tenant and source: add it, or release the event")

// handlersOf returns the handlers for the events of a source: those that publish
// on the connection, if there are any, and those that name it before those of
// which the request says whose it is.
func (a *App) handlersOf(connection *App, tenant, source string) []*Handler {
	var here, elsewhere []*Handler
	for _, dynamic := range []bool{false, true} {
		for _, h := range a.handlers {
			switch {
			case dynamic != (h.tenantName.dynamic() || h.sourceName.dynamic()):
			case !h.tenantName.overlaps(nameFrom{before: tenant}) || !h.sourceName.overlaps(nameFrom{before: source}):
			case h.to == connection:
				here = append(here, h)
			default:
				elsewhere = append(elsewhere, h)
			}
		}
	}
	if len(here) > 0 {
		return here
	}
	return elsewhere
}

// verifierAt returns what makes a verifier for which it is another time.
func verifierAt(p verifiers.Provider, cfg verifiers.Config) func(time.Time) (verifiers.Verifier, error) {
	return func(at time.Time) (verifiers.Verifier, error) {
		then := cfg
		then.Time = func() time.Time { return at }
		return p.New(then)
	}
}

// dryPublisher takes everything and stores nothing.
type dryPublisher struct{ gateway.Publisher }

// Publish implements [gateway.Publisher].
func (dryPublisher) Publish(context.Context, *gateway.Event) (gateway.Ack, error) {
	return gateway.Ack{Stream: "-"}, nil
}
