package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Defaults of [TailOptions].
const (
	DefaultStream = "WEBHOOKS"
	DefaultLast   = 10
)

// TailOptions say what [Tail] reads.
type TailOptions struct {
	// Reach says how to get to the events. Where it says nothing the environment
	// variable NATS_URL counts, and without it the admin API is asked.
	Reach
	// Stream is the stream to read. Empty means the gateway's of verified events, and
	// where NATS itself is asked [DefaultStream].
	Stream string
	// Subject is a filter such as "wh.v1.*.github.>". Empty means everything.
	Subject string
	// Tenants, Sources, Types and IDs choose events, as in [natspub.ReplaySpec].
	Tenants, Sources, Types, IDs []string
	// From says with which event it begins: "last:10", "all", "new", an RFC 3339
	// time, or a duration such as "1h" for so long ago. Empty means "last:10", or as
	// many as Count.
	From string
	// Count ends after so many events. Zero means that it goes on until the
	// context ends.
	Count int
	// JSON writes one JSON object for each event and line, and Raw its payload and
	// nothing else.
	JSON, Raw bool
	// Fetch reads the bodies that are kept apart from their events.
	Fetch bool
	// Headers shows all headers of each event to a person.
	Headers bool
	// Errors is told when nothing can be read just now. Nil means that nobody is.
	Errors io.Writer
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// Tail writes events that are stored, and then those that come in, to w, in the
// order of the stream, each once. It does not acknowledge or change anything,
// and other readers do not notice it. It goes on over restarts of the server and
// reloads of the gateway. The end of ctx is not an error. The error otherwise wraps
// [ErrUsage], [ErrUnreachable] or [ErrDenied], or says why there is nothing to read.
func Tail(ctx context.Context, w io.Writer, o TailOptions) error {
	q, err := o.query()
	if err != nil {
		return err
	}
	events, err := o.events()
	if err != nil {
		return err
	}
	defer events.close()
	p := &eventPrinter{w: w, style: StyleOf(w), headers: o.Headers, fetched: o.Fetch}
	n := 0
	err = events.follow(ctx, q, eventWatch{trouble: sayTrouble(o.Errors)}, func(e *Event) error {
		if err := o.write(p, e); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if n++; n == o.Count {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return quiet(ctx, err)
}

func (o *TailOptions) write(p *eventPrinter, e *Event) error {
	switch {
	case o.JSON:
		return printJSON(p.w, e.record())
	case o.Raw:
		return p.raw(e, true)
	}
	return p.print(e)
}

// quiet is for the person who presses Ctrl-C: that is how tailing ends.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrDenied) {
		return nil
	}
	return err
}

// sayTrouble tells w when reading does not go on, and when it does again.
func sayTrouble(w io.Writer) func(error) {
	if w == nil {
		return nil
	}
	style := StyleOf(w)
	return func(err error) {
		if err == nil {
			_, _ = fmt.Fprintln(w, "it goes on")
			return
		}
		_, _ = fmt.Fprintln(w, style.Warn("waiting: ")+visible(err.Error(), false))
	}
}

func (o *TailOptions) query() (EventQuery, error) {
	q := EventQuery{
		Stream: o.Stream, Subject: o.Subject, Tenants: o.Tenants, Sources: o.Sources, Types: o.Types, IDs: o.IDs,
		Live: true, Fetch: o.Fetch,
	}
	if o.Count < 0 {
		return q, fmt.Errorf("%w: --count is a number of events", ErrUsage)
	}
	if o.JSON && o.Raw {
		return q, fmt.Errorf("%w: --json and --raw exclude each other", ErrUsage)
	}
	from := o.From
	switch {
	case from == "" && o.Count > 0:
		q.Last = o.Count
	case from == "":
		q.Last = DefaultLast
	}
	return q, q.from("--from", from)
}

// from sets where it begins to what a person writes; "" changes nothing.
func (q *EventQuery) from(flag, text string) error {
	last, isLast := strings.CutPrefix(text, "last:")
	n, notNumber := strconv.Atoi(last)
	ago, notDuration := time.ParseDuration(text)
	at, notTime := time.Parse(time.RFC3339, text)
	switch {
	case text == "", text == "all":
	case text == "new", isLast && notNumber == nil && n == 0:
		q.New = true
	case isLast && notNumber == nil && n > 0:
		q.Last = n
	case notDuration == nil && ago > 0:
		q.Since = time.Now().Add(-ago)
	case notTime == nil:
		q.Since = at
	default:
		return fmt.Errorf("%w: %s %q: write last:10, all, new, a time such as 2026-01-02T15:04:05Z, or a duration such as 1h", ErrUsage, flag, text)
	}
	return nil
}
