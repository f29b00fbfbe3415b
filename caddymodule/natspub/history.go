package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
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
func (r *Replayer) Read(ctx context.Context, spec ReplaySpec, do func(*Stored) error) (err error) {
	defer r.explain(&err)()
	if err := spec.complete(); err != nil {
		return asHistory(err)
	}
	stream, err := r.source(ctx, spec.Stream)
	if err != nil {
		return asHistory(err)
	}
	st := ReplayState{Spec: spec, Last: stream.CachedInfo().State.LastSeq}
	if spec.ToSeq > 0 {
		st.Last = min(st.Last, spec.ToSeq)
	}
	src := r.open(stream, &st, false)
	src.patience = 2 * replayQuestion // somebody waits for it
	for !src.ended {
		list, err := src.next(ctx, replayBatch)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := do(&Stored{Seq: e.seq, Time: e.at, Subject: e.subject, Header: e.header, Data: e.data, Last: st.Last}); err != nil {
				return err
			}
		}
	}
	return nil
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
