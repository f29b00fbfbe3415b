package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// ErrNoEntry: there is no event with this sequence in quarantine, or no more.
var ErrNoEntry = errors.New("there is no such event in quarantine")

// SignatureReason is the reason for which requests that are not authentic are in
// quarantine: a sample of them.
const SignatureReason = "signature"

// Quarantine reads the quarantine stream and removes events from it. It is safe
// for concurrent use. Its errors wrap [ErrNoEntry], or are those of NATS.
type Quarantine struct {
	p *Publisher
}

// NewQuarantine returns the quarantine of a publisher.
func NewQuarantine(p *Publisher) *Quarantine { return &Quarantine{p} }

// Kept is an event in quarantine.
type Kept struct {
	*gateway.Entry
	// Sequence names it in the stream, and Stored is when it came there.
	Sequence uint64
	Stored   time.Time
}

// KeptFilter chooses events in quarantine. Empty fields choose all.
type KeptFilter struct {
	Tenant, Source, Reason string
}

func (f KeptFilter) subject() string {
	var b strings.Builder
	b.WriteString(QuarantineRoot)
	for _, text := range []string{f.Tenant, f.Source, f.Reason} {
		if text == "" {
			b.WriteString(".*")
			continue
		}
		writeToken(&b, text)
	}
	return b.String()
}

// Next returns the first event from a sequence on that the filter chooses, or
// [ErrNoEntry]. What no gateway has put there is left out.
func (q *Quarantine) Next(ctx context.Context, from uint64, f KeptFilter) (*Kept, error) {
	s, err := q.stream(ctx)
	if err != nil {
		return nil, err
	}
	for from = max(from, 1); ; {
		m, err := s.GetMsg(ctx, from, jetstream.WithGetMsgSubject(f.subject()))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil, ErrNoEntry
		case err != nil:
			return nil, fmt.Errorf("reading the stream %s: %w", q.p.cfg.Quarantine.Name, err)
		}
		k, err := q.decode(ctx, m)
		if errors.Is(err, errNoEvent) {
			from = m.Sequence + 1
			continue
		}
		return k, err
	}
}

// Get returns the event with a sequence, or [ErrNoEntry].
func (q *Quarantine) Get(ctx context.Context, sequence uint64) (*Kept, error) {
	s, err := q.stream(ctx)
	if err != nil {
		return nil, err
	}
	m, err := s.GetMsg(ctx, sequence)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, fmt.Errorf("%w: %d in %s", ErrNoEntry, sequence, q.p.cfg.Quarantine.Name)
	case err != nil:
		return nil, fmt.Errorf("reading the stream %s: %w", q.p.cfg.Quarantine.Name, err)
	}
	return q.decode(ctx, m)
}

func (q *Quarantine) decode(ctx context.Context, m *jetstream.RawStreamMsg) (*Kept, error) {
	body, err := Body(ctx, q.p.js, m.Header, m.Data)
	if err != nil {
		return nil, fmt.Errorf("reading the body of %d in %s: %w", m.Sequence, q.p.cfg.Quarantine.Name, err)
	}
	e, err := entry(m.Header, body)
	if err != nil {
		return nil, fmt.Errorf("%d in %s: %w", m.Sequence, q.p.cfg.Quarantine.Name, err)
	}
	return &Kept{Entry: e, Sequence: m.Sequence, Stored: m.Time}, nil
}

// Remove deletes the event with a sequence. One that is not there any more is
// no error: whoever removed it had published it, or did not want it.
func (q *Quarantine) Remove(ctx context.Context, sequence uint64) error {
	s, err := q.stream(ctx)
	if err != nil {
		return err
	}
	err = s.DeleteMsg(ctx, sequence)
	if err == nil || errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if _, gone := s.GetMsg(ctx, sequence); errors.Is(gone, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("removing %d from the stream %s: %w", sequence, q.p.cfg.Quarantine.Name, err)
}

// QuarantineStatus says what is in quarantine.
type QuarantineStatus struct {
	Stream string `json:"stream"`
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
	// MaxBytes is the stream's limit; zero means that it has none of its own.
	MaxBytes int64 `json:"max_bytes"`
	// Oldest is when the oldest event came; zero if there is none.
	Oldest time.Time `json:"oldest,omitzero"`
	// Reasons counts events by why they are there.
	Reasons map[string]uint64 `json:"reasons,omitempty"`
}

// Status says what is in quarantine, with Reasons only if they are wanted: they
// cost as much as there are sources.
func (q *Quarantine) Status(ctx context.Context, reasons bool) (QuarantineStatus, error) {
	st := QuarantineStatus{Stream: q.p.cfg.Quarantine.Name, Reasons: make(map[string]uint64)}
	s, err := q.stream(ctx)
	if err != nil {
		return st, err
	}
	info := s.CachedInfo()
	if reasons {
		if info, err = s.Info(ctx, jetstream.WithSubjectFilter(QuarantineRoot+".>")); err != nil {
			return st, fmt.Errorf("looking at the stream %s: %w", st.Stream, err)
		}
	}
	st.Events, st.Bytes, st.MaxBytes = info.State.Msgs, info.State.Bytes, max(info.Config.MaxBytes, 0)
	if st.Events > 0 {
		st.Oldest = info.State.FirstTime
	}
	for subject, n := range info.State.Subjects {
		st.Reasons[subject[strings.LastIndexByte(subject, '.')+1:]] += n
	}
	return st, nil
}

func (q *Quarantine) stream(ctx context.Context) (jetstream.Stream, error) {
	s, err := q.p.js.Stream(ctx, q.p.cfg.Quarantine.Name)
	if err != nil {
		return nil, fmt.Errorf("looking at the stream %s: %w", q.p.cfg.Quarantine.Name, err)
	}
	return s, nil
}

// Unverified makes the stream for events that nothing proves, if it has to be
// made, for the release of one: otherwise it exists only where a route verifies
// nothing. The error says what is wrong with it.
func (q *Quarantine) Unverified(ctx context.Context, cfg StreamConfig) (gateway.Publisher, error) {
	found, err := q.p.examine(ctx, UnverifiedRoot, cfg)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if f.Severity == Fatal {
			return nil, errors.New(f.String())
		}
	}
	return unverifier{q.p, cfg.Name}, nil
}

// unverifier publishes to the stream for events that nothing proves.
type unverifier struct {
	*Publisher
	stream string
}

// Publish implements [gateway.Publisher].
func (u unverifier) Publish(ctx context.Context, e *gateway.Event) (gateway.Ack, error) {
	if e.Trust != gateway.Unverified {
		return gateway.Ack{}, errors.New("the event is not unverified")
	}
	m := u.message(e)
	m.stream = u.stream
	m.header[headerStream] = []string{u.stream}
	return u.store(ctx, m)
}

// Record publishes an operational event and returns when it is stored. It is for
// what an operator does, of which there has to be a record.
func (o *Ops) Record(ctx context.Context, e OpsEvent) error {
	if o == nil {
		return errOpsClosed
	}
	m, err := o.message(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, opsAttempt)
	defer cancel()
	_, err = o.p.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) {
		o.prepare(ctx)
		_, err = o.p.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	}
	o.cfg.Done(err == nil)
	return err
}

var _ gateway.Publisher = unverifier{}
