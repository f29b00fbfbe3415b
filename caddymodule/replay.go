package caddymodule

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

const (
	// planPatience bounds what a dry run may take; Caddy's admin server ends a
	// request's context after ten seconds.
	planPatience = 2 * time.Minute
	// replayStopPatience is how long the end of a configuration waits for its
	// replays to say where they are.
	replayStopPatience = 5 * time.Second
	// mostReplays is how many may run at one time.
	mostReplays = 8
	// replayShare is the part of an embedded server's store that what was replayed
	// may take.
	replayShare = 4
)

// replays are the jobs that a configuration works on.
type replays struct {
	mu     sync.Mutex
	closed bool
	places int // taken, also by those that are being begun
	jobs   map[string]*runningReplay
	work   sync.WaitGroup
}

type runningReplay struct {
	replay *natspub.Replay
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// replayStatus is a job, and whether this process works on it.
type replayStatus struct {
	natspub.ReplayState
	Active bool `json:"active"`
}

// show hides what may be a token.
func show(st natspub.ReplayState) natspub.ReplayState {
	if before, query, _ := strings.Cut(st.Spec.To, "?"); query != "" {
		st.Spec.To = before + "?hidden"
	}
	return st
}

// adminReplay answers POST /webhooks/replay: it begins a job, or says what one
// would do.
func (a *App) adminReplay(_ http.ResponseWriter, r *http.Request) (any, error) {
	var req cli.ReplayRequest
	if err := adminBody(r, &req); err != nil {
		return nil, err
	}
	at, replayer, err := a.replayer(req.Connection, req.By)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), planPatience)
	defer cancel()
	if req.DryRun {
		plan, err := replayer.Plan(ctx, req.ReplaySpec)
		if err != nil && ctx.Err() != nil {
			return nil, apiError(http.StatusGatewayTimeout, "counting the events took longer than %s, and %d were counted: narrow it down with from_seq, since, tenants or sources", planPatience, plan.Events)
		}
		return plan, replayError(err)
	}
	return at.startReplay(func() (*natspub.Replay, error) { return replayer.Begin(ctx, req.ReplaySpec) })
}

// adminReplays answers GET /webhooks/replay with the jobs.
func (a *App) adminReplays(_ http.ResponseWriter, r *http.Request) (any, error) {
	at, replayer, err := a.replayer(r.URL.Query().Get("connection"), "")
	if err != nil {
		return nil, err
	}
	list, err := replayer.Jobs(r.Context())
	if err != nil {
		return nil, replayError(err)
	}
	answer := struct {
		Jobs []replayStatus `json:"jobs"`
	}{Jobs: []replayStatus{}}
	for _, st := range list {
		answer.Jobs = append(answer.Jobs, replayStatus{show(st), at.replays.find(st.Job) != nil})
	}
	return answer, nil
}

// adminReplayJob answers GET /webhooks/replay/{job}.
func (a *App) adminReplayJob(_ http.ResponseWriter, r *http.Request) (any, error) {
	at, replayer, err := a.replayer(r.URL.Query().Get("connection"), "")
	if err != nil {
		return nil, err
	}
	if run := at.replays.find(r.PathValue("job")); run != nil {
		return replayStatus{show(run.replay.State()), true}, nil
	}
	st, err := replayer.Job(r.Context(), r.PathValue("job"))
	return replayStatus{show(st), false}, replayError(err)
}

// adminReplayResume answers POST /webhooks/replay/{job}/resume.
func (a *App) adminReplayResume(_ http.ResponseWriter, r *http.Request) (any, error) {
	var req cli.ReplayJob
	if err := adminBody(r, &req); err != nil {
		return nil, err
	}
	at, replayer, err := a.replayer(req.Connection, req.By)
	if err != nil {
		return nil, err
	}
	if run := at.replays.find(r.PathValue("job")); run != nil {
		return replayStatus{show(run.replay.State()), true}, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), planPatience)
	defer cancel()
	return at.startReplay(func() (*natspub.Replay, error) { return replayer.Reopen(ctx, r.PathValue("job")) })
}

