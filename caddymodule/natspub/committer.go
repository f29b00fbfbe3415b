package natspub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// breakEven is how many events must wait for a batch to cost less than as many
	// publishes, as long as nothing was measured; the least and the most that a
	// measurement can make of it follow. Where batches are staged in memory they
	// cost about one sync.
	breakEven, leastBreakEven, mostBreakEven = 24, 8, 96
	breakEvenStaged, leastStaged             = 4, 3
	// measureAgain is how long fewer than that are sent one by one before a batch
	// is tried all the same: it was measured when the disk was busy, maybe.
	measureAgain = 5 * time.Second
	// largestBatch and largestBatchBytes bound one batch. The server takes 1000.
	largestBatch      = 256
	largestBatchBytes = 8 << 20
	// perEvent is about what an event costs in a batch besides the fixed cost.
	perEvent = 20 * time.Microsecond
	// remembered is how many ids are known to be stored, so that a batch is not
	// spoiled by a sender's quick retry.
	remembered = 8192
	// noAtomicPublish is the code for a stream that takes no batches.
	noAtomicPublish = 10174
)

// errQueued means that the time was over before it was the event's turn: it was
// not sent.
var errQueued = errors.New("the event was still waiting to be sent")

// errUncommitted means that a batch was not sent to its end: the server forgets it.
var errUncommitted = errors.New("the batch was not sent to its end")

// committer sends the events for one stream. A server that syncs each event before
// it acknowledges is bound by its disk. A batch is synced as one, at a fixed cost,
// which pays if enough events wait: fewer are sent one by one, at once. Nothing
// waits for others to come. While a batch is on its way, or singles are and more
// have come, the next batch collects by itself.
type committer struct {
	p      *Publisher
	stream string

	mu      sync.Mutex
	queue   []*message
	singles int       // events on their way one by one
	batch   bool      // a batch is on its way
	off     bool      // the stream takes no batches
	staged  bool      // batches are staged in memory
	last    time.Time // when a batch was sent
	recent  recent

	// What was measured: a round of singles begins when there are none.
	round       time.Time
	inRound     int
	single, fix time.Duration // moving averages of an event's cost, and of a batch's
}

func newCommitter(p *Publisher, stream string) *committer {
	return &committer{p: p, stream: stream, staged: p.cfg.Stage != nil, last: time.Now(), recent: recent{known: make(map[string]bool)}}
}

// turn is what becomes of a message that waits: it was sent, and the answer is
// still to come, or it was in a batch that has an answer.
type turn struct {
	sent *sent
	ack  *jetstream.PubAck
	err  error
}

// submit queues the message for its first attempt. Messages are sent in the order
// in which they are submitted.
func (c *committer) submit(m *message) {
	m.turn, m.by = make(chan turn, 1), c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, m)
	c.dispatch()
}

// wait waits for the message's turn, as long as ctx permits, and then for the
// answer. A batch on its way is answered, or given up, within an attempt's time.
func (c *committer) wait(ctx context.Context, m *message) (*jetstream.PubAck, error) {
	select {
	case t := <-m.turn:
		if t.sent == nil {
			return t.ack, t.err
		}
		ack, err := c.p.answer(ctx, m, t.sent)
		c.answered(m, err)
		return ack, err
	case <-ctx.Done():
		return nil, c.leave(m, ctx.Err())
	}
}

// leave gives up waiting, and returns why: a message that is in a batch on its way
// may be stored.
func (c *committer) leave(m *message, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.left = true
	if i := slices.Index(c.queue, m); i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
		return errQueued
	}
	select {
	case t := <-m.turn: // it came in this moment
		if t.sent != nil {
			c.singleDone()
		}
	default:
	}
	return err
}

func (c *committer) answered(m *message, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.recent.add(m.id())
	}
	c.singleDone()
}

func (c *committer) singleDone() {
	if c.singles--; c.singles == 0 {
		c.single = average(c.single, time.Since(c.round)/time.Duration(max(c.inRound, 1)))
	}
	c.dispatch()
}

// dispatch sends what should be sent now.
func (c *committer) dispatch() {
	for len(c.queue) > 0 && !c.batch {
		if c.off || !c.pays(c.singles+len(c.queue)) {
			for _, m := range c.queue {
				c.sendSingle(m)
			}
			clear(c.queue)
			c.queue = c.queue[:0]
			return
		}
		if c.singles > 0 {
			return // meanwhile more come
		}
		list := c.take()
		if len(list) < c.least() {
			for _, m := range list {
				c.sendSingle(m)
			}
			continue
		}
		c.batch, c.last = true, time.Now()
		go c.commit(list)
	}
}

func (c *committer) sendSingle(m *message) {
	if c.singles == 0 {
		c.round, c.inRound = time.Now(), 0
	}
	c.singles++
	c.inRound++
	m.turn <- turn{sent: c.p.send(m)}
}

