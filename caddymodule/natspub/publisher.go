package natspub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	defaultMaxPending = 4096
	// defaultAttempt is how long one attempt may take before it is repeated. A
	// sync to a slow disk is far below it, and a sender's deadline above.
	defaultAttempt = 2500 * time.Millisecond
	// shortestAttempt is what an attempt gets when there is little time left.
	shortestAttempt = 500 * time.Millisecond
	// deniedAfter is when an attempt without an answer looks whether it had the
	// permission.
	deniedAfter = 100 * time.Millisecond
	// readyInterval is how often Config.Ready is asked.
	readyInterval = 500 * time.Millisecond
)

// Config describes a Publisher.
type Config struct {
	// Conn is the connection to publish on; it stays the caller's. Required.
	Conn *nats.Conn
	// Stream is for verified events, Unverified for those of sources that are
	// not checked, Quarantine for what is kept aside. An event for a stream
	// without a name is refused.
	Stream, Unverified, Quarantine StreamConfig
	// Routes are streams for the routes that have one of their own, which events
	// name. Each has Subjects, all verified or all unverified ones, which no other
	// stream has.
	Routes []StreamConfig
	// Bodies is where large bodies go.
	Bodies BodiesConfig
	// APIPrefix is where JetStream is asked, such as `$JS.hub.API` for the domain
	// hub; "" means `$JS.API`.
	APIPrefix string
	// MaxPending is how many events may wait for the broker; 0 means 4096.
	MaxPending int
	// AttemptTimeout bounds one attempt; 0 means 2.5 s.
	AttemptTimeout time.Duration
	// LargestBody is the largest body that may come, for Preflight to compare
	// with what the server takes; 0 means that it is not compared.
	LargestBody int64
	// Embedded means that the server is in this process and no other gateway's,
	// and SyncAlways that it syncs before it acknowledges.
	Embedded, SyncAlways bool
	// LookOnly means that Preflight makes and changes nothing: it says what it would
	// have made.
	LookOnly bool
	// NoGroupCommit means that events are never stored in batches. Otherwise they
	// are where that is what makes syncing cheap: on an embedded server that syncs
	// always, if many wait.
	NoGroupCommit bool
	// Stage, if not nil, is called with the name of a stream before a batch is sent
	// to it, and reports whether a batch costs about one sync and not several.
	Stage func(stream string) bool
	// Ready, if not nil, is asked twice a second whether the broker is well. As
	// long as it returns an error events are refused at once: a server whose
	// disk is full does not answer at all.
	Ready func() error
	// Attester signs what was verified; nil means that nothing is signed.
	Attester *Attester
	// Forgotten says where ids are that operators had forgotten.
	Forgotten ForgottenConfig
	// Ops is told about conflicts; nil means that nobody is.
	Ops *Ops
	// Logger gets what no caller is told. Nil means that nobody does.
	Logger *slog.Logger
}

// Publisher is a [gateway.Publisher] on JetStream. Deduplication is JetStream's
// own, by message id, so that storing and deduplicating are one step that holds
// for all gateways of a stream, over restarts, and for retries of ours.
type Publisher struct {
	cfg     Config
	js      jetstream.JetStream
	lanes   map[string]*committer // by stream; read-only
	bodies  *bodies               // nil: there is no object store
	ids     *forgotten            // nil: none can be forgotten
	pending atomic.Int64
	unwell  atomic.Pointer[error]
	faults  atomic.Uint64                    // how often the broker was found unwell
	refused atomic.Pointer[map[string]error] // by stream
	done    chan struct{}
	watcher sync.WaitGroup
	closed  sync.Once
}

