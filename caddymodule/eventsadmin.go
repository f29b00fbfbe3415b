package caddymodule

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// mostFeeds is how many streams of events the admin API may have open.
	mostFeeds = 32
	// feedBeat is how often a stream says where it is, and feedPatience how long a
	// client may read nothing: it can ask again for what comes behind that.
	feedBeat     = 5 * time.Second
	feedPatience = time.Minute
	// feedLastWords bounds what is written at the end of a configuration.
	feedLastWords = time.Second
	// feedBody bounds reading a body that is kept apart, and feedAnswer an answer that
	// is one event.
	feedBody = 30 * time.Second
	// feedConnect bounds connecting to NATS.
	feedConnect = 5 * time.Second
	feedAnswer  = 30 * time.Second
	feedBuffer  = 64 << 10
)

// feeds counts the streams of events that are open.
var feeds atomic.Int32

// errConfigurationEnds ends what a client reads, so that it asks the next one.
var errConfigurationEnds = errors.New("the configuration ends")

// readable returns the streams whose events the admin API shows: those of the gateway,
// and none that may hold anything else.
func (a *App) readable() []string {
	names := []string{a.Stream.Name, a.UnverifiedStream.Name, a.QuarantineStream.Name, a.OpsStream.Name, natspub.ReplayStream}
	return slices.DeleteFunc(append(names, slices.Sorted(maps.Keys(a.RouteStreams))...), func(name string) bool { return name == "" })
}

