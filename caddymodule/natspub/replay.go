package natspub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The roots of subjects to which events are replayed, by the root that they
// have. They differ in their first token from those of events that just came in,
// so that no consumer takes the one for the other without wanting to.
const (
	ReplayRoot           = "wh-replay.v1"
	UnverifiedReplayRoot = "wh-replay-unverified.v1"
)

// ReplayStream is the stream of the replay roots, which is made when it is
// needed.
const ReplayStream = "WEBHOOKS_REPLAY"

// Headers of replayed events.
const (
	headerReplay    = "ce-whreplay"    // the job
	headerReplaySeq = "ce-whreplayseq" // the sequence in the stream that it was read from
)

const (
	replayMaxAge = 7 * 24 * time.Hour
	// replayWindow is how long a replay may be interrupted without an event that
	// was on its way being stored twice.
	replayWindow = 24 * time.Hour
	// replayBatch is how many events are on their way to a subject at one time,
	// and replayBytes about how many bytes.
	replayBatch = 128
	replayBytes = 4 << 20
	// replayQuiet is how long a request for events waits, and replayQuietest after
	// how many in vain another server is asked.
	replayQuiet    = time.Second
	replayQuietest = 2
	// replayQuestion bounds a question to a server that may be busy, replayAlone is
	// after what time without requests it ends what reads, and replayReading for how
	// long it is tried to read.
	replayQuestion = 5 * time.Second
	replayAlone    = 30 * time.Second
	replayReading  = 2 * time.Minute
)

// Errors of replays.
var (
	// ErrReplaySpec: what is asked for contradicts itself, or is not allowed.
	ErrReplaySpec = errors.New("this cannot be replayed")
	// ErrReplayTaken: another process has gone on with the job.
	ErrReplayTaken = errors.New("another process has taken the replay over")
	// ErrReplayRefused: the target does not take an event, and another try would
	// not change that.
	ErrReplayRefused = errors.New("the target refuses an event")
	// ErrReplayFailed: the target took no event for as long as was tried.
	ErrReplayFailed = errors.New("the target does not take events")
	// ErrReplayHalted, as the cause of a context that ends, means that somebody has
	// stopped the job: it is not only interrupted.
	ErrReplayHalted = errors.New("it was stopped")
	// ErrNoReplay: there is no such job.
	ErrNoReplay = errors.New("there is no such replay")
)

