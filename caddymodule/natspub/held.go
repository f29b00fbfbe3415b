package natspub

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// errNoStream means that no stream takes the subject, though its own could be asked.
var errNoStream = errors.New("no stream takes the subject")

// ofSubject reports whether an event was refused because of its subject, so that
// other events may well be taken.
func ofSubject(err error) bool {
	if errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, errNoStream) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == otherStream || api.ErrorCode == storeFailed && strings.Contains(api.Description, "per subject"))
}

// explain adds to an error that no stream takes the message's subject, if that is why
// nobody has answered: so it is where the stream of a route was not made yet, or has
// lost the subject, and other events may well be taken. A stream without a leader says
// nothing about itself.
func (p *Publisher) explain(ctx context.Context, m *message, err error) error {
	if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
		return err
	}
	var s jetstream.Stream
	refused, problem := p.permitted(ctx, "STREAM.INFO."+m.stream, func(ctx context.Context) (err error) {
		s, err = p.js.Stream(ctx, m.stream)
		return err
	})
	_, own := p.routeStream(m.stream)
	switch {
	case refused, problem != nil && (!own || !errors.Is(problem, jetstream.ErrStreamNotFound)):
		return err
	case problem == nil && slices.ContainsFunc(s.CachedInfo().Config.Subjects, func(pattern string) bool { return Overlap(pattern, m.subject) }):
		return err
	}
	return fmt.Errorf("%w: %w", errNoStream, err)
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

// retryHeld tries again, from time to time, the first event of each source that is
// held. When the cluster takes it the lane goes back to what comes after it, which
// is all that is left there: what was forwarded meanwhile is removed first.
func (l *lane) retryHeld(ctx context.Context, remote *Publisher) error {
	for key, h := range l.held {
		if time.Since(h.tried) < l.s.cfg.again {
			continue
		}
		h.tried = time.Now()
		k, err := l.firstHeld(ctx, h)
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		if k != nil {
			if err := l.one(ctx, remote, k); err != nil {
				return err
			}
			if k.refused != nil {
				continue
			}
			h.first = k.seq + 1
			if k.stuck {
				l.stuck[k.seq] = time.Now()
			} else {
				l.loose = append(l.loose, k.seq)
				l.s.forwarded([]*spooled{k})
			}
		}
		if err := l.purge(ctx); err != nil {
			return fmt.Errorf("removing: %w", err)
		}
		l.next = min(l.next, h.first)
		delete(l.held, key)
		l.s.setHeld(key, time.Time{})
		l.s.cfg.Logger.Info("the cluster takes events of a source again", "stream", l.stream, "tenant", key.tenant, "source", key.source)
	}
	return nil
}

// firstHeld returns the first event of a source that is held; nil if there is none
// that the lane has passed.
func (l *lane) firstHeld(ctx context.Context, h *hold) (*spooled, error) {
	list, err := l.fetch(ctx, h.first, h.subject)
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		if _, stuck := l.stuck[k.seq]; !stuck && k.seq < l.next {
			return k, nil
		}
	}
	return nil, nil
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
