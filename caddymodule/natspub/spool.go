package natspub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// SpoolMode says which events of a route go through a [Spool].
type SpoolMode string

// The modes.
const (
	// SpoolOff: none. While the cluster is away senders are asked to try again.
	SpoolOff SpoolMode = "off"
	// SpoolOnOutage: those that the cluster does not take now, and what comes
	// after them from the same source until they have been forwarded.
	SpoolOnOutage SpoolMode = "on_outage"
	// SpoolAlways: all. The sender's answer never waits for the cluster.
	SpoolAlways SpoolMode = "always"
)

const (
	// defaultSpoolBytes is the default of SpoolConfig.MaxBytes.
	defaultSpoolBytes = 8 << 30
	// spoolShare bounds what one tenant may have in the spool: so many times what
	// is still free. One alone gets eight ninths, and however many fill it, there
	// is room for the next. In the same way it bounds what a source may have of its
	// tenant's part, so that it does not matter how many sources a tenant has.
	spoolShare = 8
	// spoolOverhead is about what the store adds to a message.
	spoolOverhead = 40
	// spoolTick is how often the spool looks whether the cluster is there.
	spoolTick = 100 * time.Millisecond
	// spoolProbe is the time between two tries whether the cluster takes events
	// again, when there are none to forward.
	spoolProbe = 500 * time.Millisecond
)

// headerSpoolID keeps the id of an event that is in the spool under another one:
// the copy before it was forwarded, so that only the cluster can compare them.
const headerSpoolID = "Wh-Spool-Msg-Id"

// SpoolConfig describes a Spool.
type SpoolConfig struct {
	// Local stores on a server in this process, in streams with the names of the
	// cluster's, which hold nothing else. Its Preflight has been called. It stays
	// the caller's. Required.
	Local *Publisher
	// MaxBytes is how much may wait; 0 means 8 GiB.
	MaxBytes int64
	// MaxAge is how old the oldest event may be before no more are taken; 0 means
	// that age is no limit. None is ever removed because of its age: its sender
	// was told that it has arrived.
	MaxAge time.Duration
	// Turn, with a capacity of 1, is shared by the spools on one server: the one
	// that has put its value in forwards. Nil means that there is no other.
	Turn chan struct{}
	// Notify, if not nil, is called when events begin to be kept (Out) and when
	// the cluster takes them again. It must not block.
	Notify func(SpoolStatus)
	// Logger gets what no caller is told. Nil means that nobody does.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	again time.Duration // between two tries of what is left behind; 0 means stuckAgain
}

// Spool keeps events on this machine's disk while the cluster does not take
// them, and forwards them in the order of their source and under their ids, so
// that none is stored twice. With returns the publisher for a route.
type Spool struct {
	cfg    SpoolConfig
	local  *Publisher
	remote atomic.Pointer[Publisher]
	lanes  []*lane
	done   chan struct{}
	work   sync.WaitGroup
	closed sync.Once

	mu       sync.Mutex
	shares   map[spoolKey]share
	tenants  map[string]int64       // bytes of their shares
	held     map[spoolKey]time.Time // since when events of a source are held
	bytes    int64                  // of all shares
	out      bool                   // the cluster did not take an event
	since    time.Time
	cause    error
	tripped  context.Context //nolint:containedctx // ends when out becomes true, for those that wait for the cluster
	trip     context.CancelFunc
	counters SpoolCounters
	samples  []spoolSample // of the counters, for the rate
}

// spoolKey is within what events keep their order.
type spoolKey struct{ stream, tenant, source string }

// share is what a key has in the spool.
type share struct {
	events, bytes int64
	writing       int // of events: those being stored
}

// SpoolCounters count events since the start.
type SpoolCounters struct {
	// Kept were stored here.
	Kept uint64 `json:"kept"`
	// Forwarded were stored by the cluster, or had been before an answer got
	// lost.
	Forwarded uint64 `json:"forwarded"`
	// Duplicates were in the cluster already, from another delivery.
	Duplicates uint64 `json:"duplicates"`
	// Conflicts had the id of another event, and were forwarded into quarantine.
	Conflicts uint64 `json:"conflicts"`
}

