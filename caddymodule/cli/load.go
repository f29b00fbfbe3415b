package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// openConcurrency is how many requests are on their way at most, where a rate
	// and no number is given.
	openConcurrency = 100
	// loadGC is by how much the heap grows between two collections, in percent.
	loadGC = 400
	// loadErrors is how many different errors a summary has.
	loadErrors = 5
)

// Load is the summary of many events.
type Load struct {
	// Provider is the name of the sender, and Fault what was wrong with the
	// requests.
	Provider string `json:"provider"`
	Fault    string `json:"fault,omitempty"`
	// Events is how many events there were, and Sent how many requests: a
	// duplicate is one more. OK is how many had the expected answer.
	Events int64 `json:"events"`
	Sent   int64 `json:"sent"`
	OK     int64 `json:"ok"`
	// Status counts answers by status, and Errors requests without one by what
	// went wrong.
	Status map[string]int64 `json:"status"`
	Errors map[string]int64 `json:"errors,omitempty"`
	// Concurrency is how many requests were on their way at most, and Rate how many
	// events were asked for in a second: 0 means as many as there are answers.
	Concurrency int     `json:"concurrency"`
	Rate        float64 `json:"rate,omitempty"`
	// Millis is how long it took, and PerSecond how many events there were in a
	// second.
	Millis    int64   `json:"duration_ms"`
	PerSecond float64 `json:"events_per_second"`
	// Latency is how long answers took. With a rate it is counted from when an
	// event was due, so that one that had to wait for others before it is not
	// counted as quick.
	Latency Latency `json:"latency_ms"`
	// Late is by how much the last event was sent after it was due.
	Late float64 `json:"late_ms,omitempty"`
}

// load reports whether answers are counted instead of printed.
func (o *SendOptions) load() bool { return o.Rate > 0 || o.Concurrency > 0 || o.Duration > 0 }

// loader sends many events over connections of its own.
type loader struct {
	*sender
	start   time.Time
	count   int64 // 0: until the end
	end     time.Time
	rate    float64
	next    atomic.Int64 // the number of the next event
	done    atomic.Int64
	stopped atomic.Bool
	bar     *Progress
}

// tally is what one worker has counted.
type tally struct {
	events, sent, ok int64
	status           [600]int64
	errors           map[string]int64
	latency          histogram
	late             time.Duration // of the last event
	finding          string
	failure          error // the first request without an answer
}

func (s *sender) load(ctx context.Context, out io.Writer) error {
	o := s.options
	l := &loader{sender: s, count: int64(o.Count), rate: o.Rate}
	workers := o.Concurrency
	if workers == 0 {
		if workers = 1; o.Rate > 0 {
			workers = openConcurrency
		}
	}
	if o.Count == 0 && o.Duration == 0 {
		l.count = 1
	}
	if l.count > 0 {
		workers = int(min(int64(workers), l.count))
	}
	// The first one shows whether it can be made, and whether anybody is there.
	if _, err := s.message(time.Now()); err != nil {
		return err
	}
	probe, err := dial(ctx, s.target)
	if err != nil {
		return noAnswer(ctx, s.target, err)
	}
	l.bar = NewProgress(o.Progress, "sending")
	l.start = time.Now()
	if o.Duration > 0 {
		l.end = l.start.Add(o.Duration)
	}
	// What an event is made of is garbage at once, beside a heap that is small: the
	// collector would run all the time.
	defer debug.SetGCPercent(debug.SetGCPercent(loadGC))
	tallies := make([]*tally, workers)
	var wg sync.WaitGroup
	for i := range tallies {
		t := &tally{errors: make(map[string]int64)}
		tallies[i] = t
		conn := &wire{target: s.target}
		if i == 0 {
			conn.attach(probe)
		}
		wg.Go(func() {
			defer conn.close()
			l.work(ctx, conn, t)
		})
	}
	wg.Wait()
	took := time.Since(l.start)
	l.bar.Done()
	sum, finding, failure := l.sum(tallies, workers, took)
	if err := sum.print(out, o.JSON); err != nil {
		return err
	}
	switch bad := sum.Sent - sum.OK; {
	case ctx.Err() != nil:
		return ctx.Err()
	case bad == 0:
		return nil
	case len(sum.Status) == 0 && failure != nil:
		return noAnswer(ctx, s.target, failure)
	case finding == "":
		return fmt.Errorf("%w: %d of %d requests had no answer: %w", ErrUnexpectedStatus, bad, sum.Sent, failure)
	default:
		return fmt.Errorf("%w: %s (%d of %d requests)", ErrUnexpectedStatus, finding, bad, sum.Sent)
	}
}

