package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// replayed is an event that was read.
type replayed struct {
	seq     uint64
	at      time.Time
	subject string
	header  nats.Header
	data    []byte
}

// tail returns the tokens of the subject that are the type's.
func (e *replayed) tail() string {
	before := 2 // tenant and source
	if partitions(e.header) > 0 {
		before++
	}
	parts := strings.SplitN(e.rest(), ".", before+1)
	if len(parts) <= before {
		return ""
	}
	return parts[before]
}

// rest returns the subject without its root: tenant, source and type.
func (e *replayed) rest() string {
	if root := replayRootOf(e.subject); root != "" {
		return e.subject[len(root)+1:]
	}
	return e.subject
}

// reader reads what a job selects, in the order of the stream, each event once,
// over restarts of the server.
type reader struct {
	spec     *ReplaySpec
	last     uint64
	consumer jetstream.Consumer
	messages jetstream.MessagesContext
	pending  uint64 // what the consumer has after the last one that was read
	ended    bool
	passed   uint64 // how far it has read, wanted or not
}

// open begins to read behind the job's position. With headersOnly events have no
// payload.
func (r *Replayer) open(ctx context.Context, stream jetstream.Stream, st *ReplayState, headersOnly bool) (*reader, error) {
	spec := &st.Spec
	src := &reader{spec: spec, last: st.Last, passed: st.Position}
	from := max(spec.FromSeq, st.Position+1)
	if from > src.last {
		src.ended = true
		return src, nil
	}
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: spec.filters(stream.CachedInfo().Config.Subjects),
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    headersOnly,
	}
	if st.Position == 0 && spec.FromSeq == 0 && !spec.Since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &spec.Since
	}
	var err error
	if src.consumer, err = stream.OrderedConsumer(ctx, cfg); err != nil {
		return nil, fmt.Errorf("reading %s: %w", spec.Stream, err)
	}
	if src.pending = src.consumer.CachedInfo().NumPending; src.pending == 0 {
		src.ended = true
		return src, nil
	}
	// Not less than one message may have, or it would never be sent.
	limit := replayBytes + int(r.cfg.Conn.MaxPayload())
	if src.messages, err = src.consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(replayBatch, limit)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", spec.Stream, err)
	}
	return src, nil
}

func (src *reader) close() {
	if src.messages != nil {
		src.messages.Stop()
	}
}

// next returns the next events that are wanted, at most so many, and fewer where
// others stand between them. At the end of the range ended is true.
func (src *reader) next(ctx context.Context, most int) ([]*replayed, error) {
	var list []*replayed
	size := 0
	for looked := 0; !src.ended && len(list) < most && size < replayBytes && (len(list) == 0 || looked < 10*most); looked++ {
		e, err := src.one(ctx)
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		src.passed = e.seq
		if src.spec.selects(e) {
			list = append(list, e)
			size += len(e.data)
		}
		src.ended = src.ended || e.seq >= src.last || src.pending == 0
	}
	return list, nil
}

// one returns the next event, or nil at the end.
func (src *reader) one(ctx context.Context) (*replayed, error) {
	for {
		short, cancel := context.WithTimeout(ctx, replayQuiet)
		m, err := src.messages.Next(jetstream.NextContext(short))
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
				return nil, fmt.Errorf("reading %s: %w", src.spec.Stream, err)
			}
			// What was left when it was counted may have been removed since.
			if src.over(ctx) {
				src.ended = true
				return nil, nil
			}
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", src.spec.Stream, err)
		}
		src.pending = meta.NumPending
		e := &replayed{seq: meta.Sequence.Stream, at: meta.Timestamp, subject: m.Subject(), header: m.Headers(), data: m.Data()}
		if e.seq > src.last {
			src.ended = true
			return nil, nil
		}
		return e, nil
	}
}

// over reports whether the server has nothing more for the consumer.
func (src *reader) over(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, replayQuiet)
	defer cancel()
	info, err := src.consumer.Info(ctx)
	return err == nil && info.NumPending == 0 && info.Delivered.Stream <= src.passed
}