// New returns a publisher. Call Preflight before the first event, and Close at
// the end.
func New(cfg Config) (*Publisher, error) {
	if cfg.Conn == nil {
		return nil, errors.New("publishing to NATS: no connection")
	}
	if cfg.MaxPending <= 0 {
		cfg.MaxPending = defaultMaxPending
	}
	if cfg.AttemptTimeout <= 0 {
		cfg.AttemptTimeout = defaultAttempt
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.APIPrefix == "" {
		cfg.APIPrefix = jetstream.DefaultAPIPrefix
	}
	cfg.APIPrefix = strings.TrimSuffix(cfg.APIPrefix, ".") + "."
	js, err := jetstream.NewWithAPIPrefix(cfg.Conn, cfg.APIPrefix,
		// We bound what waits; nats.go would stall. Attempts that were given up count
		// until they time out.
		jetstream.WithPublishAsyncMaxPending(4*cfg.MaxPending),
		jetstream.WithPublishAsyncTimeout(cfg.AttemptTimeout))
	if err != nil {
		return nil, fmt.Errorf("publishing to NATS: %w", err)
	}
	p := &Publisher{cfg: cfg, js: js, done: make(chan struct{})}
	if cfg.Embedded && cfg.SyncAlways && !cfg.NoGroupCommit {
		p.lanes = make(map[string]*committer)
		for _, s := range p.streams() {
			p.lanes[s.Name] = newCommitter(p, s.Name)
		}
	}
	if cfg.Bodies.Bucket != "" {
		p.bodies = newBodies(p, cfg.Bodies)
	}
	if cfg.Forgotten.Bucket != "" {
		p.ids = newForgotten(p, cfg.Forgotten)
		p.watcher.Go(p.ids.watch)
	}
	if cfg.Ready != nil {
		p.look()
		p.watcher.Go(p.watch)
	}
	return p, nil
}

// Ready returns nil if events are taken now.
func (p *Publisher) Ready() error {
	if status := p.cfg.Conn.Status(); status != nats.CONNECTED {
		return fmt.Errorf("%w: the connection is %s", gateway.ErrNotReady, status)
	}
	if err := p.unwell.Load(); err != nil && *err != nil {
		return fmt.Errorf("%w: %w", gateway.ErrNotReady, *err)
	}
	return nil
}

// sound looks whether the broker is well, and was since so many faults were
// counted: before it is believed that something is stored which this answer has not
// stored. A server that could write a batch and not sync it answers that batch with
// an error, and remembers the ids of what is in it all the same.
func (p *Publisher) sound(faults uint64) error {
	if p.cfg.Ready == nil {
		return nil
	}
	if err := p.cfg.Ready(); err != nil {
		return fmt.Errorf("%w: %w", errUnsound, err)
	}
	if p.faults.Load() != faults {
		return errUnsound
	}
	return nil
}

// errUnsound: what the broker has may not be on its disk.
var errUnsound = errors.New("the broker has the event, and was not well when that came there")

// Pending returns how many events wait for the broker now.
func (p *Publisher) Pending() int { return int(p.pending.Load()) }

// Close ends the publisher's own work. Events that are being published are not
// interrupted.
func (p *Publisher) Close() {
	p.closed.Do(func() { close(p.done) })
	p.watcher.Wait()
	p.pending.Add(1)
	p.leave()
}

// leave gives a place back. The last one after Close takes with it what nats.go
// holds for answers: a subscription, and a goroutine for each.
func (p *Publisher) leave() {
	if p.pending.Add(-1) > 0 {
		return
	}
	select {
	case <-p.done:
		p.js.CleanupPublisher()
	default:
	}
}

func (p *Publisher) watch() {
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			p.look()
		}
	}
}

func (p *Publisher) look() {
	err := p.cfg.Ready()
	if err != nil {
		p.faults.Add(1)
	}
	before := p.unwell.Swap(&err)
	if err != nil && (before == nil || *before == nil) {
		p.cfg.Logger.Error("the broker takes no events", "error", err)
	}
}

// Publish stores the event in the stream for its trust.
func (p *Publisher) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	return p.store(ctx, p.message(e))
}

// Start sends the event once. Events that are sent one after the other arrive in
// that order, because they share the connection.
func (p *Publisher) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	m := p.message(e)
	if err := p.open(ctx, m); err != nil {
		return func() (gateway.Ack, error) { return gateway.Ack{}, err }
	}
	return func() (gateway.Ack, error) { return p.finish(ctx, m) }
}

