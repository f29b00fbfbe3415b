package natspub

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ReplayBucket is the key-value bucket of the jobs.
const ReplayBucket = "WEBHOOKS_REPLAYS"

const (
	// replayRemembered is how long a job is remembered after it was last heard of.
	replayRemembered = 30 * 24 * time.Hour
	// replayBeat is how often a job that runs says so, and replayLease after what
	// time of silence another process may go on with it.
	replayBeat  = time.Second
	replayLease = 4 * replayBeat
	// replayPatience is how long it is tried to store the state of a job. Without
	// it no more events are sent: they would be sent again after a crash.
	replayPatience = 30 * time.Second
	// replayGrace is what is left of that when the job is to end. A record that is
	// not stored any more is one of a process that was killed.
	replayGrace = 3 * time.Second
	replayAgain = 250 * time.Millisecond
)

// ReplayStatus is a word.
type ReplayStatus string

// What a job can be. One that was killed is running for ever, by its record.
const (
	ReplayRunning ReplayStatus = "running"
	ReplayStopped ReplayStatus = "stopped"
	ReplayDone    ReplayStatus = "done"
)

// ReplayCounters say what became of events. After a crash what was on its way
// may be counted once more or once less than it was sent.
type ReplayCounters struct {
	// Sent events were taken by the target, Duplicates are those among them that
	// it had already, and Refused those that were skipped.
	Sent       uint64 `json:"sent"`
	Duplicates uint64 `json:"duplicates"`
	Refused    uint64 `json:"refused"`
	// Bytes are those of the payloads that were sent.
	Bytes uint64 `json:"bytes"`
}

