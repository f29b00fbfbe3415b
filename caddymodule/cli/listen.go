package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Defaults of [ListenOptions].
const (
	DefaultListenTimeout = 30 * time.Second
	// listenGrace is how long requests that are on their way may take after Ctrl-C.
	listenGrace = 2 * time.Second
	// mostConcurrency bounds how many requests are on their way at one time.
	mostConcurrency = 1024
)

// ListenOptions say what [Listen] forwards, and where to.
type ListenOptions struct {
	// Reach says how to get to the events, as in [TailOptions].
	Reach
	// Stream, Subject, Tenants, Sources, Types and IDs choose events, as in
	// [TailOptions].
	Stream, Subject              string
	Tenants, Sources, Types, IDs []string
	// From says with which event it begins, as in [TailOptions]; empty means with what
	// comes in from now on.
	From string
	// Count ends after so many events. Zero means that it goes on until the context
	// ends.
	Count int

	// Forward is the URL to which each event is sent with POST. With PathPerSource a
	// slash and the source's name are added to its path.
	Forward       string
	PathPerSource bool
	// Concurrency is how many are on their way at one time; 0 means 1, which keeps
	// their order.
	Concurrency int
	// Timeout bounds one request; 0 means [DefaultListenTimeout].
	Timeout time.Duration
	// Retry is how often an event is sent again after an answer that says that it may
	// be taken later: 5xx, 408, 425 and 429, or none in time.
	Retry int
	// CEHeaders adds the event's attributes, ce-* and Wh-*.
	CEHeaders bool
	// Resign signs each event once more, as if it was sent now, with what Signing says.
	Resign  bool
	Signing Signing
	// SkipVerifyTLS takes any certificate.
	SkipVerifyTLS bool

	// JSON writes one JSON object for each event.
	JSON bool
	// Errors is told what delays it. Nil means that nobody is.
	Errors io.Writer
}

// Forwarded is what became of one event.
type Forwarded struct {
	Stream   string    `json:"stream"`
	Seq      uint64    `json:"seq"`
	Time     time.Time `json:"time"`   // of the last answer
	Stored   time.Time `json:"stored"` // when the gateway stored it
	Tenant   string    `json:"tenant"`
	Source   string    `json:"source"`
	Type     string    `json:"type"`
	ID       string    `json:"id"`
	URL      string    `json:"url"` // without its query
	Attempts int       `json:"attempts"`
	// Status is that of the last answer; 0 if there was none. Answer is the first line
	// of one that is no success.
	Status int     `json:"status,omitempty"`
	Answer string  `json:"answer,omitempty"`
	Millis float64 `json:"duration_ms"` // of the last attempt
	OK     bool    `json:"ok"`
	// Error is why there was no answer, or nothing was sent.
	Error string `json:"error,omitempty"`
}

// listenSummary is the last line.
type listenSummary struct {
	Forwarded  int `json:"forwarded"`
	Failed     int `json:"failed"`
	Unfinished int `json:"unfinished,omitempty"`
}

// Listen sends each event of a stream, as it comes in, to a URL: the exact body with
// the headers that the provider sent. Its consumer is its own: no other reader
// notices it, and nothing is left of it. It goes on over restarts of NATS and of the
// receiver, and reloads of the gateway, leaving nothing out, until ctx ends, which is
// not an error. The error wraps [ErrNo] if Count events were forwarded and not all of
// them were taken.
func Listen(ctx context.Context, w io.Writer, o ListenOptions) error {
	q, err := o.query()
	if err != nil {
		return err
	}
	f, err := newForwarder(&o, w)
	if err != nil {
		return err
	}
	events, err := o.events()
	if err != nil {
		return err
	}
	defer events.close()

	// Requests that are on their way may end by themselves after Ctrl-C.
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(listenGrace, cancel) })()
	queue := make(chan *Event)
	var work sync.WaitGroup
	for range o.Concurrency {
		work.Go(func() {
			for e := range queue {
				f.forward(ctx, sending, e)
			}
		})
	}
	n := 0
	watch := eventWatch{trouble: sayTrouble(o.Errors), begun: func(from, last uint64) { o.sayBegin(q.Stream, from, last) }}
	err = events.follow(ctx, q, watch, func(e *Event) error {
		select {
		case queue <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
		if n++; n == o.Count {
			return errEnough
		}
		return f.problem()
	})
	close(queue)
	work.Wait()
	if problem := f.summary(); problem != nil {
		return problem
	}
	switch {
	case errors.Is(err, errEnough) && f.sum.Failed > 0:
		return ErrNo
	case errors.Is(err, errEnough):
		return nil
	}
	return quiet(ctx, err)
}

func (o *ListenOptions) query() (EventQuery, error) {
	t := TailOptions{
		Stream: o.Stream, Subject: o.Subject, Tenants: o.Tenants, Sources: o.Sources, Types: o.Types, IDs: o.IDs,
		From: o.From, Count: o.Count, Fetch: true,
	}
	if t.From == "" {
		t.From = "new"
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultListenTimeout
	}
	switch {
	case o.Forward == "":
		return EventQuery{}, fmt.Errorf("%w: where to? Name the service with --forward, such as --forward http://localhost:3000", ErrUsage)
	case o.Concurrency < 0 || o.Concurrency > mostConcurrency:
		return EventQuery{}, fmt.Errorf("%w: --concurrency is a number of requests, up to %d", ErrUsage, mostConcurrency)
	case o.Timeout < 0 || o.Retry < 0:
		return EventQuery{}, fmt.Errorf("%w: --timeout and --retry must not be negative", ErrUsage)
	case !o.Resign && o.Signing != (Signing{}):
		return EventQuery{}, fmt.Errorf("%w: --secret-env, --secret-file and --public-url belong to --resign", ErrUsage)
	}
	return t.query()
}

func (o *ListenOptions) sayBegin(stream string, from, last uint64) {
	if o.Errors == nil {
		return
	}
	of := ""
	if stream != "" {
		of = " of " + visible(stream, false)
	}
	where := fmt.Sprintf("from %d of %d on", from, last)
	if from > last {
		where = "that come in"
	}
	_, _ = fmt.Fprintf(o.Errors, "forwarding events%s %s to %s; Ctrl-C ends it\n", of, where, visible(withoutQuery(o.Forward), false))
}

// target returns the URL for a source.
func (o *ListenOptions) target(base *url.URL, source string) *url.URL {
	if !o.PathPerSource {
		return base
	}
	u := *base
	u.Path = strings.TrimSuffix(base.Path, "/") + "/" + source
	u.RawPath = ""
	return &u
}
