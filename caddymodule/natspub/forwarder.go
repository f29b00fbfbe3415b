package natspub

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	// forwardEvents and forwardBytes bound what is read at one time.
	forwardEvents = largestBatch
	forwardBytes  = largestBatchBytes
	// forwardPatience bounds one event's way to the cluster.
	forwardPatience = 10 * time.Second
	// forwardIdle is how often a lane looks by itself, and forwardPause, which
	// doubles up to forwardLongest, what it waits after a failure.
	forwardIdle    = time.Second
	forwardPause   = 50 * time.Millisecond
	forwardLongest = 2 * time.Second
	// forwardSay is the time between two lines about the same failure.
	forwardSay = time.Minute
	// smallBatch is what is not divided further when a batch is refused.
	smallBatch = 16
	// forwardWidth is how many sources are forwarded side by side, where batches
	// are not taken.
	forwardWidth = 32
	// purgeEvents is after how many forwarded events they are removed; and when
	// there are none left. What was forwarded and is not removed when the process
	// ends is forwarded again, and the cluster knows its id.
	purgeEvents = 4096
	// stuckAgain is how often what is too large for the servers is tried again.
	stuckAgain = 30 * time.Second
)

// errUndecided means that it cannot be found out whether an id was forgotten.
var errUndecided = errors.New("it is not known whether the id was forgotten")

// errAway means that there is no cluster to forward to.
var errAway = errors.New("the cluster is away")

// lane forwards one stream, in its order.
type lane struct {
	s      *Spool
	stream string
	wake   chan struct{}
	hurry  chan struct{} // somebody asks for an attempt now
	first  atomic.Int64  // when the oldest event was stored, in ns; 0 if there is none
	writes int           // guarded by s.mu: how often something was stored

	// The rest is the forwarding goroutine's.
	next     uint64        // the first sequence that was not looked at
	done     atomic.Uint64 // up to which all but what is stuck is in the cluster
	purged   uint64        // up to which everything is removed
	loose    []uint64      // what else was forwarded and is not removed
	stuck    map[uint64]time.Time
	held     map[spoolKey]*hold
	stuckNow atomic.Int64
	failed   atomic.Pointer[spoolFailure]
	single   *Publisher // takes no batches
}

// spooled is an event in the spool.
type spooled struct {
	seq   uint64
	at    time.Time
	key   spoolKey
	msg   *message
	done  bool
	stuck bool
	kept  string // its request
	extra int64  // bytes that it took in the store besides the message

	refused error // why the cluster does not take its subject
}

func newLane(s *Spool, stream string) *lane {
	return &lane{s: s, stream: stream, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stuck: make(map[uint64]time.Time), held: make(map[spoolKey]*hold)}
}