// ReplayState is a job.
type ReplayState struct {
	// Job is its name, and By who began or resumed it.
	Job     string    `json:"job"`
	By      string    `json:"by,omitempty"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Status says whether it runs, and Error why it does not.
	Status ReplayStatus `json:"status"`
	Error  string       `json:"error,omitempty"`
	// Interrupted means that it was stopped from outside, and not because of its
	// target.
	Interrupted bool `json:"interrupted,omitempty"`
	// Position is the sequence up to which all that is selected was sent, and Last
	// that of the last event that was in the stream when the job began.
	Position uint64 `json:"position"`
	Last     uint64 `json:"last"`
	ReplayCounters
	Spec ReplaySpec `json:"spec"`
	// Source is when the stream was made: another one of its name has other
	// sequences.
	Source time.Time `json:"source_created"`
	// Runner is the process that works on it.
	Runner string `json:"runner"`
	// Beats counts the looks of its runner.
	Beats uint64 `json:"beats"`
}

// replayJobs are the jobs in their bucket.
type replayJobs struct {
	kv  jetstream.KeyValue
	now func() time.Time
}

// jobs opens the bucket. With replicas above zero it is made if it is not there;
// otherwise the error wraps [ErrNoReplay].
func (r *Replayer) jobs(ctx context.Context, replicas int) (*replayJobs, error) {
	ctx, cancel := context.WithTimeout(ctx, question)
	defer cancel()
	kv, err := r.js.KeyValue(ctx, ReplayBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) && replicas > 0 {
		kv, err = r.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: ReplayBucket, Description: "Replays of webhooks, kept by caddy-webhooks",
			TTL: replayRemembered, Storage: jetstream.FileStorage, Replicas: replicas,
		})
	}
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound):
		return nil, fmt.Errorf("%w: nothing was replayed yet", ErrNoReplay)
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("opening the bucket %s, where replays are kept: %w: clients of an embedded server may only read: replay through the gateway's admin API", ReplayBucket, err)
	case err != nil:
		return nil, fmt.Errorf("opening the bucket %s, where replays are kept: %w", ReplayBucket, err)
	}
	return &replayJobs{kv: kv, now: r.cfg.Now}, nil
}

func (j *replayJobs) get(ctx context.Context, job string) (ReplayState, error) {
	st, _, err := j.read(ctx, job)
	return st, err
}

func (j *replayJobs) read(ctx context.Context, job string) (ReplayState, uint64, error) {
	if strings.Trim(job, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" || job == "" {
		return ReplayState{}, 0, fmt.Errorf("%w: %q is not the name of a replay", ErrNoReplay, job)
	}
	ctx, cancel := context.WithTimeout(ctx, question)
	defer cancel()
	e, err := j.kv.Get(ctx, job)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return ReplayState{}, 0, fmt.Errorf("%w: %s", ErrNoReplay, job)
	}
	if err != nil {
		return ReplayState{}, 0, fmt.Errorf("reading the replay %s: %w", job, err)
	}
	var st ReplayState
	if err := json.Unmarshal(e.Value(), &st); err != nil {
		return ReplayState{}, 0, fmt.Errorf("reading the replay %s: %w", job, err)
	}
	return st, e.Revision(), nil
}

func (j *replayJobs) list(ctx context.Context) ([]ReplayState, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*replayQuestion)
	defer cancel()
	watch, err := j.kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("listing replays: %w", err)
	}
	defer func() { _ = watch.Stop() }()
	var list []ReplayState
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("listing replays: %w", ctx.Err())
		case e := <-watch.Updates():
			if e == nil {
				slices.SortFunc(list, func(x, y ReplayState) int { return cmp.Or(y.Created.Compare(x.Created), cmp.Compare(x.Job, y.Job)) })
				return list, nil
			}
			var st ReplayState
			if json.Unmarshal(e.Value(), &st) == nil {
				list = append(list, st)
			}
		}
	}
}

func (j *replayJobs) create(ctx context.Context, st ReplayState) (*replayRecord, error) {
	st.Runner, st.Updated = rand.Text(), j.now().UTC()
	text, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("storing the replay: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, question)
	defer cancel()
	revision, err := j.kv.Create(ctx, st.Job, text)
	if err != nil {
		return nil, fmt.Errorf("storing the replay: %w", err)
	}
	return &replayRecord{jobs: j, st: st, revision: revision}, nil
}

// take makes the job this process's. One whose record changes is run by another.
func (j *replayJobs) take(ctx context.Context, job, by string) (*replayRecord, error) {
	st, revision, err := j.read(ctx, job)
	if err != nil {
		return nil, err
	}
	if st.Status == ReplayRunning {
		if !pauseFor(ctx, replayLease) {
			return nil, ctx.Err()
		}
		again, later, err := j.read(ctx, job)
		if err != nil {
			return nil, err
		}
		if later != revision {
			return nil, fmt.Errorf("%w: %s is running: it was at the sequence %d of %d at %s", ErrReplayTaken, job, again.Position, again.Last, again.Updated.Format(time.RFC3339))
		}
	}
	st.Status, st.Error, st.Interrupted, st.By, st.Runner = ReplayRunning, "", false, by, rand.Text()
	r := &replayRecord{jobs: j, st: st, revision: revision}
	r.mu.Lock()
	err = r.store(ctx)
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return r, nil
}

// replayRecord is the state of the job that this process runs.
type replayRecord struct {
	jobs *replayJobs

	mu       sync.Mutex // held while it is stored, which may take long
	revision uint64

	look sync.Mutex // guards st, which is written with mu held
	st   ReplayState
}

func (r *replayRecord) state() ReplayState {
	r.look.Lock()
	defer r.look.Unlock()
	return r.st
}

// change changes the state, with mu held.
func (r *replayRecord) change(how func(*ReplayState)) {
	r.look.Lock()
	defer r.look.Unlock()
	how(&r.st)
}

// advance stores that everything up to the sequence is done. It returns when
// that is stored, so that no more is repeated after a crash than was on its way;
// also after the end of ctx, since it was sent.
func (r *replayRecord) advance(ctx context.Context, to uint64, add ReplayCounters) error {
	ctx, end := lasting(ctx)
	defer end()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(func(st *ReplayState) {
		st.Position = max(st.Position, to)
		st.Sent += add.Sent
		st.Duplicates += add.Duplicates
		st.Refused += add.Refused
		st.Bytes += add.Bytes
	})
	return r.store(ctx)
}

// lasting returns a context that ends some time after ctx, for what has to be
// written all the same.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithTimeout(context.WithoutCancel(ctx), replayPatience)
	stop := context.AfterFunc(ctx, func() {
		if pauseFor(long, replayGrace) {
			cancel()
		}
	})
	return long, func() { stop(); cancel() }
}

// end stores how the job ended.
func (r *replayRecord) end(ctx context.Context, err error, interrupted bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(func(st *ReplayState) {
		st.Status, st.Error, st.Interrupted = ReplayDone, "", interrupted
		if err != nil {
			st.Status, st.Error = ReplayStopped, err.Error()
		}
		if interrupted {
			st.Error = "it was interrupted"
		}
	})
	return r.store(ctx)
}

// beat says that the job runs until ended is closed, also while a target lets it
// wait. It ends ctx if another process has it.
func (r *replayRecord) beat(ctx context.Context, ended <-chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(replayBeat)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		r.change(func(st *ReplayState) { st.Beats++ })
		err := r.store(ctx)
		r.mu.Unlock()
		if errors.Is(err, ErrReplayTaken) {
			cancel(err)
			return
		}
	}
}

// store writes the record in place of the one that this process has written
// last. It tries for a while; the error wraps [ErrReplayTaken] if another process
// has written it since.
func (r *replayRecord) store(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replayPatience)
	defer cancel()
	r.change(func(st *ReplayState) { st.Updated = r.jobs.now().UTC() })
	text, err := json.Marshal(r.st)
	if err != nil {
		return fmt.Errorf("storing how far the replay is: %w", err)
	}
	for {
		attempt, end := context.WithTimeout(ctx, question)
		revision, err := r.jobs.kv.Update(attempt, r.st.Job, text, r.revision)
		end()
		if err == nil {
			r.revision = revision
			return nil
		}
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			// Ours may have been stored, and its answer lost.
			st, have, got := r.jobs.read(ctx, r.st.Job)
			switch {
			case got != nil:
				err = got
			case st.Runner != r.st.Runner:
				return fmt.Errorf("%w: %s", ErrReplayTaken, r.st.Job)
			default:
				r.revision = have
				continue
			}
		}
		if errors.Is(err, nats.ErrConnectionClosed) || !pauseFor(ctx, replayAgain) {
			return fmt.Errorf("storing how far the replay is: %w", err)
		}
	}
}