// SpoolStatus says how a spool is.
type SpoolStatus struct {
	// Events and Bytes wait to be forwarded.
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
	// MaxBytes is the limit of Bytes.
	MaxBytes int64 `json:"max_bytes"`
	// Oldest is when the oldest of them was stored; zero if there is none.
	Oldest time.Time `json:"oldest,omitzero"`
	// Out is whether the cluster does not take events, since Since, and Cause
	// why, as far as that was said.
	Out   bool      `json:"out"`
	Since time.Time `json:"since,omitzero"`
	Cause string    `json:"cause,omitempty"`
	// Stuck are events larger than the servers' max_payload, until that is raised,
	// and those of which it cannot be found out whether their id was forgotten.
	// Others are forwarded meanwhile.
	Stuck int `json:"stuck"`
	// Held are events of sources whose subjects the cluster refuses: they stay until
	// it takes them, and others are forwarded meanwhile.
	Held int64 `json:"held"`
	SpoolCounters
}

// waits returns how many of the events can be forwarded when the cluster is there.
func (st *SpoolStatus) waits() int64 { return st.Events - int64(st.Stuck) - st.Held }

// NewSpool returns a spool that begins to forward when SetRemote is called. What
// it had before is still there. Close it at the end.
func NewSpool(ctx context.Context, cfg SpoolConfig) (*Spool, error) {
	if cfg.Local == nil {
		return nil, errors.New("spooling: no publisher for the server in this process")
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = defaultSpoolBytes
	}
	if cfg.Turn == nil {
		cfg.Turn = make(chan struct{}, 1)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.again == 0 {
		cfg.again = stuckAgain
	}
	s := &Spool{cfg: cfg, local: cfg.Local, done: make(chan struct{}), shares: make(map[spoolKey]share), tenants: make(map[string]int64), held: make(map[spoolKey]time.Time)}
	s.tripped, s.trip = context.WithCancel(context.Background())
	for _, c := range []StreamConfig{s.local.cfg.Stream, s.local.cfg.Unverified, s.local.cfg.Quarantine} {
		if c.Name != "" {
			s.lanes = append(s.lanes, newLane(s, c.Name))
		}
	}
	if err := s.recount(ctx); err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	s.work.Go(s.watch)
	s.work.Go(s.forward)
	return s, nil
}

// SetRemote says who publishes to the cluster. It stays the caller's, and must
// not be closed before the spool.
func (s *Spool) SetRemote(p *Publisher) { s.remote.Store(p) }

// Close forwards what it can until ctx ends, and ends the spool's work. What is
// left stays on the disk. Nothing may be published any more.
func (s *Spool) Close(ctx context.Context) {
	s.closed.Do(func() {
		s.drain(ctx)
		close(s.done)
		s.mu.Lock()
		s.trip()
		s.mu.Unlock()
	})
	s.work.Wait()
}

// drain waits until everything is forwarded, or until that does not go on.
func (s *Spool) drain(ctx context.Context) {
	tick := time.NewTicker(spoolTick / 4)
	defer tick.Stop()
	for {
		if st := s.Status(); st.waits() <= 0 || !s.online() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Status says how the spool is.
func (s *Spool) Status() SpoolStatus {
	s.mu.Lock()
	st := SpoolStatus{Bytes: s.bytes, MaxBytes: s.cfg.MaxBytes, Out: s.out, Since: s.since, SpoolCounters: s.counters}
	for _, h := range s.shares {
		st.Events += h.events
	}
	for key, since := range s.held {
		st.Held += s.shares[key].events
		if st.Oldest.IsZero() || since.Before(st.Oldest) {
			st.Oldest = since
		}
	}
	if s.out && s.cause != nil {
		st.Cause = s.cause.Error()
	}
	s.mu.Unlock()
	if t := s.oldest(); st.Events > 0 && !t.IsZero() && (st.Oldest.IsZero() || t.Before(st.Oldest)) {
		st.Oldest = t
	}
	for _, l := range s.lanes {
		st.Stuck += int(l.stuckNow.Load())
	}
	return st
}

func (s *Spool) oldest() (t time.Time) {
	for _, l := range s.lanes {
		if at := l.oldest(); !at.IsZero() && (t.IsZero() || at.Before(t)) {
			t = at
		}
	}
	return t
}

// Publish implements [gateway.Publisher] as SpoolOnOutage.
func (s *Spool) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	return s.With(SpoolOnOutage).Publish(ctx, e)
}

// Quarantine implements [gateway.Publisher] as SpoolOnOutage.
func (s *Spool) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	return s.With(SpoolOnOutage).Quarantine(ctx, e, q)
}

// Start implements [gateway.Starter] as SpoolOnOutage.
func (s *Spool) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	return s.With(SpoolOnOutage).Start(ctx, e)
}