// ReplayConfig describes a Replayer.
type ReplayConfig struct {
	// Conn is the connection to read from and to keep jobs on; it stays the
	// caller's. Required.
	Conn *nats.Conn
	// APIPrefix is where JetStream is asked, such as `$JS.hub.API`; "" means
	// `$JS.API`.
	APIPrefix string
	// MaxBytes bounds the stream of the replay roots where it has to be made; zero
	// means that only the store is a limit.
	MaxBytes int64
	// By says who replays, for the record of the job.
	By string
	// Sign, for a job that asks for it, returns what signs its requests; signing is
	// ReplaySpec.Signing.
	Sign func(signing json.RawMessage) (ReplaySign, error)
	// Client sends to URLs. It must not follow redirects. Nil means one that gives
	// an answer 30 s.
	Client *http.Client
	// Progress, if not nil, is called after each event or batch of events, when
	// the job's state is stored, and at the end. It should be quick.
	Progress func(ReplayState)
	// Logger gets what no caller is told. Nil means that nobody does.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// ReplaySign signs a request with the body as the provider would, at the given
// time. It may change its headers, its URL's query and its body.
type ReplaySign func(r *http.Request, provider string, body []byte, at time.Time) error

// Replayer sends events of a stream once more, to a subject or to a URL. What it
// has done is kept in JetStream, so that another process can go on.
type Replayer struct {
	cfg ReplayConfig
	js  jetstream.JetStream
}

// NewReplayer returns a Replayer. The error means that cfg lacks something.
func NewReplayer(cfg ReplayConfig) (*Replayer, error) {
	if cfg.Conn == nil {
		return nil, errors.New("replaying: no connection")
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(ReplayState) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.APIPrefix == "" {
		cfg.APIPrefix = jetstream.DefaultAPIPrefix
	}
	js, err := jetstream.NewWithAPIPrefix(cfg.Conn, strings.TrimSuffix(cfg.APIPrefix, ".")+".")
	if err != nil {
		return nil, fmt.Errorf("replaying: %w", err)
	}
	return &Replayer{cfg: cfg, js: js}, nil
}

// Begin makes a job that replays what spec selects of the events that are in the
// stream now, in their order. Call Run on it, or it looks as if it was killed. An
// error that wraps [ErrReplaySpec] says what is wrong with spec.
func (r *Replayer) Begin(ctx context.Context, spec ReplaySpec) (_ *Replay, err error) {
	defer r.explain(&err)()
	if err := spec.complete(); err != nil {
		return nil, err
	}
	stream, err := r.source(ctx, spec.Stream)
	if err != nil {
		return nil, err
	}
	info := stream.CachedInfo()
	now := r.cfg.Now().UTC()
	job := "replay-" + now.Format("20060102T150405") + "-" + strings.ToLower(rand.Text()[:6])
	if err := spec.to(job, info.Config.Subjects); err != nil {
		return nil, err
	}
	st := ReplayState{
		Job: job, By: r.cfg.By, Created: now, Spec: spec,
		Source: info.Created.UTC(), Last: info.State.LastSeq, Status: ReplayRunning,
	}
	if spec.ToSeq > 0 {
		st.Last = min(st.Last, spec.ToSeq)
	}
	target, err := r.target(ctx, &st)
	if err != nil {
		return nil, err
	}
	jobs, err := r.jobs(ctx, info.Config.Replicas)
	if err != nil {
		return nil, err
	}
	record, err := jobs.create(ctx, st)
	if err != nil {
		return nil, err
	}
	return &Replay{r: r, stream: stream, target: target, record: record}, nil
}

// Reopen returns a job to go on with where it was stopped or killed; call Run on
// it. It waits a few seconds where the job looks as if it was running. An error
// that wraps [ErrNoReplay] means that there is none of this name, and one that
// wraps [ErrReplayTaken] that it is running. A job that is done stays so.
func (r *Replayer) Reopen(ctx context.Context, job string) (_ *Replay, err error) {
	defer r.explain(&err)()
	jobs, err := r.jobs(ctx, 0)
	if err != nil {
		return nil, err
	}
	st, err := jobs.get(ctx, job)
	if err != nil {
		return nil, err
	}
	if st.Status == ReplayDone {
		return &Replay{r: r, record: &replayRecord{jobs: jobs, st: st}}, nil
	}
	// Others may be able to write the record.
	if err := st.Spec.complete(); err != nil {
		return nil, err
	}
	stream, err := r.source(ctx, st.Spec.Stream)
	if err != nil {
		return nil, err
	}
	if created := stream.CachedInfo().Created.UTC(); !created.Equal(st.Source) {
		return nil, fmt.Errorf("%w: the stream %s was made anew at %s, so that its sequences are others", ErrReplaySpec, st.Spec.Stream, created.Format(time.RFC3339))
	}
	if err := st.Spec.to(job, stream.CachedInfo().Config.Subjects); err != nil {
		return nil, err
	}
	target, err := r.target(ctx, &st)
	if err != nil {
		return nil, err
	}
	record, err := jobs.take(ctx, job, r.cfg.By)
	if err != nil {
		return nil, err
	}
	return &Replay{r: r, stream: stream, target: target, record: record}, nil
}

// Job returns a job. The error wraps [ErrNoReplay] if there is none of this name.
func (r *Replayer) Job(ctx context.Context, job string) (ReplayState, error) {
	jobs, err := r.jobs(ctx, 0)
	if err != nil {
		return ReplayState{}, err
	}
	return jobs.get(ctx, job)
}

// Jobs returns the jobs that are remembered, which is for 30 days, the newest
// first.
func (r *Replayer) Jobs(ctx context.Context) (_ []ReplayState, err error) {
	defer r.explain(&err)()
	jobs, err := r.jobs(ctx, 0)
	if errors.Is(err, ErrNoReplay) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return jobs.list(ctx)
}

// explain returns a function that adds to an error, when one has come of it, that
// the server has denied something meanwhile: what is not permitted is not answered.
func (r *Replayer) explain(err *error) func() {
	before := r.cfg.Conn.LastError()
	return func() {
		switch denied := r.denied(before); {
		case *err == nil:
		case denied != nil:
			*err = fmt.Errorf("%w: %w", *err, denied)
		case r.cfg.Conn.Status() != nats.CONNECTED:
			*err = fmt.Errorf("%w: there is no connection to NATS now", *err)
		case errors.Is(*err, context.DeadlineExceeded):
			*err = fmt.Errorf("%w: NATS does not answer in time: is there a connection, and do most of its servers run?", *err)
		}
	}
}

// denied returns what the server has denied after the connection's last error was
// before, or nil.
func (r *Replayer) denied(before error) error {
	last := r.cfg.Conn.LastError()
	if !errors.Is(last, nats.ErrPermissionViolation) || last == before || //nolint:errorlint // another occurrence is another value
		strings.Contains(last.Error(), ".CONSUMER.DELETE.") { // nobody waits for that
		return nil
	}
	return fmt.Errorf("%w: allow this user what docs/permissions.md says of replays", last)
}

// source looks the stream up.
func (r *Replayer) source(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, question)
	defer cancel()
	s, err := r.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("%w: there is no stream %s", ErrReplaySpec, name)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the stream %s: %w", name, err)
	}
	return s, nil
}

