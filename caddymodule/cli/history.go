package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ErrNothing means that there was nothing to look at. It wraps [ErrUsage]: what was
// chosen is not there.
var ErrNothing = mark(ErrUsage, errors.New("there is nothing to look at"))

// HistoryOptions say which events of a stream a command reads. It gets to them as
// [Tail] does, and changes nothing there.
type HistoryOptions struct {
	Reach
	// Stream is the stream to read. Empty means [DefaultStream].
	Stream string
	// Since and Until are RFC 3339 times, or durations such as "1h" for so long ago.
	Since, Until string
	// Tenants, Sources and Types choose events, as in [natspub.ReplaySpec].
	Tenants, Sources, Types []string
	// Limit ends after so many events. Zero means that there is no limit.
	Limit int
	// Progress is where it is said how far it is, if it is a terminal.
	Progress io.Writer
}

// history is an event whose body was read.
type history struct {
	*natspub.Stored
	typ     string // as the provider writes it
	payload any    // as a validator sees it
	// skipped says why there is no payload; "" if there is one.
	skipped string
}

// source names the event's route.
func (h *history) source() string {
	tenant, source := h.One("ce-whtenant"), h.One("ce-whsource")
	if tenant == "" || tenant == "default" {
		return source
	}
	return tenant + "/" + source
}

// read calls do with each event. The error wraps [ErrUsage], or says what went
// wrong.
func (o *HistoryOptions) read(ctx context.Context, do func(*history) error) error {
	q := EventQuery{Stream: cmp.Or(o.Stream, DefaultStream), Tenants: o.Tenants, Sources: o.Sources, Types: o.Types, Fetch: true}
	var err error
	if q.Since, err = moment("--since", o.Since); err != nil {
		return err
	}
	if q.Until, err = moment("--until", o.Until); err != nil {
		return err
	}
	if o.Limit < 0 {
		return fmt.Errorf("%w: --limit is a number of events", ErrUsage)
	}
	events, err := o.events()
	if err != nil {
		return err
	}
	defer events.close()
	say := NewProgress(o.Progress, "reading")
	defer say.Done()
	n, first := 0, uint64(0)
	err = events.follow(ctx, q, eventWatch{}, func(e *Event) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if unanswered(e.Missing) {
			return mark(ErrUnreachable, fmt.Errorf("sequence %d: %w: is NATS there, and does it let its clients read the object store?", e.Seq, e.Missing))
		}
		h := newHistory(&e.Stored, e.Data, e.Missing)
		if err := do(h); err != nil {
			return err
		}
		if n++; first == 0 {
			first = e.Seq
		}
		say.At(n, e.Seq+1-first, e.Last+1-first)
		if n == o.Limit {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("%w: the stream %s has no event that the flags choose", ErrNothing, q.Stream)
	}
	return nil
}

// unanswered reports whether nothing is known of a body: it may well be there.
func unanswered(err error) bool {
	for _, of := range []error{
		errUnanswered, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrPermissionViolation,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// newHistory decodes the body as the gateway did for its validator.
func newHistory(e *natspub.Stored, body []byte, missing error) *history {
	h := &history{Stored: e}
	prefix := e.One("ce-whprovider")
	if p, ok := providers.Lookup(prefix); ok && p.TypePrefix != "" {
		prefix = p.TypePrefix
	}
	h.typ = e.Type(prefix)
	if missing != nil {
		h.skipped = skippedBody
		return h
	}
	contentType := e.One("ce-datacontenttype")
	if e.One("ce-whbatch") != "" {
		contentType = "application/json" // of the request, and this is a part of it
	}
	var err error
	if h.payload, err = gateway.Payload(contentType, body); err != nil {
		h.skipped = skippedNotJSON
	}
	return h
}

// Why an event is skipped.
const (
	skippedNotJSON = "not JSON"
	skippedBody    = "body not found"
)