// With returns the publisher for routes with this mode.
func (s *Spool) With(mode SpoolMode) gateway.Starter { return spooler{s, mode} }

// spooler is a Spool in one mode.
type spooler struct {
	s    *Spool
	mode SpoolMode
}

// Publish implements [gateway.Publisher].
func (r spooler) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	return r.start(ctx, r.s.local.message(e))()
}

// Quarantine implements [gateway.Publisher].
func (r spooler) Quarantine(ctx context.Context, e *gateway.Event, q gateway.Quarantine) (gateway.Ack, error) {
	return r.start(ctx, r.s.local.aside(e, q))()
}

// Start implements [gateway.Starter].
func (r spooler) Start(ctx context.Context, e *gateway.Event) func() (gateway.Ack, error) {
	return r.start(ctx, r.s.local.message(e))
}

func (r spooler) start(ctx context.Context, m *message) func() (gateway.Ack, error) {
	key := spoolKey{m.stream, m.event.Tenant, m.event.Source}
	remote, short, cancel := r.s.direct(ctx, key, r.mode)
	if remote == nil {
		if r.mode == SpoolOff {
			return func() (gateway.Ack, error) { return gateway.Ack{}, gateway.ErrNotReady }
		}
		return r.s.keep(ctx, m, key)
	}
	first := m.forRoute(remote)
	err := remote.open(short, first)
	return func() (gateway.Ack, error) {
		defer cancel()
		var ack gateway.Ack
		if err == nil {
			ack, err = remote.finish(short, first)
		}
		if err == nil || r.mode == SpoolOff || errors.Is(err, gateway.ErrTooLarge) {
			return ack, err
		}
		err = remote.explain(short, first, err)
		if !errors.Is(err, gateway.ErrOverloaded) && !errors.Is(err, gateway.ErrInFlight) && !ofSubject(err) {
			r.s.outage(err)
		}
		attempts := first.attempts
		ack, err = r.s.keep(ctx, m, key)()
		ack.Attempts += attempts
		return ack, err
	}
}