// work sends events until there are no more.
func (l *loader) work(ctx context.Context, conn *wire, t *tally) {
	events := &stamp{sender: l.sender}
	for ctx.Err() == nil && !l.stopped.Load() {
		n := l.next.Add(1) - 1
		if l.count > 0 && n >= l.count {
			return
		}
		due := time.Now()
		if l.rate > 0 {
			due = l.start.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
		}
		if !l.end.IsZero() && !due.Before(l.end) {
			return
		}
		// It is ready when it is due.
		m, err := events.message(later(due))
		if err != nil {
			t.fail(err)
			l.stopped.Store(true)
			return
		}
		head := requestHead(m)
		if l.rate > 0 {
			if !wait(ctx, due) {
				return
			}
		} else {
			due = time.Now()
		}
		t.events++
		t.late = max(0, time.Since(due))
		for range l.options.Faults.Duplicate + 1 {
			l.one(ctx, conn, t, m, head, due)
			due = time.Now()
		}
		done := l.done.Add(1)
		at, all := l.position(done)
		l.bar.At(int(done), at, all)
	}
}

// position is how far it is, for a bar.
func (l *loader) position(done int64) (at, all uint64) {
	if l.count > 0 {
		return uint64(done), uint64(l.count) //nolint:gosec // they are not negative
	}
	return uint64(max(0, time.Since(l.start))), uint64(l.end.Sub(l.start)) //nolint:gosec // as above
}

func later(due time.Time) time.Time {
	if now := time.Now(); now.After(due) {
		return now
	}
	return due
}

func wait(ctx context.Context, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *loader) one(ctx context.Context, conn *wire, t *tally, m *message, head []byte, due time.Time) {
	status, err := conn.roundTrip(ctx, m.req.Method, head, m.req.Body, l.options.Faults.Slow)
	if ctx.Err() != nil && err != nil {
		return // it was interrupted, and says nothing
	}
	t.sent++
	if err != nil {
		t.fail(err)
		return
	}
	t.latency.add(time.Since(due))
	t.status[status]++
	finding, ok := l.judge(status)
	if ok {
		t.ok++
		return
	}
	if t.finding == "" {
		t.finding = finding
	}
}

// fail counts an error by what is common to those of its kind.
func (t *tally) fail(err error) {
	if t.failure == nil {
		t.failure = err
	}
	text := err.Error()
	if problem := (*net.OpError)(nil); errors.As(err, &problem) {
		text = problem.Op + ": " + problem.Err.Error()
	}
	if _, known := t.errors[text]; !known && len(t.errors) == loadErrors {
		text = "others"
	}
	t.errors[text]++
}

// sum adds up what the workers have counted.
func (l *loader) sum(tallies []*tally, workers int, took time.Duration) (sum Load, finding string, failure error) {
	sum = Load{
		Provider: l.provider.Name, Fault: l.fault.name, Concurrency: workers, Rate: l.rate, Millis: took.Milliseconds(),
		Status: make(map[string]int64), Errors: make(map[string]int64),
	}
	var h histogram
	for _, t := range tallies {
		sum.Events += t.events
		sum.Sent += t.sent
		sum.OK += t.ok
		for status, n := range t.status {
			if n > 0 {
				sum.Status[strconv.Itoa(status)] += n
			}
		}
		for text, n := range t.errors {
			sum.Errors[text] += n
		}
		h.merge(&t.latency)
		if l.rate > 0 {
			sum.Late = max(sum.Late, millis(t.late))
		}
		finding = or(finding, t.finding)
		if failure == nil {
			failure = t.failure
		}
	}
	sum.PerSecond = float64(sum.Events) / took.Seconds()
	sum.Latency = h.summary()
	return sum, finding, failure
}

func (s Load) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, s)
	}
	var b strings.Builder
	style := StyleOf(out)
	took := time.Duration(s.Millis) * time.Millisecond
	fmt.Fprintf(&b, "sent      %d events in %s, %s a second", s.Events, took.Round(10*time.Millisecond), figure(s.PerSecond))
	if s.Rate > 0 {
		fmt.Fprintf(&b, " (%s were asked for)", figure(s.Rate))
	}
	if s.Sent != s.Events {
		fmt.Fprintf(&b, "; %d requests", s.Sent)
	}
	fmt.Fprintf(&b, ", at most %d at one time\nanswers   ", s.Concurrency)
	for i, status := range slices.Sorted(maps.Keys(s.Status)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %d", status, s.Status[status])
	}
	if len(s.Status) == 0 {
		b.WriteString("none")
	}
	b.WriteString("\n")
	for _, text := range slices.Sorted(maps.Keys(s.Errors)) {
		fmt.Fprintf(&b, "%s     %d: %s\n", style.Bad("error"), s.Errors[text], visible(text, false))
	}
	if l := s.Latency; l.Max > 0 {
		fmt.Fprintf(&b, "latency   min %s  p50 %s  p90 %s  p99 %s  max %s", inMillis(l.Min), inMillis(l.P50), inMillis(l.P90), inMillis(l.P99), inMillis(l.Max))
		if s.Rate > 0 {
			b.WriteString("  (from when each was due)")
		}
		b.WriteString("\n")
	}
	if s.Late > 100 {
		fmt.Fprintf(&b, "%s      the last event was sent %s after it was due: the receiver, or --concurrency %d, does not allow this rate\n", style.Warn("late"), inMillis(s.Late), s.Concurrency)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func inMillis(ms float64) string {
	switch {
	case ms >= 10_000:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	case ms >= 100:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 2, 64) + " ms"
}
