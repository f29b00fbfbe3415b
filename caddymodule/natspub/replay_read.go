package natspub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
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

// verified reports whether the event is one that was verified when it came.
func (e *replayed) verified() bool {
	return (under(e.subject, Root) || under(e.subject, ReplayRoot)) && one(e.header, "ce-whtrust") != string(gateway.Unverified)
}

// refused reports whether it is known that the event was not verified, or not
// accepted.
func (e *replayed) refused() bool {
	return under(e.subject, UnverifiedRoot) || under(e.subject, QuarantineRoot) || under(e.subject, UnverifiedReplayRoot) ||
		one(e.header, "ce-whtrust") == string(gateway.Unverified)
}

// rest returns the subject without its root: tenant, source and type.
func (e *replayed) rest() string {
	if root := replayRootOf(e.subject); root != "" {
		return e.subject[len(root)+1:]
	}
	return e.subject
}

// reader reads what a job selects, in the order of the stream, each event once,
// over restarts of the server. That nothing is left the stream's leader says: the
// server that reads may be one that does not have all events yet.
type reader struct {
	r        *Replayer
	stream   jetstream.Stream
	spec     *ReplaySpec
	config   jetstream.ConsumerConfig // of a consumer, but for its beginning
	since    *time.Time               // where the first one begins, if not at a sequence
	last     uint64
	consumer jetstream.Consumer // nil: one has to be made
	count    uint64             // of the consumer's events
	pending  uint64             // what the consumer has after the last one, as far as it knows
	ahead    []*replayed        // read, and not yet asked for
	at       uint64             // how far it has read ahead
	quiet    int                // requests in a row without an event
	failing  time.Time          // since when nothing can be read; zero if it can
	patience time.Duration      // for how long that may be
	end      readerEnd
	bytes    int         // about so many are asked for at one time
	trouble  func(error) // called when reading fails and is tried again, and with nil when it goes on; may be nil
	passed   func()      // called before each request; may be nil
	ended    bool
}

// readerEnd says where a reader ends.
type readerEnd int

const (
	// endOfLeader is where the stream's leader has no more, although the server that
	// reads may have less.
	endOfLeader readerEnd = iota
	// endOfServer is where the server that reads has no more.
	endOfServer
	// endless waits for what comes in.
	endless
)

// open begins to read behind the job's position. With headersOnly events have no
// payload.
func (r *Replayer) open(stream jetstream.Stream, st *ReplayState, headersOnly bool) *reader {
	from := max(st.Spec.FromSeq, st.Position+1)
	src := &reader{r: r, stream: stream, spec: &st.Spec, last: st.Last, at: from - 1, ended: from > st.Last, end: endOfLeader, patience: replayReading, bytes: replayBytes}
	filters := st.Spec.filters(stream.CachedInfo().Config.Subjects)
	src.config = jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: replayAlone, Replicas: 1, MemoryStorage: true, HeadersOnly: headersOnly,
		FilterSubjects: filters,
	}
	if len(filters) == 1 {
		src.config.FilterSubject, src.config.FilterSubjects = filters[0], nil
	}
	if st.Position == 0 && st.Spec.FromSeq == 0 && !st.Spec.Since.IsZero() {
		src.since = &st.Spec.Since
	}
	return src
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
		if src.spec.selects(e) {
			list = append(list, e)
			size += len(e.data)
		}
		src.ended = src.ended || e.seq >= src.last
	}
	return list, nil
}

// one returns the next event, or nil at the end. What goes wrong is tried again for
// a while.
func (src *reader) one(ctx context.Context) (*replayed, error) {
	for len(src.ahead) == 0 {
		before := src.r.cfg.Conn.LastError()
		err := src.read(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case src.ended:
			return nil, nil
		case err == nil:
			if !src.failing.IsZero() && src.trouble != nil {
				src.trouble(nil)
			}
			src.failing = time.Time{}
			continue
		case src.denied(before) != nil:
			return nil, fmt.Errorf("reading %s: %w: %w", src.spec.Stream, err, src.denied(before))
		case final(err):
			return nil, fmt.Errorf("reading %s: %w", src.spec.Stream, err)
		case src.failing.IsZero():
			src.failing = time.Now()
			if src.trouble != nil {
				src.trouble(err)
			}
		case time.Since(src.failing) > src.patience || errors.Is(err, nats.ErrConnectionClosed):
			return nil, fmt.Errorf("reading %s: %w", src.spec.Stream, err)
		}
		src.consumer = nil
		if !pauseFor(ctx, replayAgain) {
			return nil, ctx.Err()
		}
	}
	e := src.ahead[0]
	src.ahead[0], src.ahead = nil, src.ahead[1:]
	if e.seq > src.last {
		src.ended = true
		return nil, nil
	}
	return e, nil
}