// direct returns who takes an event with this key now: the cluster, until the
// context ends that leaves enough time for the spool, or nobody.
func (s *Spool) direct(ctx context.Context, key spoolKey, mode SpoolMode) (*Publisher, context.Context, context.CancelFunc) {
	remote := s.remote.Load()
	switch {
	case mode == SpoolAlways:
		return nil, nil, nil
	case mode == SpoolOff:
		return remote, ctx, func() {}
	case remote == nil:
		s.outage(gateway.ErrNotReady)
		return nil, nil, nil
	}
	if err := remote.Ready(); err != nil {
		s.outage(err)
		return nil, nil, nil
	}
	s.mu.Lock()
	keep, tripped := s.out || s.shares[key].events > 0, s.tripped
	s.mu.Unlock()
	if keep {
		return nil, nil, nil
	}
	var short context.Context
	var cancel context.CancelFunc
	if end, ok := ctx.Deadline(); ok {
		short, cancel = context.WithDeadline(ctx, end.Add(-time.Until(end)/2))
	} else {
		short, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(tripped, cancel)
	return remote, short, func() { stop(); cancel() }
}

// keep stores the event here. An event that was stored before and is forwarded
// already is stored again, under an id of its own, because whether it is the same,
// and whether its id was forgotten since, only the cluster can say.
func (s *Spool) keep(ctx context.Context, m *message, key spoolKey) func() (gateway.Ack, error) {
	m = s.withRequest(m)
	size := m.size()
	if err := s.admit(key, size); err != nil {
		return func() (gateway.Ack, error) { return gateway.Ack{}, err }
	}
	first := m.again()
	err := s.local.open(ctx, first)
	return func() (ack gateway.Ack, _ error) {
		if err == nil {
			ack, err = s.kept(ctx, first)
		}
		s.settle(key, size, ack, err)
		ack.Spooled = err == nil
		return ack, err
	}
}

func (s *Spool) kept(ctx context.Context, m *message) (gateway.Ack, error) {
	ack, err := s.local.await(ctx, m)
	if err != nil || !ack.Duplicate {
		return s.local.ack(m, ack), err
	}
	o, err := s.local.original(ctx, ack)
	if err == nil && (!s.lane(m.stream).isForwarded(ack.Sequence) || m.unknown && o.is(m)) {
		a := s.local.judge(m, ack, o)
		if a.Conflict {
			// Where the other will be in the cluster's stream nobody knows yet.
			s.local.cfg.Ops.conflict(m, gateway.Ack{})
		}
		return a, nil
	}
	if err != nil && !gone(err) {
		return gateway.Ack{}, fmt.Errorf("%w: %w", gateway.ErrTimeout, err)
	}
	again := &message{subject: m.subject, stream: m.stream, header: make(nats.Header, len(m.header)+1), event: m.event}
	maps.Copy(again.header, m.header)
	again.header[headerSpoolID] = m.header[headerMsgID]
	again.header[headerMsgID] = []string{digestID("again", m.id(), m.event.IngestID, one(m.header, headerIndex))}
	if err := s.local.open(ctx, again); err != nil {
		return gateway.Ack{}, err
	}
	ack, err = s.local.await(ctx, again)
	return s.local.ack(again, ack), err
}

// gone reports whether a message that was asked for is not there any more.
func gone(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 404
}

// admit makes room for an event; settle must follow if there is some.
func (s *Spool) admit(key spoolKey, size int64) error {
	if s.cfg.MaxAge > 0 {
		if t := s.oldest(); !t.IsZero() && s.cfg.Now().Sub(t) > s.cfg.MaxAge {
			return fmt.Errorf("%w: the oldest event in the spool is from %s", gateway.ErrFull, t.Format(time.RFC3339))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h, tenant := s.shares[key], s.tenants[key.tenant]
	// The most that the tenant may have, with what the others have.
	most := (s.cfg.MaxBytes - (s.bytes - tenant)) / (spoolShare + 1) * spoolShare
	if free := most - tenant; size > free || h.bytes+size > spoolShare*free {
		return fmt.Errorf("%w: the spool has %d of %d bytes, of this tenant %d and of this source %d", gateway.ErrFull, s.bytes, s.cfg.MaxBytes, tenant, h.bytes)
	}
	s.shares[key] = share{h.events + 1, h.bytes + size, h.writing + 1}
	s.weigh(key, size)
	return nil
}

// settle notes how storing has ended. What may be stored counts as stored.
func (s *Spool) settle(key spoolKey, size int64, ack gateway.Ack, err error) {
	l := s.lane(key.stream)
	s.mu.Lock()
	h := s.shares[key]
	h.writing--
	if err == nil && !ack.Duplicate {
		s.counters.Kept++
	}
	if refused := err != nil && !errors.Is(err, gateway.ErrTimeout); refused || ack.Duplicate {
		s.put(key, h, -1, -size)
	} else {
		s.shares[key] = h
	}
	l.writes++
	s.mu.Unlock()
	if err == nil {
		l.begin(s.cfg.Now())
	}
}

// put changes a share that is held as h, and forgets it when nothing is left.
func (s *Spool) put(key spoolKey, h share, events, bytes int64) {
	h.events = max(h.events+events, 0)
	change := max(h.bytes+bytes, 0) - h.bytes
	h.bytes += change
	s.weigh(key, change)
	if h.events == 0 && h.writing == 0 {
		s.weigh(key, -h.bytes)
		delete(s.shares, key)
		return
	}
	s.shares[key] = h
}

// weigh notes that there is so much more of a key.
func (s *Spool) weigh(key spoolKey, bytes int64) {
	s.bytes += bytes
	if s.tenants[key.tenant] += bytes; s.tenants[key.tenant] <= 0 {
		delete(s.tenants, key.tenant)
	}
}

func (s *Spool) lane(stream string) *lane {
	for _, l := range s.lanes {
		if l.stream == stream {
			return l
		}
	}
	return nil
}

// recount counts what the streams hold, by source. What is being stored now may
// be counted twice, until the stream is empty.
func (s *Spool) recount(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	shares := make(map[spoolKey]share)
	for key, h := range s.shares {
		if n := int64(h.writing); n > 0 {
			shares[key] = share{events: n, bytes: h.bytes / max(h.events, 1) * n, writing: h.writing}
		}
	}
	for _, l := range s.lanes {
		stream, err := s.local.js.Stream(ctx, l.stream)
		if err != nil {
			return fmt.Errorf("looking at the stream %s: %w", l.stream, err)
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err != nil {
			return fmt.Errorf("looking at the stream %s: %w", l.stream, err)
		}
		if info.State.Msgs == 0 {
			continue
		}
		each := int64(info.State.Bytes / info.State.Msgs) //nolint:gosec // far below 2^63
		for subject, n := range info.State.Subjects {
			key := keyOf(l.stream, subject)
			h := shares[key]
			h.events += int64(n)       //nolint:gosec // far below 2^63
			h.bytes += int64(n) * each //nolint:gosec // far below 2^63
			shares[key] = h
		}
		l.begin(info.State.FirstTime)
	}
	s.shares, s.bytes = shares, 0
	clear(s.tenants)
	for key, h := range shares {
		s.weigh(key, h.bytes)
	}
	return nil
}

// keyOf reads the key of a subject, whose tokens after the root are tenant and
// source.
func keyOf(stream, subject string) spoolKey {
	tokens := strings.SplitN(subject, ".", 5)
	if len(tokens) < 4 {
		return spoolKey{stream: stream}
	}
	return spoolKey{stream, tokens[2], tokens[3]}
}

// outage notes that the cluster did not take an event, and calls those back that
// wait for it.
func (s *Spool) outage(cause error) {
	s.mu.Lock()
	if s.out {
		s.mu.Unlock()
		return
	}
	s.out, s.since, s.cause = true, s.cfg.Now(), cause
	s.trip()
	s.mu.Unlock()
	s.cfg.Logger.Warn("the cluster takes no events; they are kept on this machine's disk until it does", "error", cause)
	s.notify()
}

// recovered notes that the cluster has taken an event.
func (s *Spool) recovered() {
	s.mu.Lock()
	if !s.out {
		s.mu.Unlock()
		return
	}
	took := s.cfg.Now().Sub(s.since)
	s.out, s.since, s.cause = false, time.Time{}, nil
	s.tripped, s.trip = context.WithCancel(context.Background())
	s.mu.Unlock()
	s.cfg.Logger.Info("the cluster takes events again", "after", took.Round(time.Millisecond), "waiting", s.Status().Events)
	s.notify()
}

func (s *Spool) notify() {
	if s.cfg.Notify != nil {
		s.cfg.Notify(s.Status())
	}
}

func (s *Spool) online() bool {
	remote := s.remote.Load()
	return remote != nil && remote.Ready() == nil
}

// watch notices that the connection is lost, so that those who wait need not find
// out one by one, and that the cluster takes events again when there are none to
// forward.
func (s *Spool) watch() {
	tick := time.NewTicker(spoolTick)
	defer tick.Stop()
	var probed time.Time
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		s.sample(time.Now())
		remote := s.remote.Load()
		if remote == nil {
			continue
		}
		if err := remote.Ready(); err != nil {
			s.outage(err)
			continue
		}
		if st := s.Status(); !st.Out || st.waits() > 0 || time.Since(probed) < spoolProbe {
			continue
		}
		probed = time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), question)
		if found, err := remote.probe(ctx, remote.streams()[0].root, remote.streams()[0].StreamConfig); err == nil && len(found) == 0 {
			s.recovered()
		}
		cancel()
	}
}

// again is the message before anything was done with it.
func (m *message) again() *message {
	return &message{subject: m.subject, stream: m.stream, header: m.header, event: m.event}
}

// size is about what the message takes in the store.
func (m *message) size() int64 {
	n := len(m.subject) + len(m.event.Body) + spoolOverhead
	for name, values := range m.header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return int64(n)
}

var (
	_ gateway.Starter = (*Spool)(nil)
	_ gateway.Starter = spooler{}
)
