package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// ErrNothing means that there was nothing to look at.
var ErrNothing = errors.New("there is nothing to look at")

// HistoryOptions say which events of a stream a command reads. It needs a
// connection of its own to NATS, as [Tail] does, and changes nothing there.
type HistoryOptions struct {
	// NATS, Context, Credentials and CA are as in [TailOptions].
	NATS, Context, Credentials, CA string
	// Stream is the stream to read. Empty means [DefaultStream].
	Stream string
	// Since and Until are RFC 3339 times, or durations such as "1h" for so long ago.
	Since, Until string
	// Tenants, Sources and Types choose events, as in [natspub.ReplaySpec].
	Tenants, Sources, Types []string
	// Limit ends after so many events. Zero means that there is no limit.
	Limit int
	// Progress, if not nil, is a terminal on which it is said how far it is.
	Progress io.Writer
	// Getenv reads the environment. Nil means os.Getenv.
	Getenv func(string) string
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

// errEnough ends reading at the limit.
var errEnough = errors.New("enough")

// read calls do with each event. The error wraps [ErrUsage], or says what went
// wrong.
func (o *HistoryOptions) read(ctx context.Context, do func(*history) error) error {
	spec := natspub.ReplaySpec{Stream: cmp.Or(o.Stream, DefaultStream), Tenants: o.Tenants, Sources: o.Sources, Types: o.Types}
	var err error
	if spec.Since, err = moment("--since", o.Since); err != nil {
		return err
	}
	if spec.Until, err = moment("--until", o.Until); err != nil {
		return err
	}
	if o.Limit < 0 {
		return fmt.Errorf("%w: --limit is a number of events", ErrUsage)
	}
	t := TailOptions{NATS: o.NATS, Context: o.Context, Credentials: o.Credentials, CA: o.CA, Getenv: o.Getenv}
	if err := t.complete(); err != nil {
		return err
	}
	nc, prefix, err := (&Reach{NATS: t.NATS, Context: t.Context, Credentials: t.Credentials, CA: t.CA}).connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	r, err := natspub.NewReplayer(natspub.ReplayConfig{Conn: nc, APIPrefix: prefix})
	if err != nil {
		return err
	}
	say := newProgress(o.Progress)
	defer say.end()
	n := 0
	err = r.Read(ctx, spec, func(e *natspub.Stored) error {
		short, cancel := context.WithTimeout(ctx, fetchTimeout)
		body, missing := r.Fetch(short, e)
		cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
		if unanswered(missing) {
			return fmt.Errorf("sequence %d: %w: is NATS there, and does it let its clients read the object store?", e.Seq, missing)
		}
		h := newHistory(e, body, missing)
		if err := do(h); err != nil {
			return err
		}
		n++
		say.at(n, e.Seq, e.Last)
		if n == o.Limit {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: is its name right, is there JetStream, and does NATS let its clients read this stream?", err)
	case errors.Is(err, natspub.ErrHistory):
		return fmt.Errorf("%w: %w", ErrUsage, err)
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("%w: the stream %s has no event that the flags choose", ErrNothing, spec.Stream)
	}
	return nil
}

// unanswered reports whether nothing is known of a body: it may well be there.
func unanswered(err error) bool {
	for _, of := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrPermissionViolation,
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

// progress tells a person who waits.
type progress struct {
	w     io.Writer
	said  time.Time
	width int
}

const progressEvery = 500 * time.Millisecond

func newProgress(w io.Writer) *progress { return &progress{w: w, said: time.Now()} }

func (p *progress) at(n int, seq, last uint64) {
	if p.w == nil || time.Since(p.said) < progressEvery {
		return
	}
	p.said = time.Now()
	line := fmt.Sprintf("%d events, at %d of %d", n, seq, last)
	_, _ = fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", max(0, p.width-len(line))))
	p.width = max(p.width, len(line))
}

// end takes the line away.
func (p *progress) end() {
	if p.w != nil && p.width > 0 {
		_, _ = fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
	}
}

// Terminal returns the file if a person looks at it, for [HistoryOptions].Progress,
// else nil.
func Terminal(f *os.File) io.Writer {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
