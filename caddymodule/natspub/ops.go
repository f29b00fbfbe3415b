package natspub

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
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

// OpsRoot is the root of the subjects of operational events.
const OpsRoot = "wh-ops.v1"

// OpsNoSource stands in subjects for the tenant or the source of an event that
// is about the whole gateway.
const OpsNoSource = noType

// opsTypePrefix goes before an operational event's name to make ce-type.
const opsTypePrefix = "caddy-webhooks.ops."

const (
	defaultOpsQueue = 256
	// opsPause is the least time between two events, so that what is stored for
	// operators never competes with what senders wait for.
	opsPause = 20 * time.Millisecond
	// opsAttempt bounds one attempt, and opsAttempts is how many there are while
	// there is a connection.
	opsAttempt  = 5 * time.Second
	opsAttempts = 3
	// opsAgain is the time between two attempts, and between two looks at a
	// connection that is broken.
	opsAgain = 250 * time.Millisecond
	// opsRecovery is how long an event waits for a stream that is not there, as
	// while a cluster that has come back chooses leaders.
	opsRecovery = 30 * time.Second
	// opsSay is the time between two lines about events that are lost.
	opsSay = time.Minute
)

// OpsConfig describes an Ops.
type OpsConfig struct {
	// Conn is the connection to publish on; it stays the caller's. Required.
	Conn *nats.Conn
	// APIPrefix is where JetStream is asked, such as `$JS.hub.API`; "" means
	// `$JS.API`.
	APIPrefix string
	// Stream is where the events are kept. A Stream with Create is made or brought
	// up to date before the first event. Required.
	Stream StreamConfig
	// Embedded means that the server is in this process and no other gateway's.
	Embedded bool
	// Instance is the gateway's name, for ce-whinstance; "" leaves it out.
	Instance string
	// PublicURL goes before "/<tenant>/<source>" in ce-source; "" leaves it out.
	PublicURL string
	// Queue is how many events may wait; 0 means 256.
	Queue int
	// Done, if not nil, is told once about each event whether it was stored. It
	// must not block.
	Done func(stored bool)
	// Logger gets what no caller is told. Nil means that nobody does.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// OpsEvent is something that operators want to know.
type OpsEvent struct {
	// Tenant and Source say where it happened; "" means in no one of them.
	Tenant, Source string
	// Name says what happened: a fixed word, such as "conflict".
	Name string
	// Key, if not "", names the occurrence within tenant, source and name: of
	// several events with one key the stream keeps the first.
	Key string
	// Data becomes the payload, a JSON object. It holds no secret, no payload and
	// no header's value. It must not be changed after Send.
	Data map[string]any
}

// Ops publishes operational events: one at a time, in the background, and as
// well as it can. What does not fit into its queue, or is not taken, is dropped
// and counted. It is safe for concurrent use; a nil *Ops drops everything.
type Ops struct {
	cfg    OpsConfig
	p      *Publisher // for its streams alone
	queue  chan *nats.Msg
	cancel context.CancelFunc
	ending chan struct{} // closed when no more events come
	work   sync.WaitGroup

	mu     sync.RWMutex // guards queue against Send after Close
	closed bool

	settled atomic.Bool

	// The worker's.
	said   time.Time
	absent bool // the stream was waited for in vain since it last took an event
}

// NewOps returns an Ops that runs until Close. The error means that cfg lacks
// something; whether the stream can be used is found out in the background.
func NewOps(cfg OpsConfig) (*Ops, error) {
	if cfg.Stream.Name == "" {
		return nil, errors.New("publishing operational events: no stream")
	}
	if cfg.Queue <= 0 {
		cfg.Queue = defaultOpsQueue
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Done == nil {
		cfg.Done = func(bool) {}
	}
	p, err := New(Config{Conn: cfg.Conn, APIPrefix: cfg.APIPrefix, Embedded: cfg.Embedded, MaxPending: 1})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &Ops{cfg: cfg, p: p, queue: make(chan *nats.Msg, cfg.Queue), cancel: cancel, ending: make(chan struct{})}
	o.work.Go(func() { o.run(ctx) })
	return o, nil
}

// Send takes the event into the queue, and reports whether it has. It never
// blocks.
func (o *Ops) Send(e OpsEvent) bool {
	if o == nil {
		return false
	}
	m, err := o.message(e)
	if err == nil {
		err = o.enqueue(m)
	}
	if err != nil {
		o.cfg.Done(false)
		return false
	}
	return true
}

var (
	errOpsFull   = errors.New("the queue is full")
	errOpsClosed = errors.New("the gateway ends")
)

func (o *Ops) enqueue(m *nats.Msg) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return errOpsClosed
	}
	select {
	case o.queue <- m:
		return nil
	default:
		return errOpsFull
	}
}

// Settle leaves the stream as it is from now on: it is not made again.
func (o *Ops) Settle() {
	if o != nil {
		o.settled.Store(true)
	}
}

// Close ends it. What waits is published as long as ctx lasts, and then dropped.
func (o *Ops) Close(ctx context.Context) {
	if o == nil {
		return
	}
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.queue)
		close(o.ending)
	}
	o.mu.Unlock()
	stop := context.AfterFunc(ctx, o.cancel)
	o.work.Wait()
	stop()
	o.cancel()
	o.p.Close()
}