// adminReplayStop answers POST /webhooks/replay/{job}/stop when the job has
// stopped.
func (a *App) adminReplayStop(_ http.ResponseWriter, r *http.Request) (any, error) {
	var req cli.ReplayJob
	if err := adminBody(r, &req); err != nil {
		return nil, err
	}
	at, replayer, err := a.replayer(req.Connection, req.By)
	if err != nil {
		return nil, err
	}
	if run := at.replays.find(r.PathValue("job")); run != nil {
		run.cancel(natspub.ErrReplayHalted)
		select {
		case <-run.done:
		case <-r.Context().Done():
			return nil, apiError(http.StatusServiceUnavailable, "%s is stopping, and NATS does not take the word of it yet: look at it again", r.PathValue("job"))
		}
		return replayStatus{show(run.replay.State()), false}, nil
	}
	st, err := replayer.Job(r.Context(), r.PathValue("job"))
	if err == nil && st.Status == natspub.ReplayRunning {
		return nil, apiError(http.StatusConflict, "%s does not run in this process; its record says that it runs, from %s", st.Job, st.Updated.Format(time.RFC3339))
	}
	return replayStatus{show(st), false}, replayError(err)
}

// replayer returns the app of the connection, and what replays there.
func (a *App) replayer(connection, by string) (*App, *natspub.Replayer, error) {
	at, s, err := a.connected(connection)
	if err != nil {
		return nil, nil, err
	}
	if len(by) > largestOperator {
		return nil, nil, apiError(http.StatusBadRequest, "the name of who does it may have %d bytes", largestOperator)
	}
	r, err := at.newReplayer(s, by)
	return at, r, err
}

// newReplayer returns what replays on the connection of this app.
func (a *App) newReplayer(s *session, by string) (*natspub.Replayer, error) {
	cfg := natspub.ReplayConfig{
		Conn: s.broker.conn, APIPrefix: a.settings.prefix, By: by, Logger: a.log,
		Sign: cli.ReplaySign(a.lookupProvider, nil),
	}
	if server := s.broker.server.Load(); server != nil {
		// What was replayed must not take the room of what comes in.
		cfg.MaxBytes = server.MaxStore() / replayShare
	}
	return natspub.NewReplayer(cfg)
}

// connected returns the app of the connection that is meant, and its session, if
// that has a broker to ask.
func (a *App) connected(connection string) (*App, *session, error) {
	at, err := a.chosen(connection)
	if err != nil {
		return nil, nil, err
	}
	s := at.session
	select {
	case <-s.broker.done:
	default:
		return nil, nil, apiError(http.StatusServiceUnavailable, "the broker is starting")
	}
	if s.broker.err != nil {
		return nil, nil, apiError(http.StatusServiceUnavailable, "%w", s.broker.err)
	}
	return at, s, nil
}

// lookupProvider finds a sender: the operator's own, or one of the catalogue.
func (a *App) lookupProvider(name string) (verifiers.Provider, error) {
	if a.main != nil {
		a = a.main
	}
	if p, ok := a.providers[name]; ok {
		return p, nil
	}
	if p, ok := providers.Lookup(name); ok {
		return p, nil
	}
	return verifiers.Provider{}, unknownProvider(name)
}

// replayError finds the status for an error.
func replayError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, natspub.ErrReplaySpec):
		return apiError(http.StatusBadRequest, "%w", err)
	case errors.Is(err, natspub.ErrNoReplay):
		return apiError(http.StatusNotFound, "%w", err)
	case errors.Is(err, natspub.ErrReplayTaken):
		return apiError(http.StatusConflict, "%w", err)
	}
	return apiError(http.StatusBadGateway, "%w", err)
}