// eventsOf returns what reads a stream of the connection that is named, and what to
// call at the end. No stream is that of verified events.
func (a *App) eventsOf(ctx context.Context, connection string, stream *string) (*natspub.Replayer, func(), error) {
	at, s, err := a.connected(connection)
	if err != nil {
		return nil, nil, err
	}
	if *stream == "" {
		*stream = at.Stream.Name
	}
	if list := at.readable(); !slices.Contains(list, *stream) {
		return nil, nil, apiError(http.StatusBadRequest, "the gateway has no stream %q: name one of %s, or ask NATS itself with --nats or --context", *stream, strings.Join(list, ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, feedConnect)
	defer cancel()
	conn, release, err := s.broker.reading(ctx)
	if err != nil {
		return nil, nil, apiError(http.StatusServiceUnavailable, "%w", err)
	}
	reader, err := natspub.NewReplayer(natspub.ReplayConfig{Conn: conn, APIPrefix: at.settings.prefix, Logger: at.log})
	if err != nil {
		release()
		return nil, nil, err
	}
	return reader, release, nil
}

func badQuery(err error) error {
	return apiError(http.StatusBadRequest, "%s", strings.TrimPrefix(err.Error(), cli.ErrUsage.Error()+": "))
}

// eventsError finds the status for an error.
func eventsError(err error) error {
	switch {
	case errors.Is(err, natspub.ErrHistory):
		return apiError(http.StatusBadRequest, "%w", err)
	case errors.Is(err, natspub.ErrNoEvent):
		return apiError(http.StatusNotFound, "%w", err)
	}
	return apiError(http.StatusBadGateway, "%w", err)
}

// adminEvent answers GET /webhooks/events/{sequence} with one event and its body.
func (a *App) adminEvent(_ http.ResponseWriter, r *http.Request) (any, error) {
	seq, err := strconv.ParseUint(r.PathValue("sequence"), 10, 63)
	if err != nil || seq == 0 {
		return nil, apiError(http.StatusBadRequest, "%q is not the sequence of an event: write its number", r.PathValue("sequence"))
	}
	q, err := cli.ParseEventQuery(r.URL.Query())
	if err != nil {
		return nil, badQuery(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), feedAnswer)
	defer cancel()
	reader, release, err := a.eventsOf(ctx, q.Connection, &q.Stream)
	if err != nil {
		return nil, err
	}
	defer release()
	e, err := reader.Get(ctx, q.Stream, seq)
	if err != nil {
		return nil, eventsError(err)
	}
	body, missing := reader.Fetch(ctx, e)
	return cli.NewEventRecord(q.Stream, e, body, missing), nil
}

// adminEvents answers GET /webhooks/events with stored events, one a line, until the
// client or the configuration ends.
func (a *App) adminEvents(w http.ResponseWriter, r *http.Request) (any, error) {
	q, err := cli.ParseEventQuery(r.URL.Query())
	if err != nil {
		return nil, badQuery(err)
	}
	defer feeds.Add(-1)
	if feeds.Add(1) > mostFeeds {
		return nil, apiError(http.StatusServiceUnavailable, "%d streams of events are open: end one of them", mostFeeds)
	}
	reader, release, err := a.eventsOf(r.Context(), q.Connection, &q.Stream)
	if err != nil {
		return nil, err
	}
	defer release()
	spec := q.Spec()
	f := &feed{rc: http.NewResponseController(w), out: bufio.NewWriterSize(w, feedBuffer), header: w.Header(), stream: spec.Stream}
	if q.Fetch {
		f.body = reader.Fetch
	}
	// The server would end the request after ten seconds.
	if err := f.rc.SetReadDeadline(time.Time{}); err != nil {
		return nil, apiError(http.StatusNotImplemented, "this connection cannot stay open: %w", err)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel(nil)
	work.Go(func() { f.beat(ctx, cancel) })
	work.Go(func() {
		select {
		case <-a.ending:
			cancel(errConfigurationEnds)
			f.hurry()
		case <-ctx.Done():
		}
	})
	spec.Begun, spec.Passed, spec.Trouble = f.begin, f.passed, f.trouble
	err = reader.Follow(ctx, spec, func(e *natspub.Stored) error { return f.event(ctx, e) })
	return nil, f.end(ctx, err)
}

// feed is one stream of events to a client.
type feed struct {
	rc     *http.ResponseController
	out    *bufio.Writer
	header http.Header
	stream string
	body   func(context.Context, *natspub.Stored) ([]byte, error) // nil: what is kept apart stays there

	hurried atomic.Bool

	mu       sync.Mutex // of the rest, and of out
	begun    bool
	position uint64
	wrote    time.Time
	err      error // of writing: the client is gone, or does not read
}

// begin is the first line.
func (f *feed) begin(from, last uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun, f.position = true, from-1
	f.header.Set("Content-Type", "application/x-ndjson")
	f.header.Set("Cache-Control", "no-store")
	f.write(cli.EventLine{Position: from - 1, Last: last}, true)
}

// event writes an event. It waits for a client that is slow, though not for ever.
func (f *feed) event(ctx context.Context, e *natspub.Stored) error {
	body, missing := e.Data, error(nil)
	if f.body != nil {
		ctx, cancel := context.WithTimeout(ctx, feedBody)
		body, missing = f.body(ctx, e)
		cancel()
		if missing != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.position = e.Seq
	f.write(cli.EventLine{EventRecord: cli.NewEventRecord(f.stream, e, body, missing)}, false)
	return f.err
}

// passed is called before the next events are asked for.
func (f *feed) passed(upTo uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.position = max(f.position, upTo)
	f.flush()
}

// trouble says why the client has to wait, or that it goes on.
func (f *feed) trouble(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.write(cli.EventLine{Position: f.position, Recovered: true}, true)
		return
	}
	f.write(cli.EventLine{Position: f.position, Trouble: err.Error()}, true)
}

// beat says from time to time where it is.
func (f *feed) beat(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(feedBeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		f.mu.Lock()
		if f.begun && time.Since(f.wrote) >= feedBeat/2 {
			f.write(cli.EventLine{Position: f.position}, true)
		}
		err := f.err
		f.mu.Unlock()
		if err != nil {
			end(err)
			return
		}
	}
}

// hurry has no write wait any longer: a reload does not wait for a client that does
// not read.
func (f *feed) hurry() {
	f.hurried.Store(true)
	_ = f.rc.SetWriteDeadline(time.Now().Add(feedLastWords))
}

// end is the last line. Before the first it is an error of the request.
func (f *feed) end(ctx context.Context, err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	cause := context.Cause(ctx)
	switch {
	case f.err != nil:
		return nil
	case errors.Is(cause, errConfigurationEnds) && !f.begun:
		return apiError(http.StatusServiceUnavailable, "%w: ask again", cause)
	case !f.begun:
		return eventsError(err)
	case err == nil:
		f.write(cli.EventLine{Position: f.position, End: cli.EndDone}, true)
	case errors.Is(cause, errConfigurationEnds):
		f.write(cli.EventLine{Position: f.position, End: cli.EndReload}, true)
	case ctx.Err() == nil:
		f.write(cli.EventLine{Position: f.position, Error: err.Error()}, true)
	}
	return nil
}

// write writes a line.
func (f *feed) write(line cli.EventLine, flush bool) {
	if f.err != nil {
		return
	}
	f.wrote = time.Now()
	text, err := encodeAnswer(line)
	if err == nil && !f.hurried.Load() {
		err = f.rc.SetWriteDeadline(f.wrote.Add(feedPatience))
	}
	if err == nil {
		_, err = f.out.Write(text)
	}
	f.err = err
	if flush {
		f.flush()
	}
}

func (f *feed) flush() {
	if f.err != nil || f.out.Buffered() == 0 {
		return
	}
	if f.err = f.out.Flush(); f.err == nil {
		f.err = f.rc.Flush()
	}
}