// read reads some events ahead, or finds out that there are no more.
func (src *reader) read(ctx context.Context) error {
	if src.consumer == nil {
		if err := src.begin(ctx); err != nil {
			return err
		}
	}
	if src.passed != nil {
		src.passed()
	}
	switch {
	case src.end == endless:
		return src.fetch(ctx)
	case src.end == endOfServer && src.pending == 0:
		src.ended = true
		return nil
	case src.pending == 0 || src.quiet > 0:
		more, err := src.more(ctx)
		if err != nil || !more {
			src.ended = err == nil
			return err
		}
	}
	before := src.at
	if err := src.fetch(ctx); err != nil {
		return err
	}
	if src.at > before {
		src.quiet = 0
		return nil
	}
	// This server does not have what the leader has. Perhaps it will, and perhaps it
	// is better to have another one read.
	if src.quiet++; src.quiet >= replayQuietest {
		src.quiet, src.consumer = 1, nil
		src.r.cfg.Logger.Warn("the server that reads for a replay is behind; another is asked for", "stream", src.spec.Stream, "position", src.at, "last", src.last)
	}
	return nil
}

// final reports whether another try does not help.
func final(err error) bool {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.Code == 400
}

// denied returns what the server has denied of what reading asks for, or nil.
func (src *reader) denied(before error) error {
	err := src.r.denied(before)
	if err == nil || !strings.Contains(err.Error(), "."+src.spec.Stream) {
		return nil // somebody else's on this connection
	}
	return err
}

// begin makes a consumer behind what was read.
func (src *reader) begin(ctx context.Context) error {
	cfg := src.config
	cfg.Name = "webhooks-replay-" + strings.ToLower(rand.Text()[:12])
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, src.at+1
	if src.since != nil {
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, src.since
	}
	ctx, cancel := context.WithTimeout(ctx, replayQuestion)
	defer cancel()
	c, err := src.stream.CreateConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("making a reader: %w", err)
	}
	info := c.CachedInfo()
	src.consumer, src.count, src.pending = c, 0, info.NumPending
	// What is before the time is behind us; what the server does not have yet is not.
	src.at, src.since = max(src.at, info.Delivered.Stream), nil
	return nil
}

// fetch asks the consumer for events. It returns early when it has no more.
func (src *reader) fetch(ctx context.Context) error {
	wait, most := replayQuiet, replayBatch
	switch {
	case src.pending > 0:
		most = int(min(src.pending, replayBatch))
	case src.end == endless:
		wait, most = followWait, 1 // a request ends early only when it has as many as it asks for
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	// Not less than one message may have, or it would never be sent.
	limit := src.bytes + int(src.r.cfg.Conn.MaxPayload())
	before, at := src.r.cfg.Conn.LastError(), src.at
	batch, err := src.consumer.Fetch(most, jetstream.FetchMaxBytes(limit), jetstream.FetchContext(ctx))
	if err != nil {
		return err
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if src.count++; meta.Sequence.Consumer != src.count {
			src.consumer = nil // one was lost on its way: from there again
			return nil
		}
		src.pending, src.at = meta.NumPending, meta.Sequence.Stream
		src.ahead = append(src.ahead, &replayed{seq: src.at, at: meta.Timestamp, subject: m.Subject(), header: m.Headers(), data: m.Data()})
	}
	if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if src.at > at {
		return nil
	}
	if src.end == endless && src.pending > 0 {
		src.pending = 0 // they have ended with their age
	}
	return src.denied(before)
}

// close has the consumer removed, which the server does by itself after a while. It
// does not wait for an answer, which there is none of without the permission.
func (src *reader) close() {
	if src.consumer == nil {
		return
	}
	subject := strings.TrimSuffix(src.r.cfg.APIPrefix, ".") + ".CONSUMER.DELETE." + src.spec.Stream + "." + src.consumer.CachedInfo().Name
	if err := src.r.cfg.Conn.Publish(subject, nil); err == nil {
		_ = src.r.cfg.Conn.FlushTimeout(tidyPatience)
	}
}

// more reports whether the stream has anything for the job behind what was read.
func (src *reader) more(ctx context.Context) (bool, error) {
	filters := src.config.FilterSubjects
	if src.config.FilterSubject != "" {
		filters = []string{src.config.FilterSubject}
	}
	if len(filters) == 0 {
		filters = []string{">"}
	}
	for _, filter := range filters {
		seq, err := src.r.following(ctx, src.spec.Stream, src.at+1, filter)
		if err != nil {
			return false, fmt.Errorf("asking whether there are more: %w", err)
		}
		if seq > 0 && seq <= src.last {
			return true, nil
		}
	}
	return false, nil
}

// following asks the stream's leader for the first message at the sequence or
// behind it on a subject, and returns its sequence; 0 if there is none.
func (r *Replayer) following(ctx context.Context, stream string, from uint64, subject string) (uint64, error) {
	text, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": subject})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, replayQuestion)
	defer cancel()
	m, err := r.cfg.Conn.RequestWithContext(ctx, strings.TrimSuffix(r.cfg.APIPrefix, ".")+".STREAM.MSG.GET."+stream, text)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Sequence uint64 `json:"seq"`
		} `json:"message"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return 0, err
	case answer.Error != nil && answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return 0, nil
	case answer.Error != nil:
		return 0, answer.Error
	case answer.Message == nil:
		return 0, errors.New("the answer holds no message")
	}
	return answer.Message.Sequence, nil
}