// startReplay opens a job and works on it in the background.
func (a *App) startReplay(open func() (*natspub.Replay, error)) (any, error) {
	if !a.replays.enter() {
		return nil, apiError(http.StatusServiceUnavailable, "%d replays are running, or the configuration ends: try again later", mostReplays)
	}
	j, err := open()
	if err != nil {
		a.replays.leave()
		return nil, replayError(err)
	}
	if st := j.State(); st.Status == natspub.ReplayDone {
		a.replays.leave()
		return replayStatus{show(st), false}, nil
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	run := &runningReplay{replay: j, cancel: cancel, done: make(chan struct{})}
	if !a.replays.add(run) {
		cancel(errors.New("the configuration ends"))
	}
	st := j.State()
	a.noteReplay("replay_begin", st, nil)
	go func() {
		defer a.replays.leave()
		err := j.Run(ctx)
		a.replays.remove(run)
		cancel(nil)
		close(run.done)
		a.noteReplay("replay_end", j.State(), err)
	}()
	return replayStatus{show(st), true}, nil
}

// noteReplay tells the log and the operators' stream about a job. A URL is named
// by its host alone.
func (a *App) noteReplay(name string, st natspub.ReplayState, err error) {
	to := st.Spec.To
	if u, parseErr := url.Parse(to); parseErr == nil && u.Host != "" {
		to = u.Scheme + "://" + u.Host
	}
	attrs := []any{
		"job", st.Job, "by", st.By, "stream", st.Spec.Stream, "to", to, "status", st.Status,
		"position", st.Position, "last", st.Last, "sent", st.Sent, "refused", st.Refused,
	}
	if err != nil {
		a.log.Warn("replay", append(attrs, "event", name, "error", err)...)
	} else {
		a.log.Info("replay", append(attrs, "event", name)...)
	}
	a.notify(natspub.OpsEvent{Name: name, Data: map[string]any{
		"job": st.Job, "by": st.By, "stream": st.Spec.Stream, "to": to, "status": string(st.Status),
		"position": st.Position, "last": st.Last, "sent": st.Sent, "refused": st.Refused,
	}})
}

// stopReplays interrupts the jobs, so that the next configuration, or process, can
// go on with them, and waits until they have said where they are.
func (a *App) stopReplays() {
	r := &a.replays
	r.mu.Lock()
	r.closed = true
	jobs := slices.Collect(maps.Values(r.jobs))
	for _, run := range jobs {
		run.cancel(errors.New("the configuration ends"))
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(replayStopPatience):
	}
	for _, run := range jobs {
		if st := run.replay.State(); st.Interrupted {
			a.bequeath(st.Job, st.By)
		}
	}
}

// bequeath has the configuration that has this one's connection now go on with a
// job. Where there is none, as at the end of the process, it waits for somebody to
// resume it.
func (a *App) bequeath(job, by string) {
	heir := a.heir()
	if heir == nil || heir == a || !heir.lease.acquire() {
		return
	}
	go func() {
		defer heir.lease.giveBack()
		ctx, cancel := context.WithTimeout(context.Background(), planPatience)
		defer cancel()
		r, err := heir.newReplayer(heir.session, by)
		if err == nil {
			_, err = heir.startReplay(func() (*natspub.Replay, error) { return r.Reopen(ctx, job) })
		}
		if err != nil {
			heir.log.Warn("a replay does not go on by itself after the reload", "job", job, "error", err)
		}
	}()
}

// enter takes a place for one more job; leave gives it back.
func (r *replays) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.places >= mostReplays {
		return false
	}
	r.places++
	r.work.Add(1)
	return true
}

func (r *replays) leave() {
	r.mu.Lock()
	r.places--
	r.mu.Unlock()
	r.work.Done()
}

// add reports whether the job may go on.
func (r *replays) add(run *runningReplay) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jobs == nil {
		r.jobs = make(map[string]*runningReplay)
	}
	r.jobs[run.replay.State().Job] = run
	return !r.closed
}

func (r *replays) remove(run *runningReplay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if job := run.replay.State().Job; r.jobs[job] == run {
		delete(r.jobs, job)
	}
}

func (r *replays) find(job string) *runningReplay {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jobs[job]
}