// begin notes that there is an event, stored at t if it is the first.
func (l *lane) begin(t time.Time) {
	l.first.CompareAndSwap(0, t.UnixNano())
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) oldest() time.Time {
	if ns := l.first.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// forward waits until no other spool forwards from the server, and forwards.
func (s *Spool) forward() {
	select {
	case s.cfg.Turn <- struct{}{}:
	case <-s.done:
		return
	}
	defer func() { <-s.cfg.Turn }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var work sync.WaitGroup
	for _, l := range s.lanes {
		work.Go(func() { l.run(ctx) })
	}
	<-s.done
	cancel()
	work.Wait()
}

// run forwards until ctx ends.
func (l *lane) run(ctx context.Context) {
	pause := forwardPause
	var said string
	var saidAt time.Time
	for ctx.Err() == nil {
		n, err := l.step(ctx)
		wait := forwardIdle
		switch {
		case errors.Is(err, errAway):
			wait = spoolTick
		case err != nil:
			l.failed.Store(&spoolFailure{err, l.s.cfg.Now()})
			if text := err.Error(); ctx.Err() == nil && (text != said || time.Since(saidAt) > forwardSay) {
				said, saidAt = text, time.Now()
				l.s.cfg.Logger.Warn("forwarding from the spool; trying again", "stream", l.stream, "error", err)
			}
			wait, pause = pause, min(2*pause, forwardLongest)
		case n > 0:
			pause = forwardPause
			continue
		}
		timer := time.NewTimer(wait)
		wake := l.wake
		if err != nil {
			wake = nil // one more event is no reason to hurry
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-wake:
		case <-l.hurry:
			pause = forwardPause
			l.retryNow()
		}
		timer.Stop()
	}
	last, cancel := context.WithTimeout(context.Background(), question)
	defer cancel()
	if err := l.purge(last); err != nil {
		l.s.cfg.Logger.Warn("removing what was forwarded from the spool", "stream", l.stream, "error", err)
	}
}

// step forwards the next events, and returns how far it came.
func (l *lane) step(ctx context.Context) (int, error) {
	remote := l.s.remote.Load()
	if remote == nil || remote.Ready() != nil {
		return 0, errAway
	}
	if err := l.retryStuck(ctx); err != nil {
		return 0, fmt.Errorf("removing: %w", err)
	}
	if err := l.retryHeld(ctx, remote); err != nil {
		return 0, err
	}
	writes, begin := l.s.writesOf(l), l.next
	list, end, err := l.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading: %w", err)
	}
	if end == l.next {
		if err := l.purge(ctx); err != nil {
			return 0, fmt.Errorf("removing: %w", err)
		}
		l.s.emptied(l, writes)
		return 0, nil
	}
	if len(list) > 0 {
		l.first.Store(list[0].at.UnixNano())
	}
	err = l.send(ctx, remote, list)
	if l.advance(list, end) > 0 {
		l.s.recovered()
	}
	if len(l.loose) > purgeEvents {
		err = errors.Join(err, l.purge(ctx))
	}
	return int(l.next - begin), err //nolint:gosec // few
}

// advance goes on up to the first event that is still to be forwarded, or to end,
// and returns how many were forwarded. What is behind that one is read again, and
// is a duplicate then if it was forwarded.
func (l *lane) advance(list []*spooled, end uint64) (done int) {
	passed := list
	for i, k := range list {
		if !k.done && !k.stuck && l.held[k.key] == nil {
			passed, end = list[:i], k.seq
			break
		}
	}
	for _, k := range passed {
		switch {
		case k.stuck:
			l.stuck[k.seq] = time.Now()
		case k.done:
			l.loose = append(l.loose, k.seq)
			done++
		default:
			h := l.held[k.key]
			h.first = min(h.first, k.seq)
		}
	}
	l.next = end
	l.noteDone()
	l.stuckNow.Store(int64(len(l.stuck)))
	l.s.forwarded(passed)
	return done
}

// send forwards the events, and marks those that the cluster has.
func (l *lane) send(ctx context.Context, remote *Publisher, list []*spooled) error {
	list = l.unheld(list) // one of them may have been refused just now
	if len(list) < 2 || l.single == remote {
		return l.singly(ctx, remote, list)
	}
	if rows := byStream(list); len(rows) > 1 {
		for _, row := range rows {
			if err := l.send(ctx, remote, row); err != nil {
				return err
			}
		}
		return nil
	}
	messages := make([]*message, len(list))
	for i, k := range list {
		if remote.claims(k.msg) || remote.ids.has(k.msg.id()) { // its body goes elsewhere first, or its id is another
			if i > 0 {
				if err := l.send(ctx, remote, list[:i]); err != nil {
					return err
				}
			}
			if err := l.singly(ctx, remote, list[i:i+1]); err != nil {
				return err
			}
			return l.send(ctx, remote, list[i+1:])
		}
		messages[i] = k.msg
	}
	before := remote.cfg.Conn.LastError()
	_, err := newCommitter(remote, list[0].msg.stream).publish(messages)
	if last := remote.cfg.Conn.LastError(); err != nil && errors.Is(last, nats.ErrPermissionViolation) && last != before { //nolint:errorlint // another occurrence is another value
		err = fmt.Errorf("%w: %w", errUncommitted, err)
	}
	api, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case err == nil:
		for _, k := range list {
			k.done = true
		}
		l.s.count(func(c *SpoolCounters) { c.Forwarded += uint64(len(list)) })
		return nil
	case refused && api.ErrorCode == noAtomicPublish:
		l.single = remote
		return l.singly(ctx, remote, list)
	case refused && api.Code < 500, errors.Is(err, errUncommitted), errors.Is(err, nats.ErrNoResponders):
		// One of them is a duplicate, too large or not permitted, or no stream takes its
		// subject, and it is not said which.
		if len(list) <= smallBatch {
			return l.singly(ctx, remote, list)
		}
		half := len(list) / 2
		if err := l.send(ctx, remote, list[:half]); err != nil {
			return err
		}
		return l.send(ctx, remote, list[half:])
	}
	return err
}

