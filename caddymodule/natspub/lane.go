package natspub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// read returns the events from l.next on, without those that are left behind, and
// the sequence after the last that was looked at.
func (l *lane) read(ctx context.Context) (list []*spooled, end uint64, err error) {
	found, err := l.fetch(ctx, l.next, "")
	if err != nil {
		return nil, 0, err
	}
	end = l.next
	for _, k := range found {
		end = k.seq + 1
		_, stuck := l.stuck[k.seq]
		if h := l.held[k.key]; h != nil && !stuck {
			h.first = min(h.first, k.seq) // it was stuck, and comes back to a source that is held
		} else if !stuck {
			list = append(list, k)
		}
	}
	return list, end, nil
}

// fetch reads some events from a sequence on: those on a subject, or all if it is
// "".
func (l *lane) fetch(ctx context.Context, from uint64, subject string) ([]*spooled, error) {
	ctx, cancel := context.WithTimeout(ctx, forwardPatience)
	defer cancel()
	conn := l.s.local.cfg.Conn
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	ask := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, max(from, 1), forwardEvents, forwardBytes)
	if subject != "" {
		ask = fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d,"next_by_subj":%q}`, max(from, 1), forwardEvents, forwardBytes, subject)
	}
	if err := conn.PublishRequest(jetstream.DefaultAPIPrefix+"DIRECT.GET."+l.stream, inbox, ask); err != nil {
		return nil, err
	}
	var list []*spooled
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, err
		}
		switch m.Header.Get("Status") {
		case "":
		case "204", "404":
			return list, nil
		default:
			return nil, fmt.Errorf("status %s %s", m.Header.Get("Status"), m.Header.Get("Description"))
		}
		k, err := l.parse(m)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
}

// parse makes the message to the cluster of one that was read: what the server
// added to its headers goes.
func (l *lane) parse(m *nats.Msg) (*spooled, error) {
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the sequence of an event: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return nil, fmt.Errorf("the time of an event: %w", err)
	}
	subject := m.Header.Get("Nats-Subject")
	h := maps.Clone(m.Header)
	for _, name := range []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence", "Nats-UpTo-Sequence"} {
		delete(h, name)
	}
	for name := range h {
		if len(name) > len("Nats-Batch-") && name[:len("Nats-Batch-")] == "Nats-Batch-" {
			delete(h, name)
		}
	}
	if id := h[headerSpoolID]; id != nil {
		h[headerMsgID] = id
		delete(h, headerSpoolID)
	}
	kept, extra := takeRequest(h)
	e := &gateway.Event{Body: m.Data, IngestID: one(h, headerIngestID)}
	here := &message{subject: subject, stream: l.stream, header: h, event: e}
	there := here.forRoute(l.s.remote.Load())
	extra += here.size() - there.size()
	return &spooled{
		seq: seq, at: at, key: keyOf(l.stream, subject), kept: kept, extra: extra,
		msg: there,
	}, nil
}

// retryStuck goes back to what was left behind, from time to time. What was
// forwarded since is removed first, or it would be forwarded again.
func (l *lane) retryStuck(ctx context.Context) error {
	purged := false
	for seq, at := range l.stuck {
		if time.Since(at) <= l.s.cfg.again {
			continue
		}
		if !purged {
			purged = true
			if err := l.purge(ctx); err != nil {
				return err
			}
		}
		l.next = min(l.next, seq)
		delete(l.stuck, seq)
	}
	return nil
}

// purge removes what was forwarded: all at once up to the first event that is left
// behind, and what is after that one by one.
func (l *lane) purge(ctx context.Context) error {
	if len(l.loose) == 0 {
		return nil
	}
	stream, err := l.s.local.js.Stream(ctx, l.stream)
	if err != nil {
		return err
	}
	if upTo := l.behind(); upTo > l.purged+1 {
		if err := stream.Purge(ctx, jetstream.WithPurgeSequence(upTo)); err != nil {
			return err
		}
		l.purged = upTo - 1
	}
	for i, seq := range l.loose {
		if seq <= l.purged {
			continue
		}
		if err := stream.DeleteMsg(ctx, seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			l.loose = l.loose[i:]
			return err
		}
	}
	l.loose = l.loose[:0]
	return nil
}

// behind is the sequence of the first event that is not forwarded.
func (l *lane) behind() uint64 {
	seq := l.next
	for stuck := range l.stuck {
		seq = min(seq, stuck)
	}
	for _, h := range l.held {
		seq = min(seq, h.first)
	}
	return seq
}

// noteDone notes up to where everything is in the cluster.
func (l *lane) noteDone() {
	l.done.Store(max(l.behind(), 1) - 1)
}

// isForwarded reports whether the event with a sequence is in the cluster.
func (l *lane) isForwarded(seq uint64) bool { return seq <= l.done.Load() }