// Replay is a job that this process works on.
type Replay struct {
	r      *Replayer
	stream jetstream.Stream // nil: it is done
	target replayTarget
	record *replayRecord
}

// State returns how far it is. It may be called at any time.
func (j *Replay) State() ReplayState { return j.record.state() }

// Run works on the job until it is done, or ctx ends, or the target does not take
// an event, or another process goes on with it ([ErrReplayTaken]). Unless it is
// done it can be reopened.
func (j *Replay) Run(ctx context.Context) error {
	if j.stream == nil {
		return nil
	}
	defer j.target.close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var beat sync.WaitGroup
	ended := make(chan struct{})
	beat.Go(func() { j.record.beat(ctx, ended, cancel) })
	err := j.r.work(ctx, j.stream, j.target, j.record)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrReplayTaken) {
		err = cause
	}
	close(ended)
	beat.Wait()
	if errors.Is(err, ErrReplayTaken) {
		return err
	}
	last, end := lasting(ctx)
	defer end()
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrReplayHalted) {
		err = cause
	}
	if stopped := j.record.end(last, err, err != nil && cause != nil && !errors.Is(cause, ErrReplayHalted)); stopped != nil {
		err = errors.Join(err, stopped)
	}
	j.r.cfg.Progress(j.record.state())
	return err
}

// work reads and sends until the end of the range.
func (r *Replayer) work(ctx context.Context, stream jetstream.Stream, target replayTarget, record *replayRecord) error {
	st := record.state()
	if first := stream.CachedInfo().State.FirstSeq; st.Position > 0 && first > st.Position+1 {
		r.cfg.Logger.Warn("events that were not replayed yet may have ended with their age", "job", st.Job, "stream", st.Spec.Stream, "from", st.Position+1, "to", first-1)
	}
	src := r.open(stream, &st, false)
	pace := pacer{rate: st.Spec.Rate}
	for {
		list, err := src.next(ctx, pace.atOnce(target.atOnce()))
		if err != nil {
			return err
		}
		if len(list) > 0 {
			if err := pace.wait(ctx, len(list)); err != nil {
				return err
			}
			if err := target.send(ctx, record, list); err != nil {
				return err
			}
		}
		if src.ended {
			return record.advance(ctx, st.Last, ReplayCounters{})
		}
		r.cfg.Progress(record.state())
	}
}

// pacer keeps to a rate in events for each second; 0 means that there is none.
type pacer struct {
	rate float64
	next time.Time
}

// atOnce is how many events are sent together, at most.
func (p *pacer) atOnce(most int) int {
	if p.rate <= 0 {
		return most
	}
	return min(most, max(int(p.rate/10), 1))
}

// wait waits until n more may be sent.
func (p *pacer) wait(ctx context.Context, n int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	d := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	if d > 0 && !pauseFor(ctx, d) {
		return ctx.Err()
	}
	return ctx.Err()
}