// byStream divides the events by the stream that they are for. A source has one,
// so that its order stays.
func byStream(list []*spooled) (rows [][]*spooled) {
	at := make(map[string]int)
	for _, k := range list {
		i, known := at[k.msg.stream]
		if !known {
			i = len(rows)
			at[k.msg.stream] = i
			rows = append(rows, nil)
		}
		rows[i] = append(rows[i], k)
	}
	return rows
}

// singly forwards the events one after the other within each source.
func (l *lane) singly(ctx context.Context, remote *Publisher, list []*spooled) error {
	byKey := make(map[spoolKey][]*spooled)
	for _, k := range list {
		byKey[k.key] = append(byKey[k.key], k)
	}
	slots, problems := make(chan struct{}, forwardWidth), make(chan error, len(byKey))
	for _, row := range byKey {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			problems <- l.inOrder(ctx, remote, row)
		}()
	}
	var first error
	for range byKey {
		first = cmp.Or(first, <-problems)
	}
	l.holdRefused(list)
	return first
}

func (l *lane) inOrder(ctx context.Context, remote *Publisher, row []*spooled) error {
	for _, k := range row {
		if err := l.one(ctx, remote, k); err != nil {
			return err
		}
		if k.refused != nil {
			break
		}
	}
	return nil
}