func (o *Ops) run(ctx context.Context) {
	o.prepare(ctx)
	for m := range o.queue {
		err := o.publish(ctx, m)
		o.cfg.Done(err == nil)
		if err != nil && o.cfg.Now().Sub(o.said) > opsSay {
			o.said = o.cfg.Now()
			o.cfg.Logger.Warn("an operational event is lost", "subject", m.Subject, "stream", o.cfg.Stream.Name, "error", err)
		}
		if err == nil {
			o.rest(ctx)
		}
	}
}

// rest keeps the rate down, except at the end.
func (o *Ops) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-o.ending:
	case <-time.After(opsPause):
	}
}

// prepare makes the stream or brings it up to date. What is wrong with it shows
// when events are published.
func (o *Ops) prepare(ctx context.Context) {
	if !o.cfg.Stream.Create || o.settled.Load() || !o.connected(ctx) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, opsAttempt)
	defer cancel()
	_, found, err := o.p.prepare(ctx, OpsRoot, o.cfg.Stream)
	for _, f := range found {
		level := slog.LevelWarn
		if f.Severity == Note {
			level = slog.LevelInfo
		}
		o.cfg.Logger.Log(ctx, level, "preflight", f.Attrs()...)
	}
	if err != nil {
		o.cfg.Logger.Info("the stream for operational events is not ready", "error", err)
	}
}

// connected waits until there is a connection.
func (o *Ops) connected(ctx context.Context) bool {
	for o.cfg.Conn.Status() != nats.CONNECTED {
		if o.cfg.Conn.IsClosed() || !pauseFor(ctx, opsAgain) {
			return false
		}
	}
	return ctx.Err() == nil
}

// publish stores the event. Time without a connection does not count.
func (o *Ops) publish(ctx context.Context, m *nats.Msg) (err error) {
	var since time.Time // which the stream has been away
	for n := 0; n < opsAttempts || o.awaits(err, since); n++ {
		if n > 0 && !pauseFor(ctx, opsAgain<<min(n, opsAttempts)) {
			break
		}
		if !o.connected(ctx) {
			return errors.Join(errOpsClosed, err)
		}
		attempt, cancel := context.WithTimeout(ctx, opsAttempt)
		_, err = o.p.js.PublishMsg(attempt, m, jetstream.WithRetryAttempts(0))
		cancel()
		if err == nil {
			o.absent = false
			return nil
		}
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			if since.IsZero() {
				since = time.Now()
			}
			o.prepare(ctx)
		}
	}
	return err
}

// awaits reports whether the stream, which has been away since then, is waited for:
// not at the end, and once if it does not come back.
func (o *Ops) awaits(err error, since time.Time) bool {
	if o.absent || !errors.Is(err, jetstream.ErrNoStreamResponse) {
		return false
	}
	select {
	case <-o.ending:
		return false
	default:
	}
	o.absent = time.Since(since) > opsRecovery
	return !o.absent
}

// pauseFor waits, and reports whether ctx lasts.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// message is the event as it is published: CloudEvents 1.0 in binary mode.
func (o *Ops) message(e OpsEvent) (*nats.Msg, error) {
	data := e.Data
	if data == nil {
		data = map[string]any{}
	}
	body, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encoding an operational event: %w", err)
	}
	tenant, source := e.Tenant, e.Source
	if tenant == "" {
		tenant = OpsNoSource
	}
	if source == "" {
		source = OpsNoSource
	}
	id := rand.Text()
	if e.Key != "" {
		id = digestID("ops", e.Tenant, e.Source, e.Name, e.Key)
	}
	h := nats.Header{
		headerMsgID:          {id},
		headerStream:         {o.cfg.Stream.Name},
		"ce-specversion":     {"1.0"},
		"ce-id":              {id},
		"ce-source":          {escape(strings.TrimSuffix(o.cfg.PublicURL, "/") + "/" + tenant + "/" + source)},
		"ce-type":            {escape(opsTypePrefix + e.Name)},
		"ce-time":            {timestamp(o.cfg.Now())},
		"ce-datacontenttype": {"application/json"},
	}
	for name, value := range map[string]string{"ce-whtenant": e.Tenant, "ce-whsource": e.Source, "ce-whinstance": o.cfg.Instance} {
		if value != "" {
			h[name] = []string{escape(value)}
		}
	}
	return &nats.Msg{Subject: OpsSubject(e), Header: h, Data: body}, nil
}

// OpsSubject returns the subject of an operational event.
func OpsSubject(e OpsEvent) string {
	var b strings.Builder
	b.WriteString(OpsRoot)
	for _, text := range []string{e.Tenant, e.Source} {
		if text == "" {
			text = OpsNoSource
		}
		writeToken(&b, text)
	}
	writeToken(&b, e.Name)
	return b.String()
}

// conflict tells operators that an id came again with other bytes, and where the
// original is, if that is known. Deliveries of the same bytes are told of once, as
// long as the stream remembers.
func (o *Ops) conflict(m *message, original gateway.Ack) {
	if o == nil {
		return
	}
	e, digest := m.event, compared(m.header)
	data := map[string]any{
		"event_id": e.ID, "event_type": e.Type, "request_id": e.IngestID, "size": len(e.Body),
		"sha256": hex.EncodeToString(e.Digest[:]),
	}
	if original.Stream != "" {
		data["original_stream"], data["original_sequence"] = original.Stream, original.Sequence
	}
	o.Send(OpsEvent{
		Tenant: e.Tenant, Source: e.Source, Name: "conflict",
		Key: m.id() + digest, Data: data,
	})
}