func (p *Publisher) message(e *gateway.Event) *message {
	stream := p.cfg.Stream.Name
	if e.Trust == gateway.Unverified {
		stream = p.cfg.Unverified.Name
	}
	if own, ok := p.routeStream(e.Stream); ok {
		stream = own
	}
	m := &message{
		subject: Subject(e), stream: stream, event: e,
		header: headers(e, MsgID(e.Tenant, e.Source, e.DedupeID()), stream),
	}
	p.attest(m.header, e)
	return m
}

// Quarantine stores the event in the quarantine stream.
func (p *Publisher) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	return p.store(ctx, p.aside(e, q))
}

// aside is the message of an event for the quarantine stream.
func (p *Publisher) aside(e *gateway.Event, q gateway.Quarantine) *message {
	stream := p.cfg.Quarantine.Name
	m := &message{subject: QuarantineSubject(e, q), stream: stream, event: e}
	m.header = headers(e, quarantineMsgID(e, q), stream)
	m.header[headerReason] = []string{escape(q.Reason)}
	if q.Detail != "" {
		m.header[headerDetail] = []string{escape(q.Detail)}
	}
	keep(m.header, e, q, p.roomKept(m))
	return m
}

// message is one event on its way, for as many attempts as it takes.
type message struct {
	subject, stream string
	header          nats.Header
	event           *gateway.Event
	claimed         bool   // the body is in the object store
	generation      int    // how often the id was forgotten before
	base            string // the id without a generation; "" if it is the same
	attempts        int
	faults          uint64 // of the broker, when the first attempt began
	unknown         bool   // an attempt has ended without an answer
	sent            *sent  // the attempt that was begun, if one was

	// For the first attempt by a committer. left is guarded by it.
	by   *committer
	turn chan turn
	left bool
}

// id is the message's id, by which the server tells duplicates.
func (m *message) id() string { return one(m.header, headerMsgID) }

// data is the message's payload.
func (m *message) data() []byte {
	if m.claimed {
		return nil
	}
	return m.event.Body
}

// sent is an attempt on its way.
type sent struct {
	future jetstream.PubAckFuture
	before error // the connection's last error then
	err    error
}

func (p *Publisher) store(ctx context.Context, m *message) (gateway.Ack, error) {
	if err := p.open(ctx, m); err != nil {
		return gateway.Ack{}, err
	}
	return p.finish(ctx, m)
}

// open takes a place, stores the body if that goes elsewhere, and begins. Unless
// there is an error finish or await must follow.
func (p *Publisher) open(ctx context.Context, m *message) error {
	if err := p.enter(m); err != nil {
		return err
	}
	err := p.renew(ctx, m)
	if err == nil {
		err = p.claim(ctx, m)
	}
	if err != nil {
		p.leave()
		return err
	}
	p.begin(m)
	return nil
}

// begin sends the message for the first time, or has it sent.
func (p *Publisher) begin(m *message) {
	if lane := p.lanes[m.stream]; lane != nil {
		lane.submit(m)
		return
	}
	m.sent = p.send(m)
}

// enter takes a place among those that wait; finish must follow unless there is
// none.
func (p *Publisher) enter(m *message) error {
	if m.stream == "" {
		return fmt.Errorf("%w: there is no stream for %s", gateway.ErrRefused, m.subject)
	}
	if err := p.refuses(m.stream); err != nil {
		return err
	}
	m.faults = p.faults.Load()
	if p.pending.Add(1) > int64(p.cfg.MaxPending) {
		p.pending.Add(-1)
		return gateway.ErrOverloaded
	}
	if err := p.Ready(); err != nil {
		p.pending.Add(-1)
		return err
	}
	return nil
}

func (p *Publisher) finish(ctx context.Context, m *message) (gateway.Ack, error) {
	for before := 0; ; {
		answer, err := p.await(ctx, m)
		before += m.attempts
		if err != nil {
			return gateway.Ack{Attempts: before}, err
		}
		ack, generation, err := p.prove(ctx, m, answer)
		if err == nil && generation > 0 { // one that is newer, so that this ends
			m = m.renewed(generation)
			if err = p.open(ctx, m); err == nil {
				continue
			}
		}
		ack.Attempts = before
		return ack, err
	}
}