// one forwards an event, unless the cluster has it.
func (l *lane) one(ctx context.Context, remote *Publisher, k *spooled) error {
	ctx, cancel := context.WithTimeout(ctx, forwardPatience)
	defer cancel()
	ack, sent, err := remote.deliver(ctx, k.msg)
	err = remote.explain(ctx, k.msg, err)
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		k.stuck = true
		l.s.cfg.Logger.Error("an event in the spool is larger than the cluster takes; it stays there until max_payload of the servers and max_msg_size of the stream are raised",
			"stream", l.stream, "bytes", len(k.msg.event.Body), "id", one(k.msg.header, "ce-id"))
		return nil
	case err != nil && ofSubject(err):
		k.refused = err
		return nil
	case err != nil:
		return err
	case !ack.Duplicate:
		l.s.count(func(c *SpoolCounters) { c.Forwarded++ })
	default:
		err := l.judge(ctx, remote, k, sent, ack)
		if errors.Is(err, errUndecided) {
			k.stuck = true
			l.s.cfg.Logger.Warn("an event in the spool has an id that the cluster knows, and it cannot be found out whether that was forgotten; it stays there until it can",
				"stream", l.stream, "id", one(k.msg.header, "ce-id"), "error", err)
			return nil
		}
		if err != nil && ofSubject(err) { // it goes into quarantine, and may not
			k.refused = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	k.done = true
	return nil
}

// judge decides what it means that the cluster has an event with this id.
func (l *lane) judge(ctx context.Context, remote *Publisher, k *spooled, sent *message, ack *jetstream.PubAck) error {
	o, err := remote.original(ctx, ack)
	if err != nil && !gone(err) {
		return fmt.Errorf("reading the original of a duplicate: %w", err)
	}
	if err != nil || !o.is(k.msg) {
		generation, err := remote.newer(ctx, sent)
		if err != nil {
			return fmt.Errorf("%w: %w", errUndecided, err)
		}
		if generation > 0 {
			return l.renewed(ctx, remote, k, sent.renewed(generation))
		}
	}
	switch {
	case err != nil || o.digest == compared(k.msg.header) && !o.is(k.msg):
		l.s.count(func(c *SpoolCounters) { c.Duplicates++ })
		return nil
	case o.is(k.msg):
		l.s.count(func(c *SpoolCounters) { c.Forwarded++ })
		return nil
	}
	if l.stream == remote.cfg.Quarantine.Name {
		l.s.count(func(c *SpoolCounters) { c.Duplicates++ })
		return nil
	}
	aside := remote.conflict(k.msg, k.key)
	remote.keepRequest(aside, k.kept, gateway.Ack{Stream: ack.Stream, Sequence: ack.Sequence})
	if _, _, err := remote.deliver(ctx, aside); err != nil {
		return fmt.Errorf("quarantining an event whose id belongs to another: %w", err)
	}
	remote.cfg.Ops.conflict(aside, gateway.Ack{Stream: ack.Stream, Sequence: ack.Sequence})
	l.s.cfg.Logger.Warn("an event from the spool has the id of another; it is in quarantine", "stream", l.stream, "id", one(k.msg.header, "ce-id"))
	l.s.count(func(c *SpoolCounters) { c.Conflicts++ })
	return nil
}

// renewed forwards an event whose id was forgotten.
func (l *lane) renewed(ctx context.Context, remote *Publisher, k *spooled, m *message) error {
	ack, sent, err := remote.deliver(ctx, m)
	switch {
	case err != nil:
		return err
	case ack.Duplicate:
		return l.judge(ctx, remote, k, sent, ack)
	}
	l.s.count(func(c *SpoolCounters) { c.Forwarded++ })
	return nil
}

// deliver stores a message in the cluster, and returns it as it was sent.
func (p *Publisher) deliver(ctx context.Context, m *message) (*jetstream.PubAck, *message, error) {
	again := m.again()
	again.base, again.generation = m.base, m.generation
	if err := p.open(ctx, again); err != nil {
		return nil, nil, err
	}
	ack, err := p.await(ctx, again)
	return ack, again, err
}

// conflict is the message into quarantine of an event whose id is taken.
func (p *Publisher) conflict(m *message, key spoolKey) *message {
	e := &gateway.Event{Tenant: key.tenant, Source: key.source, ID: unescape(one(m.header, "ce-id")), Body: m.event.Body, IngestID: m.event.IngestID}
	if sum, err := hex.DecodeString(one(m.header, headerDigest)); err == nil {
		copy(e.Digest[:], sum)
	}
	q := gateway.Quarantine{Reason: reasonConflict}
	h := maps.Clone(m.header)
	delete(h, headerAttestation) // what is in quarantine is vouched for by nobody
	h[headerMsgID] = []string{quarantineMsgID(e, q)}
	h[headerStream] = []string{p.cfg.Quarantine.Name}
	h[headerReason] = []string{q.Reason}
	h[headerSubject] = []string{m.subject}
	return &message{subject: QuarantineSubject(e, q), stream: p.cfg.Quarantine.Name, header: h, event: e}
}

// unescape undoes escape.
func unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}

// is reports whether the original is this very message, stored by an attempt
// whose answer got lost.
func (o original) is(m *message) bool {
	return o.ingestID == m.event.IngestID && o.index == one(m.header, headerIndex)
}

func (s *Spool) count(add func(*SpoolCounters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counters)
}

func (s *Spool) writesOf(l *lane) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.writes
}

// forwarded gives the room of the events back.
func (s *Spool) forwarded(list []*spooled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range list {
		if k.done {
			s.put(k.key, s.shares[k.key], -1, -k.size())
		}
	}
}

func (k *spooled) size() int64 { return k.msg.size() + k.extra }

// emptied notes that the lane has nothing to forward, unless something was stored
// since writes were counted.
func (s *Spool) emptied(l *lane, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.writes != writes {
		return
	}
	for key, h := range s.shares {
		if key.stream != l.stream {
			continue
		}
		if h.writing > 0 {
			return
		}
	}
	l.first.Store(0)
	if len(l.stuck) > 0 {
		return
	}
	for key, h := range s.shares {
		if _, held := s.held[key]; key.stream == l.stream && !held {
			s.weigh(key, -h.bytes)
			delete(s.shares, key)
		}
	}
}
