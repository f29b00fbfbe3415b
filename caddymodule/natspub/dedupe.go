package natspub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// Errors of Dedupe. Any other is one of NATS.
var (
	// ErrNotRemembered: the stream does not remember the id.
	ErrNotRemembered = errors.New("the id is not remembered: its next delivery is a new event anyway")
	// ErrSoonForgotten: it is about to forget it.
	ErrSoonForgotten = errors.New("the id is about to be forgotten by itself")
	// ErrStillSpooled: an event with it waits in the spool.
	ErrStillSpooled = errors.New("an event with the id waits on this machine to be forwarded: forget it after that")
	// ErrCannotForget: there is no bucket for it, or it may not be used.
	ErrCannotForget = errors.New("ids cannot be forgotten")
	// ErrDedupeServer: the server is too old to be asked for an id.
	ErrDedupeServer = errors.New("nats-server 2.12 or later can be asked whether it remembers an id")
)

// mostGenerations is how many generations of an id are looked for.
const mostGenerations = 8

// Codes of the JetStream API's errors that answer a question for an id.
const (
	codeRollup   = 10111 // the message cannot be stored, and its id was not known
	codeInFlight = 10158 // it is being stored
)

// dedupeServer is the first line that looks at a message's id, and then at its
// rollup, before anything of the message is kept.
var dedupeServer = [2]int{2, 12}

// Dedupe says what a stream remembers of an id, and lets one be forgotten. It is
// safe for concurrent use.
type Dedupe struct {
	p     *Publisher
	spool *Spool
}

// NewDedupe returns the Dedupe of a publisher, and of the spool before it, if that
// is not nil.
func NewDedupe(p *Publisher, spool *Spool) *Dedupe { return &Dedupe{p, spool} }