// await waits for the server's answer, and gives the place back.
func (p *Publisher) await(ctx context.Context, m *message) (*jetstream.PubAck, error) {
	defer p.leave()
	return p.retry(ctx, m)
}

// retry sends the message until there is an answer that counts. Every attempt
// has the same id, so that it does not matter which of them were stored.
func (p *Publisher) retry(ctx context.Context, m *message) (*jetstream.PubAck, error) {
	for {
		m.attempts++
		ack, err := p.attempt(ctx, m)
		if err == nil && ack.Duplicate {
			err = p.sound(m.faults)
		}
		if err == nil {
			if ack.Stream != m.stream {
				return nil, fmt.Errorf("%w: the stream %s answered in place of %s", gateway.ErrRefused, ack.Stream, m.stream)
			}
			return ack, nil
		}
		f := classify(err)
		f.as = f.settled(m.unknown)
		m.unknown = m.unknown || f.unknown
		if f.tries > 0 && m.attempts >= f.tries || f.tries == 0 {
			return nil, fmt.Errorf("%w: %w", f.as, err)
		}
		if err := p.pause(ctx, m.attempts, f); err != nil {
			return nil, fmt.Errorf("%w: %w", err, f.cause)
		}
	}
}

func (p *Publisher) send(m *message) *sent {
	before := p.cfg.Conn.LastError()
	future, err := p.js.PublishMsgAsync(&nats.Msg{Subject: m.subject, Header: m.header, Data: m.data()}, jetstream.WithRetryAttempts(0))
	return &sent{future, before, err}
}

// attempt sends the message once, unless that was done, and waits for the answer.
func (p *Publisher) attempt(ctx context.Context, m *message) (*jetstream.PubAck, error) {
	if by := m.by; by != nil {
		m.by = nil
		return by.wait(ctx, m)
	}
	s := m.sent
	if m.sent = nil; s == nil {
		s = p.send(m)
	}
	return p.answer(ctx, m, s)
}

// answer waits for the answer to an attempt.
func (p *Publisher) answer(ctx context.Context, m *message, s *sent) (*jetstream.PubAck, error) {
	if s.err != nil {
		return nil, s.err
	}
	end := time.NewTimer(p.patience(ctx))
	defer end.Stop()
	look := time.NewTimer(deniedAfter)
	defer look.Stop()
	for {
		select {
		case ack := <-s.future.Ok():
			return ack, nil
		case err := <-s.future.Err():
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-end.C:
			return nil, jetstream.ErrAsyncPublishTimeout
		case <-look.C:
			if err := p.cfg.Conn.LastError(); denied(err, s.before, m.subject) {
				return nil, err
			}
			look.Reset(deniedAfter)
		}
	}
}

// patience is how long an attempt may take. Half of the time is left for
// another one, because an answer can get lost.
func (p *Publisher) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return p.cfg.AttemptTimeout
	}
	return min(p.cfg.AttemptTimeout, max(time.Until(deadline)/2, shortestAttempt))
}

// denied reports whether the connection's last error came up after before and
// says that the subject may not be published on. The server does not answer such
// a message.
func denied(last, before error, subject string) bool {
	return errors.Is(last, nats.ErrPermissionViolation) && last != before && //nolint:errorlint // another occurrence is another value
		strings.Contains(last.Error(), `"`+subject+`"`)
}

// pause waits before the next attempt: a little longer each time, and while
// there is no connection until there is one. It returns what the sender's answer
// is to be if there is no time left.
func (p *Publisher) pause(ctx context.Context, attempts int, f failure) error {
	wait := min(20*time.Millisecond<<min(attempts-1, 5), 500*time.Millisecond)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return f.as
	case <-timer.C:
	}
	if p.cfg.Conn.Status() == nats.CONNECTED {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.cfg.Conn.Status() != nats.CONNECTED {
		select {
		case <-ctx.Done():
			return gateway.ErrNotReady
		case <-tick.C:
		}
	}
	return nil
}

var _ gateway.Starter = (*Publisher)(nil)