// take removes the next batch from the queue: one id once, since the server
// refuses a batch for a duplicate in it. Those whose id is known to be stored go
// alone; the server answers them without a sync.
func (c *committer) take() []*message {
	var list, rest []*message
	ids := make(map[string]bool)
	size := 0
	for i, m := range c.queue {
		id := m.id()
		if c.recent.known[id] {
			c.sendSingle(m)
			continue
		}
		if ids[id] {
			rest = append(rest, m)
			continue
		}
		if len(list) == largestBatch || size > 0 && size+len(m.data()) > largestBatchBytes {
			rest = append(rest, c.queue[i:]...)
			break
		}
		ids[id] = true
		size += len(m.data())
		list = append(list, m)
	}
	c.queue = rest
	return list
}

// commit sends one batch.
func (c *committer) commit(list []*message) {
	begin := time.Now()
	staged := c.p.cfg.Stage != nil && c.p.cfg.Stage(c.stream)
	last, err := c.publish(list)
	took := time.Since(begin)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch, c.staged = false, staged
	api, refused := errors.AsType[*jetstream.APIError](err)
	switch {
	case err == nil:
		c.fix = average(c.fix, max(took-time.Duration(len(list))*perEvent, 0))
		for i, m := range list {
			c.recent.add(m.id())
			m.turn <- turn{ack: &jetstream.PubAck{Stream: c.stream, Sequence: last - uint64(len(list)-1-i)}} //nolint:gosec // not negative
		}
	case refused && api.Code < 500, errors.Is(err, errUncommitted):
		// Nothing of it is stored, and it is not said which event is to blame.
		c.off = c.off || refused && api.ErrorCode == noAtomicPublish
		for _, m := range list {
			if !m.left {
				c.sendSingle(m)
			}
		}
	default:
		if refused || errors.Is(err, context.DeadlineExceeded) {
			err = jetstream.ErrAsyncPublishTimeout // whether they are stored is not known
		}
		for _, m := range list {
			m.turn <- turn{err: err}
		}
	}
	c.dispatch()
}

// publish sends the messages as one atomic batch, and returns the sequence of the
// last. They are stored in their order, next to each other.
func (c *committer) publish(list []*message) (uint64, error) {
	id := rand.Text()
	for i, m := range list {
		msg := &nats.Msg{Subject: m.subject, Header: maps.Clone(m.header), Data: m.data()}
		msg.Header["Nats-Batch-Id"] = []string{id}
		msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		if i < len(list)-1 {
			if err := c.p.cfg.Conn.PublishMsg(msg); err != nil {
				return 0, fmt.Errorf("%w: %w", errUncommitted, err)
			}
			continue
		}
		msg.Header["Nats-Batch-Commit"] = []string{"1"}
		return c.ask(msg, id, len(list))
	}
	return 0, errors.New("an empty batch")
}

func (c *committer) ask(msg *nats.Msg, id string, count int) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.p.cfg.AttemptTimeout)
	defer cancel()
	if !c.p.cfg.Embedded {
		defer c.cancelDenied(cancel, msg.Subject)()
	}
	answer, err := c.p.cfg.Conn.RequestMsgWithContext(ctx, msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		return 0, fmt.Errorf("%w: %w", errUncommitted, err)
	}
	if err != nil {
		return 0, err
	}
	var ack struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
		Last   uint64              `json:"seq"`
		Batch  string              `json:"batch"`
		Count  int                 `json:"count"`
	}
	switch err := json.Unmarshal(answer.Data, &ack); {
	case err != nil:
		return 0, fmt.Errorf("reading the answer to a batch: %w", err)
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Stream != c.stream || ack.Batch != id || ack.Count != count || ack.Last < uint64(count): //nolint:gosec // not negative
		return 0, fmt.Errorf("the answer to a batch of %d is about %d in %s", count, ack.Count, ack.Stream)
	}
	return ack.Last, nil
}

// cancelDenied cancels when the server says that the subject may not be published
// on, because then it does not answer. The function that it returns ends that.
func (c *committer) cancelDenied(cancel context.CancelFunc, subject string) func() {
	before, done := c.p.cfg.Conn.LastError(), make(chan struct{})
	go func() {
		tick := time.NewTicker(deniedAfter)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if denied(c.p.cfg.Conn.LastError(), before, subject) {
					cancel()
					return
				}
			}
		}
	}()
	return func() { close(done) }
}

// pays reports whether that many events make a batch worth its cost, or worth
// finding out what it costs now.
func (c *committer) pays(waiting int) bool {
	return waiting >= c.breakEven() || waiting >= c.least() && time.Since(c.last) >= measureAgain
}

// breakEven is how many events a batch must have, by what was measured.
func (c *committer) breakEven() int {
	switch {
	case c.single > 0 && c.fix > 0:
		return min(max(int(c.fix/c.single), c.least()), mostBreakEven)
	case c.staged:
		return breakEvenStaged
	}
	return breakEven
}

func (c *committer) least() int {
	if c.staged {
		return leastStaged
	}
	return leastBreakEven
}

func average(have, next time.Duration) time.Duration {
	if have == 0 {
		return next
	}
	return have + (next-have)/8
}

// recent remembers the last ids that were stored.
type recent struct {
	known map[string]bool
	ring  []string
	next  int
}

func (r *recent) add(id string) {
	if r.known[id] {
		return
	}
	if len(r.ring) < remembered {
		r.ring = append(r.ring, id)
	} else {
		delete(r.known, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % remembered
	}
	r.known[id] = true
}
