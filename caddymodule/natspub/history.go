package natspub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrHistory: what is asked for contradicts itself, or there is no such stream.
var ErrHistory = errors.New("this cannot be read")

// Stored is an event as a stream has it.
type Stored struct {
	Seq     uint64
	Time    time.Time // when it was stored
	Subject string
	Header  nats.Header
	// Data is the message's: see [Body].
	Data []byte
	// Last is the sequence at which reading ends, for those who say how far it is.
	Last uint64
}

// One returns the value of a header of the contract as it was before it was escaped
// for NATS; "" if there is none.
func (e *Stored) One(header string) string { return unescape(one(e.Header, header)) }

// Type returns the type as the provider writes it; "" if the event has none. Prefix
// is what ce-type has before it, for subjects that do not tell, such as those of
// quarantine; "" if that is not known.
func (e *Stored) Type(prefix string) string {
	full := e.One("ce-type")
	if under(e.Subject, Root) || under(e.Subject, UnverifiedRoot) {
		r := replayed{subject: e.Subject, header: e.Header}
		return providerType(full, r.tail())
	}
	typ, ok := strings.CutPrefix(full, prefix+".")
	if !ok || typ == unknownType {
		return ""
	}
	return typ
}

// Read calls do with each event that spec selects, in the order of the stream, as
// far as the stream goes when it begins. Only what spec says about what to read
// counts. It acknowledges and changes nothing, and other readers do not notice it.
// It goes on over restarts of the server, and keeps no more than a few MiB. It ends
// with the error of do. An error that wraps [ErrHistory] means that spec is wrong.
func (r *Replayer) Read(ctx context.Context, spec ReplaySpec, do func(*Stored) error) error {
	return r.Follow(ctx, FollowSpec{ReplaySpec: spec}, do)
}

// ErrNoEvent: there is nothing at the sequence.
var ErrNoEvent = errors.New("there is no such event")

// Get returns the event at a sequence of a stream. The error wraps [ErrNoEvent] if
// it is not there, or not any more, and [ErrHistory] if there is no such stream.
func (r *Replayer) Get(ctx context.Context, stream string, seq uint64) (_ *Stored, err error) {
	defer r.explain(&err)()
	spec := ReplaySpec{Stream: stream}
	if err := spec.complete(); err != nil {
		return nil, asHistory(err)
	}
	s, err := r.source(ctx, stream)
	if err != nil {
		return nil, asHistory(err)
	}
	state := s.CachedInfo().State
	m, err := s.GetMsg(ctx, seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound) && seq >= state.FirstSeq && seq <= state.LastSeq:
		return nil, fmt.Errorf("%w: %s has none at %d any more", ErrNoEvent, stream, seq)
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, fmt.Errorf("%w: %s has the sequences %d to %d, and not %d", ErrNoEvent, stream, state.FirstSeq, state.LastSeq, seq)
	case err != nil:
		return nil, fmt.Errorf("reading %d of %s: %w", seq, stream, err)
	}
	for name := range m.Header {
		if addedByServer[name] {
			delete(m.Header, name)
		}
	}
	return &Stored{Seq: m.Sequence, Time: m.Time, Subject: m.Subject, Header: m.Header, Data: m.Data, Last: state.LastSeq}, nil
}

// addedByServer are headers of the answer to a request for a message.
var addedByServer = map[string]bool{
	"Nats-Stream": true, "Nats-Subject": true, "Nats-Sequence": true, "Nats-Time-Stamp": true, "Nats-Last-Sequence": true, "Nats-Num-Pending": true, "Nats-UpTo-Sequence": true,
}

// Fetch returns the body of an event that was read, as [Body] does.
func (r *Replayer) Fetch(ctx context.Context, e *Stored) ([]byte, error) {
	return Body(ctx, r.js, e.Header, e.Data)
}

// asHistory says of what cannot be replayed that it cannot be read.
func asHistory(err error) error {
	if !errors.Is(err, ErrReplaySpec) {
		return err
	}
	return fmt.Errorf("%w: %s", ErrHistory, strings.TrimPrefix(err.Error(), ErrReplaySpec.Error()+": "))
}

// Streams returns the names of the streams that take events of a gateway: those of
// verified events first, then of unverified ones, then quarantine.
func (r *Replayer) Streams(ctx context.Context) (_ []string, err error) {
	defer r.explain(&err)()
	var list []string
	for _, root := range []string{Root, UnverifiedRoot, QuarantineRoot} {
		names := r.js.StreamNames(ctx, jetstream.WithStreamListSubject(root+".>"))
		for name := range names.Name() {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		if err := names.Err(); err != nil {
			return nil, fmt.Errorf("listing streams: %w", err)
		}
	}
	return list, nil
}