// DedupeState says what is remembered of an id.
type DedupeState struct {
	Tenant string `json:"tenant"`
	Source string `json:"source"`
	ID     string `json:"id"`
	// MessageID is the Nats-Msg-Id that its next delivery gets.
	MessageID string `json:"message_id"`
	// Known means that the next delivery is a duplicate.
	Known bool `json:"known"`
	// Generation is how often it was forgotten, and Forgotten when last, by whom and
	// why; zero if it was not.
	Generation int       `json:"generation"`
	Forgotten  time.Time `json:"forgotten,omitzero"`
	By         string    `json:"by,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	// Spooled means that it waits on this machine to be forwarded.
	Spooled bool `json:"spooled,omitempty"`
	// Stored are the messages by which it is known, the newest generation first.
	Stored []DedupeMessage `json:"stored"`
}

// DedupeMessage is a stored event by which an id is known.
type DedupeMessage struct {
	Generation int    `json:"generation"`
	MessageID  string `json:"message_id"`
	Stream     string `json:"stream"`
	Sequence   uint64 `json:"sequence"`
	// Removed means that the event is not in the stream any more, so that there is
	// nothing to say about it.
	Removed bool      `json:"removed,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	// Until is when the id is forgotten by itself; zero if that is not known.
	Until   time.Time `json:"until,omitzero"`
	Subject string    `json:"subject,omitempty"`
	Type    string    `json:"type,omitempty"`
	// SHA256 is that of the bytes that were received, and Size their number; Same is
	// that of what is compared, if it differs.
	SHA256 string `json:"sha256,omitempty"`
	Same   string `json:"same,omitempty"`
	Size   int    `json:"size,omitempty"`
	// Trust and KeyID say how they were authenticated, and RequestID by which
	// request they came.
	Trust     string `json:"trust,omitempty"`
	KeyID     string `json:"key_id,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Inspect says what is remembered of an id. It stores nothing.
func (d *Dedupe) Inspect(ctx context.Context, tenant, source, id string) (DedupeState, error) {
	st, _, err := d.inspect(ctx, tenant, source, id)
	return st, err
}

func (d *Dedupe) inspect(ctx context.Context, tenant, source, id string) (DedupeState, forgottenRecord, error) {
	base := MsgID(tenant, source, id)
	st := DedupeState{Tenant: tenant, Source: source, ID: id, MessageID: base, Stored: []DedupeMessage{}}
	var r forgottenRecord
	if d.p.ids != nil {
		var err error
		if r, err = d.p.ids.lookup(ctx, base); err != nil {
			return st, r, err
		}
	}
	st.Generation, st.Forgotten, st.By, st.Reason = r.Generation, r.At, r.By, r.Reason
	st.MessageID = generationID(base, r.Generation)
	for _, s := range d.p.streams() {
		if s.root == QuarantineRoot {
			continue
		}
		if err := d.find(ctx, s, base, &st); err != nil {
			return st, r, err
		}
	}
	slices.SortStableFunc(st.Stored, func(x, y DedupeMessage) int {
		return cmp.Or(cmp.Compare(y.Generation, x.Generation), y.Time.Compare(x.Time))
	})
	if d.spool != nil {
		waits, err := d.spool.waits(ctx, base)
		if err != nil {
			return st, r, err
		}
		st.Spooled = waits
	}
	return st, r, nil
}

// find adds the messages of a stream by which an id is known.
func (d *Dedupe) find(ctx context.Context, from rooted, base string, st *DedupeState) error {
	stream := from.Name
	window, err := d.p.window(ctx, stream)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil
	case err != nil:
		return err
	}
	for g := st.Generation; g >= 0 && g > st.Generation-mostGenerations; g-- {
		m := DedupeMessage{Generation: g, MessageID: generationID(base, g), Stream: stream}
		sequence, err := d.p.remembers(ctx, from, m.MessageID)
		if err != nil {
			return err
		}
		if sequence == 0 {
			continue
		}
		m.Sequence = sequence
		if err := d.describe(ctx, &m, window); err != nil {
			return err
		}
		st.Known = st.Known || g == st.Generation && from.takes(st.Tenant, st.Source)
		st.Stored = append(st.Stored, m)
	}
	return nil
}

// takes reports whether the next delivery of a source would be stored there. What is
// in a stream that its route had before says nothing about the one that it has now.
func (r rooted) takes(tenant, source string) bool {
	subject := Subject(&gateway.Event{Tenant: tenant, Source: source})
	if r.root == UnverifiedRoot {
		subject = UnverifiedRoot + strings.TrimPrefix(subject, Root)
	}
	return slices.ContainsFunc(r.subjects(r.root), func(pattern string) bool { return Overlap(pattern, subject) })
}

// window returns how long a stream remembers ids; 0 if the gateway may not look.
func (p *Publisher) window(ctx context.Context, stream string) (time.Duration, error) {
	var s jetstream.Stream
	refused, err := p.permitted(ctx, "STREAM.INFO."+stream, func(ctx context.Context) (err error) {
		s, err = p.js.Stream(ctx, stream)
		return err
	})
	switch {
	case refused:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("looking at the stream %s: %w", stream, err)
	}
	return s.CachedInfo().Config.Duplicates, nil
}

// describe says what the event is.
func (d *Dedupe) describe(ctx context.Context, m *DedupeMessage, window time.Duration) error {
	e, err := d.p.read(ctx, m.Stream, fmt.Appendf(nil, `{"seq":%d}`, m.Sequence))
	if gone(err) {
		m.Removed = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %d in %s: %w", m.Sequence, m.Stream, err)
	}
	m.Time, m.Subject, m.Type = e.at, e.subject, unescape(one(e.header, "ce-type"))
	if window > 0 {
		m.Until = e.at.Add(window)
	}
	m.SHA256, m.Same = one(e.header, headerDigest), one(e.header, headerSame)
	m.Size, _ = strconv.Atoi(one(e.header, "ce-whsize"))
	m.Trust, m.KeyID, m.RequestID = one(e.header, "ce-whtrust"), unescape(one(e.header, "ce-whkeyid")), one(e.header, headerIngestID)
	return nil
}

// remembers asks whether a stream knows a message id, and returns the sequence of
// the message, or 0. It does so with a message that is not stored in any case,
// because of a rollup that there is not, and of which the server looks at the id
// first.
func (p *Publisher) remembers(ctx context.Context, from rooted, id string) (uint64, error) {
	stream := from.Name
	if !atLeast(p.cfg.Conn.ConnectedServerVersion(), dedupeServer) {
		return 0, fmt.Errorf("%w: this one is %s", ErrDedupeServer, p.cfg.Conn.ConnectedServerVersion())
	}
	subject := from.within(from.root, "inspect")
	m := &nats.Msg{Subject: subject, Header: nats.Header{headerMsgID: {id}, headerStream: {stream}, "Nats-Rollup": {"none"}}}
	var ack *jetstream.PubAck
	refused, err := p.permitted(ctx, subject, func(ctx context.Context) (err error) {
		ack, err = p.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
		return err
	})
	api, answered := errors.AsType[*jetstream.APIError](err)
	switch {
	case refused:
		return 0, fmt.Errorf("asking %s for an id: the gateway may not publish on %s", stream, subject)
	case answered && api.ErrorCode == codeRollup:
		return 0, nil
	case answered && api.ErrorCode == codeInFlight:
		return 0, fmt.Errorf("an event with this id is being stored: try again: %w", err)
	case err != nil:
		return 0, fmt.Errorf("asking %s for an id: %w", stream, err)
	case !ack.Duplicate:
		return 0, fmt.Errorf("asking %s for an id: the server has stored the question as %d: remove it, and report this", stream, ack.Sequence)
	}
	return ack.Sequence, nil
}

// waits reports whether an event with this id is in the spool and not forwarded.
func (s *Spool) waits(ctx context.Context, id string) (bool, error) {
	for _, l := range s.lanes {
		root := Root
		switch l.stream {
		case s.local.cfg.Unverified.Name:
			root = UnverifiedRoot
		case s.local.cfg.Quarantine.Name:
			continue
		}
		sequence, err := s.local.remembers(ctx, rooted{root, StreamConfig{Name: l.stream}}, id)
		if err != nil {
			return false, fmt.Errorf("asking the spool: %w", err)
		}
		if sequence == 0 || l.isForwarded(sequence) {
			continue
		}
		// It may be forwarded, and removed, behind one that is not.
		switch _, err := s.local.read(ctx, l.stream, fmt.Appendf(nil, `{"seq":%d}`, sequence)); {
		case err == nil:
			return true, nil
		case !gone(err):
			return false, fmt.Errorf("asking the spool: %w", err)
		}
	}
	return false, nil
}

// Forget has the next delivery of an id stored as a new event, once. The state is
// that before. Again is true if the id was forgotten before, and has not come
// since, so that nothing had to be done.
func (d *Dedupe) Forget(ctx context.Context, tenant, source, id, by, reason string) (st DedupeState, again bool, _ error) {
	if d.p.ids == nil {
		return st, false, ErrCannotForget
	}
	f := d.p.ids
	st, r, err := d.inspect(ctx, tenant, source, id)
	switch {
	case err != nil:
		return st, false, err
	case time.Now().UnixNano() < f.denied.Load():
		return st, false, fmt.Errorf("%w: the gateway may not read the bucket %s: allow its user to publish on %sSTREAM.MSG.GET.%s", ErrCannotForget, f.cfg.Bucket, d.p.cfg.APIPrefix, f.stream())
	case st.Spooled && (st.Known || st.Generation == 0):
		// Known or not: what is forwarded then would be taken for the next delivery.
		return st, false, ErrStillSpooled
	case !st.Known && st.Generation > 0:
		return st, true, nil
	case !st.Known:
		return st, false, ErrNotRemembered
	}
	if until := st.Stored[0].Until; !until.IsZero() && time.Until(until) < forgottenMargin {
		return st, false, fmt.Errorf("%w: what comes after %s is a new event", ErrSoonForgotten, until.Format(time.RFC3339))
	}
	kv, err := f.bucket(ctx)
	if err != nil {
		return st, false, err
	}
	next := forgottenRecord{
		Generation: st.Generation + 1, Tenant: tenant, Source: source, ID: id,
		At: time.Now().UTC(), By: by, Reason: reason, revision: r.revision,
	}
	base := MsgID(tenant, source, id)
	refused, err := d.p.permitted(ctx, f.subject(base), func(ctx context.Context) error { return f.put(ctx, kv, base, next) })
	switch {
	case errors.Is(err, errOtherRevision):
		return st, true, nil // somebody else was first
	case refused:
		return st, false, fmt.Errorf("%w: the gateway may not write into the bucket %s: allow its user to publish on %s", ErrCannotForget, f.cfg.Bucket, f.subject(">"))
	case err != nil:
		return st, false, fmt.Errorf("storing that the id is forgotten, in the bucket %s: %w", f.cfg.Bucket, f.explain(err))
	}
	return st, false, nil
}

// atLeast reports whether a version is of this line or of a later one.
func atLeast(version string, line [2]int) bool {
	var have [2]int
	if _, err := fmt.Sscanf(version, "%d.%d", &have[0], &have[1]); err != nil {
		return false
	}
	return have[0] > line[0] || have[0] == line[0] && have[1] >= line[1]
}
