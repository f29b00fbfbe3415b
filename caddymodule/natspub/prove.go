package natspub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// prove makes the Ack of the server's answer. That a duplicate is stored the
// server has said; the original says whether it is ours and has the same bytes.
// A generation above zero means that the id was forgotten, so that the event is
// to be stored once more, as of that generation.
func (p *Publisher) prove(ctx context.Context, m *message, ack *jetstream.PubAck) (_ gateway.Ack, generation int, _ error) {
	a := p.ack(m, ack)
	if !a.Duplicate {
		return a, 0, nil
	}
	o, unread := p.original(ctx, ack)
	if unread == nil && m.unknown && o.is(m) {
		a.Duplicate = false
		return a, 0, nil
	}
	generation, err := p.newer(ctx, m)
	if err != nil || generation > 0 {
		return gateway.Ack{}, generation, err
	}
	if unread != nil {
		// Nothing more can be proven, and what is proven is enough: the event
		// with this id is stored. It may have been deleted since.
		p.cfg.Logger.Warn("the original of a duplicate cannot be read", "stream", ack.Stream, "sequence", ack.Sequence, "error", unread)
		return a, 0, nil
	}
	return p.compare(m, ack, o), 0, nil
}

// ack is what the server's answer says, if there is one.
func (p *Publisher) ack(m *message, ack *jetstream.PubAck) gateway.Ack {
	if ack == nil {
		return gateway.Ack{Attempts: m.attempts}
	}
	return gateway.Ack{Stream: ack.Stream, Sequence: ack.Sequence, Duplicate: ack.Duplicate, Attempts: m.attempts}
}

// compare makes the Ack for a duplicate of o, and tells of a conflict.
func (p *Publisher) compare(m *message, ack *jetstream.PubAck, o original) gateway.Ack {
	a := p.judge(m, ack, o)
	if a.Conflict {
		p.cfg.Ops.conflict(m, a)
	}
	return a
}

// judge makes the Ack for a duplicate of o.
func (p *Publisher) judge(m *message, ack *jetstream.PubAck, o original) gateway.Ack {
	a := p.ack(m, ack)
	if m.unknown && o.is(m) {
		a.Duplicate = false
		return a
	}
	a.Stored = o.at
	a.Conflict = o.digest != compared(m.header)
	return a
}

// original is what is to be known of a stored event. The digest is the one by
// which deliveries are compared.
type original struct {
	ingestID, index, digest string
	at                      time.Time // when it was stored; zero if that is not known
}

// original reads the event that a duplicate is one of: from any server that has
// it, and else from the stream's leader, because others may be a little behind.
func (p *Publisher) original(ctx context.Context, ack *jetstream.PubAck) (original, error) {
	o, direct := p.direct(ctx, ack)
	if direct == nil {
		return o, nil
	}
	o, err := p.fromLeader(ctx, ack)
	if err != nil {
		return original{}, fmt.Errorf("%w; %w", err, direct)
	}
	return o, nil
}

func (p *Publisher) direct(ctx context.Context, ack *jetstream.PubAck) (original, error) {
	answer, err := p.request(ctx, "DIRECT.GET."+ack.Stream, bySequence(ack))
	if err != nil {
		return original{}, err
	}
	if status := answer.Header.Get("Status"); status != "" {
		return original{}, fmt.Errorf("status %s %s", status, answer.Header.Get("Description"))
	}
	o := describe(answer.Header, answer.Data)
	o.at, _ = time.Parse(time.RFC3339Nano, one(answer.Header, "Nats-Time-Stamp"))
	return o, nil
}

func (p *Publisher) fromLeader(ctx context.Context, ack *jetstream.PubAck) (original, error) {
	m, err := p.read(ctx, ack.Stream, bySequence(ack))
	if err != nil {
		return original{}, err
	}
	o := describe(m.header, m.data)
	o.at = m.at
	return o, nil
}

func bySequence(ack *jetstream.PubAck) []byte { return fmt.Appendf(nil, `{"seq":%d}`, ack.Sequence) }

// read asks a stream's leader for a message.
func (p *Publisher) read(ctx context.Context, stream string, which []byte) (*replayed, error) {
	answer, err := p.request(ctx, "STREAM.MSG.GET."+stream, which)
	if err != nil {
		return nil, err
	}
	var r struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	switch err := json.Unmarshal(answer.Data, &r); {
	case err != nil:
		return nil, err
	case r.Error != nil:
		return nil, r.Error
	case r.Message == nil:
		return nil, errors.New("the answer holds no message")
	}
	m := &replayed{seq: r.Message.Seq, at: r.Message.Time, subject: r.Message.Subject, data: r.Message.Data}
	if len(r.Message.Header) > 0 {
		if m.header, err = nats.DecodeHeadersMsg(r.Message.Header); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (p *Publisher) request(ctx context.Context, api string, data []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.AttemptTimeout)
	defer cancel()
	return p.cfg.Conn.RequestWithContext(ctx, p.cfg.APIPrefix+api, data)
}

func describe(h nats.Header, data []byte) original {
	o := original{ingestID: one(h, headerIngestID), index: one(h, headerIndex), digest: compared(h)}
	if o.digest == "" { // not written by this package
		sum := sha256.Sum256(data)
		o.digest = hex.EncodeToString(sum[:])
	}
	return o
}

func compared(h nats.Header) string {
	if same := one(h, headerSame); same != "" {
		return same
	}
	return one(h, headerDigest)
}

func one(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
