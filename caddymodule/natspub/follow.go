package natspub

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// followWait is how long one request waits for what comes in.
	followWait = 2 * time.Second
	// followBytes is about how many bytes it asks for at one time: several may read on
	// one connection.
	followBytes = 512 << 10
	// tidyPatience bounds removing a reader.
	tidyPatience = 2 * time.Second
)

// FollowSpec says which events of a stream [Replayer.Follow] reads.
type FollowSpec struct {
	// ReplaySpec chooses events; only what it says about what to read counts. Of
	// FromSeq, Since, Last and New at most one is set; without any it begins with
	// the first event.
	ReplaySpec
	// Subject is a filter such as "wh.v1.*.github.>"; "" means all of the stream.
	Subject string
	// Last begins with the last so many of the events that are chosen.
	Last int
	// New begins with what comes in from now on.
	New bool
	// Live goes on with what comes in, until the context ends or ToSeq is reached.
	Live bool
	// HeadersOnly leaves payloads out.
	HeadersOnly bool
	// Tidy removes what reads on the server at the end, if it is permitted. Otherwise
	// the server does it after half a minute.
	Tidy bool
	// Begun, if not nil, is called once, with the first sequence that is looked at
	// and the stream's last.
	Begun func(from, last uint64)
	// Passed, if not nil, is called before each request to the server, and so at
	// least every few seconds, with the sequence up to which all was handed over.
	Passed func(upTo uint64)
	// Trouble, if not nil, is called when reading begins to fail and is tried again, and
	// with nil when it goes on.
	Trouble func(error)
}

// Follow calls do with each event that spec chooses, in the order of the stream,
// each once, over restarts of the server. It has a consumer of its own, and
// acknowledges and changes nothing: other readers do not notice it. It ends with the
// error of do, or when ctx ends. Without Live it ends where the stream ended when it
// began. An error that wraps [ErrHistory] means that spec is wrong.
func (r *Replayer) Follow(ctx context.Context, spec FollowSpec, do func(*Stored) error) (err error) {
	defer r.explain(&err)()
	if err := spec.complete(); err != nil {
		return asHistory(err)
	}
	stream, err := r.source(ctx, spec.Stream)
	if err != nil {
		return asHistory(err)
	}
	info := stream.CachedInfo()
	last := info.State.LastSeq
	if err := spec.fits(info); err != nil {
		return err
	}
	switch {
	case spec.New:
		spec.FromSeq = last + 1
	case spec.Last > 0:
		if spec.FromSeq, err = r.lastOnes(ctx, stream, &spec); err != nil {
			return err
		}
	}
	if spec.Begun != nil {
		spec.Begun(max(spec.FromSeq, info.State.FirstSeq, 1), last)
	}
	st := ReplayState{Spec: spec.ReplaySpec, Last: last}
	if spec.Live {
		st.Last = math.MaxUint64
	}
	if spec.ToSeq > 0 {
		st.Last = min(st.Last, spec.ToSeq)
	}
	src := r.openSpec(stream, &st, &spec)
	src.trouble = spec.Trouble
	src.patience = 2 * replayQuestion // somebody waits for it
	if spec.Live {
		src.end, src.patience = endless, math.MaxInt64
	}
	if spec.Passed != nil {
		src.passed = func() { spec.Passed(src.at) }
	}
	if spec.Tidy {
		defer src.close()
	}
	return src.each(ctx, func(e *replayed) error {
		return do(&Stored{Seq: e.seq, Time: e.at, Subject: e.subject, Header: e.header, Data: e.data, Last: last})
	})
}

// fits returns an error if the stream has never what is asked for: the server would
// let it be waited for. A mirror has no subjects.
func (s *FollowSpec) fits(info *jetstream.StreamInfo) error {
	if last := info.State.LastSeq; s.FromSeq > last+1 {
		return fmt.Errorf("%w: the stream %s ends at %d, before the sequence %d: it may have been made anew", ErrHistory, s.Stream, last, s.FromSeq)
	}
	if s.Subject == "" || len(info.Config.Subjects) == 0 {
		return nil
	}
	for _, have := range info.Config.Subjects {
		if Overlap(have, s.Subject) {
			return nil
		}
	}
	return fmt.Errorf("%w: the stream %s has nothing on %s, but on %s: name the stream with --stream", ErrHistory, s.Stream, s.Subject, strings.Join(info.Config.Subjects, ", "))
}

// openSpec opens a reader of what spec chooses.
func (r *Replayer) openSpec(stream jetstream.Stream, st *ReplayState, spec *FollowSpec) *reader {
	src := r.open(stream, st, spec.HeadersOnly)
	src.bytes = followBytes
	if spec.Subject != "" {
		src.config.FilterSubject, src.config.FilterSubjects = spec.Subject, nil
	}
	return src
}

// each calls do with each event that is wanted.
func (src *reader) each(ctx context.Context, do func(*replayed) error) error {
	for !src.ended {
		e, err := src.one(ctx)
		if err != nil {
			return err
		}
		if e == nil {
			continue // at the end
		}
		if src.spec.selects(e) {
			if err := do(e); err != nil {
				return err
			}
		}
		src.ended = src.ended || e.seq >= src.last
	}
	return nil
}

// lastOnes returns the sequence at which the last spec.Last events begin that spec
// chooses. What a filter chooses may be far back: it looks further and further until
// there are enough.
func (r *Replayer) lastOnes(ctx context.Context, stream jetstream.Stream, spec *FollowSpec) (uint64, error) {
	state := stream.CachedInfo().State
	first, want := max(state.FirstSeq, 1), uint64(spec.Last) //nolint:gosec // it is above zero
	for back := want; ; back *= 4 {
		from := first
		if state.LastSeq > back {
			from = max(first, state.LastSeq-back+1)
		}
		some := *spec
		some.FromSeq, some.HeadersOnly = from, true
		src := r.openSpec(stream, &ReplayState{Spec: some.ReplaySpec, Last: state.LastSeq}, &some)
		src.end, src.patience = endOfServer, 2*replayQuestion
		var found []uint64
		err := src.each(ctx, func(e *replayed) error {
			found = append(found, e.seq)
			return nil
		})
		if spec.Tidy {
			src.close()
		}
		switch {
		case err != nil:
			return 0, err
		case uint64(len(found)) >= want:
			return found[uint64(len(found))-want], nil
		case from == first && len(found) > 0:
			return found[0], nil
		case from == first:
			return state.LastSeq + 1, nil
		}
	}
}
