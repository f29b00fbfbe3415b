package natspub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// hold is a source whose events the cluster refuses because of their subject,
// while it takes others: a permission is missing, or another stream has the
// subject. They stay in the spool, in their order, and nobody waits for them.
type hold struct {
	first   uint64    // the sequence of the first of them
	since   time.Time // when that was stored
	subject string    // of them all, with a wildcard
	tried   time.Time // when the cluster has last refused it
}

// ofSubject reports whether an event was refused because of its subject, so that
// other events may well be taken.
func ofSubject(err error) bool {
	if errors.Is(err, nats.ErrPermissionViolation) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == otherStream || api.ErrorCode == storeFailed && strings.Contains(api.Description, "per subject"))
}

// hold leaves the events of the source of k behind, from k on.
func (l *lane) hold(k *spooled) {
	if l.held[k.key] != nil {
		return
	}
	tokens := strings.SplitN(k.msg.subject, ".", 5)
	if len(tokens) < 5 {
		return // none of the gateway's; it is tried again
	}
	l.held[k.key] = &hold{first: k.seq, since: k.at, subject: strings.Join(tokens[:4], ".") + ".>", tried: time.Now()}
	l.s.setHeld(k.key, k.at)
	l.s.cfg.Logger.Warn("the cluster refuses events of a source; they stay in the spool, and those of others do not wait for them",
		"stream", l.stream, "tenant", k.key.tenant, "source", k.key.source, "error", k.refused)
}

// holdRefused leaves those behind that were just refused.
func (l *lane) holdRefused(list []*spooled) {
	for _, k := range list {
		if k.refused != nil {
			l.hold(k)
		}
	}
}

// unheld returns the events whose source is not held.
func (l *lane) unheld(list []*spooled) []*spooled {
	if len(l.held) == 0 {
		return list
	}
	var rest []*spooled
	for _, k := range list {
		if l.held[k.key] == nil {
			rest = append(rest, k)
		}
	}
	return rest
}

// retryHeld tries again, from time to time, what is held, and reports whether
// there is more to try at once.
func (l *lane) retryHeld(ctx context.Context, remote *Publisher) (more bool, _ error) {
	for key, h := range l.held {
		if time.Since(h.tried) < l.s.cfg.again {
			continue
		}
		h.tried = time.Now()
		again, err := l.forwardHeld(ctx, remote, key, h)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	return more, nil
}

// forwardHeld forwards some of what is held of a source. What comes from it from
// l.next on is for later.
func (l *lane) forwardHeld(ctx context.Context, remote *Publisher, key spoolKey, h *hold) (more bool, _ error) {
	list, err := l.fetch(ctx, h.first, h.subject)
	if err != nil {
		return false, fmt.Errorf("reading: %w", err)
	}
	stream, err := l.s.local.js.Stream(ctx, l.stream)
	if err != nil {
		return false, err
	}
	for _, k := range list {
		if k.seq >= l.next {
			break
		}
		if _, stuck := l.stuck[k.seq]; stuck {
			h.first = k.seq + 1
			continue
		}
		if err := l.one(ctx, remote, k); err != nil {
			return false, err
		}
		if k.refused != nil {
			h.first, h.since = k.seq, k.at
			l.s.setHeld(key, k.at)
			return false, nil
		}
		h.first = k.seq + 1
		if k.stuck {
			l.stuck[k.seq] = time.Now()
			continue
		}
		if err := stream.DeleteMsg(ctx, k.seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return false, fmt.Errorf("removing: %w", err)
		}
		l.s.forwarded([]*spooled{k})
		l.s.recovered()
	}
	if len(list) > 0 && list[len(list)-1].seq < l.next {
		h.tried = time.Time{} // there may be more
		return true, nil
	}
	delete(l.held, key)
	l.s.setHeld(key, time.Time{})
	l.s.cfg.Logger.Info("the cluster takes events of a source again", "stream", l.stream, "tenant", key.tenant, "source", key.source)
	return false, nil
}

// setHeld notes since when the oldest event of a source is held; the zero time
// ends that.
func (s *Spool) setHeld(key spoolKey, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since.IsZero() {
		delete(s.held, key)
		return
	}
	s.held[key] = since
}
