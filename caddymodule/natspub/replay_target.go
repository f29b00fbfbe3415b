package natspub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	replayFirstPause   = 500 * time.Millisecond
	replayLongestPause = 30 * time.Second
	replayLongestAfter = 2 * time.Minute // of Retry-After
	replayMaxAnswer    = 64 << 10
	// leastReplay is the least room for which the stream of replays is made.
	leastReplay = 1 << 20
)

// replayTarget is where events go.
type replayTarget interface {
	// atOnce is how many events it takes at one time.
	atOnce() int
	// send sends the events in their order and stores in the record how far it has
	// come. On an error everything behind the record's position is to be sent
	// again.
	send(ctx context.Context, record *replayRecord, list []*replayed) error
	// close gives back what it holds.
	close()
}

// target opens the job's target.
func (r *Replayer) target(ctx context.Context, st *ReplayState) (replayTarget, error) {
	if st.Spec.toURL() {
		t := &urlTarget{r: r, spec: &st.Spec, job: st.Job}
		if !t.spec.Resign {
			return t, nil
		}
		if r.cfg.Sign == nil {
			return nil, fmt.Errorf("%w: nothing to sign with", ErrReplaySpec)
		}
		var err error
		if t.sign, err = r.cfg.Sign(t.spec.Signing); err != nil {
			return nil, fmt.Errorf("%w: signing: %w", ErrReplaySpec, err)
		}
		return t, nil
	}
	return r.subjectTarget(ctx, st)
}

// subjectTarget publishes to a stream. The id of each message is the job's and
// the event's, so that what is sent again after a crash is stored once.
type subjectTarget struct {
	r      *Replayer
	js     jetstream.JetStream // its own: what waits for answers ends with it
	spec   *ReplaySpec
	job    string
	stream string
}

func (r *Replayer) subjectTarget(ctx context.Context, st *ReplayState) (*subjectTarget, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*question)
	defer cancel()
	prefix := st.Spec.To
	name, err := r.js.StreamNameBySubject(ctx, prefix+".x.x.x")
	if errors.Is(err, jetstream.ErrStreamNotFound) && ours(prefix) {
		name, err = r.makeStream(ctx, st.Spec.Stream)
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("%w: no stream takes %s.>, so that nothing would say whether an event has arrived: "+
			"create one, such as with `nats stream add --subjects '%s.>'`", ErrReplaySpec, prefix, prefix)
	case err != nil:
		return nil, fmt.Errorf("looking for the stream of %s.>: %w", prefix, err)
	case name == st.Spec.Stream:
		return nil, fmt.Errorf("%w: %s.> is in the stream %s itself", ErrReplaySpec, prefix, name)
	}
	js, err := jetstream.NewWithAPIPrefix(r.cfg.Conn, strings.TrimSuffix(r.cfg.APIPrefix, ".")+".",
		jetstream.WithPublishAsyncMaxPending(8*replayBatch), jetstream.WithPublishAsyncTimeout(defaultAttempt))
	if err != nil {
		return nil, fmt.Errorf("replaying: %w", err)
	}
	return &subjectTarget{r: r, js: js, spec: &st.Spec, job: st.Job, stream: name}, nil
}

// ours reports whether the subject is under a root for which there is a stream
// that may be made.
func ours(prefix string) bool {
	return strings.HasPrefix(prefix+".", ReplayRoot+".") || strings.HasPrefix(prefix+".", UnverifiedReplayRoot+".")
}

// makeStream makes the stream of the replay roots, like the one that is read.
func (r *Replayer) makeStream(ctx context.Context, like string) (string, error) {
	source, err := r.js.Stream(ctx, like)
	if err != nil {
		return "", err
	}
	cfg := StreamConfig{Name: ReplayStream, Replicas: source.CachedInfo().Config.Replicas, MaxAge: replayMaxAge, MaxBytes: r.cfg.MaxBytes, Window: replayWindow}
	full := cfg.config(ReplayRoot)
	full.Description = "Webhooks that were replayed, stored by caddy-webhooks"
	full.Subjects = append(full.Subjects, UnverifiedReplayRoot+".>")
	// A limit is room that is set aside, and there may not be so much any more.
	for {
		_, err = r.js.CreateStream(ctx, full)
		if full.MaxBytes < 2*leastReplay || !errors.Is(classify(err).as, gateway.ErrFull) {
			break
		}
		full.MaxBytes /= 2
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return "", fmt.Errorf("making the stream %s: %w: create it with `%s --subjects '%s.>'`", ReplayStream, err, cfg.addCommand(ReplayRoot), UnverifiedReplayRoot)
	}
	return r.js.StreamNameBySubject(ctx, ReplayRoot+".x.x.x")
}

func (*subjectTarget) atOnce() int { return replayBatch }

func (t *subjectTarget) close() { t.js.CleanupPublisher() }

func (t *subjectTarget) send(ctx context.Context, record *replayRecord, list []*replayed) error {
	var add ReplayCounters
	futures := make([]jetstream.PubAckFuture, len(list))
	for i, e := range list {
		if !t.trusts(e) {
			continue
		}
		// An error shows when the event is sent by itself.
		futures[i], _ = t.js.PublishMsgAsync(t.message(e), jetstream.WithRetryAttempts(0))
	}
	for i, f := range futures {
		ack, err := t.await(ctx, f)
		switch {
		case !t.trusts(list[i]):
			err = fmt.Errorf("%w: event %d was not verified, and does not belong under %s: replay it to %s.<name>", ErrReplayRefused, list[i].seq, ReplayRoot, UnverifiedReplayRoot)
		case err != nil:
			ack, err = t.singly(ctx, record, list[i])
		}
		if err != nil {
			// What was acknowledged before it is done.
			if i > 0 {
				err = errors.Join(err, record.advance(ctx, list[i-1].seq, add))
			}
			return err
		}
		add.Sent++
		add.Bytes += uint64(len(list[i].data))
		if ack.Duplicate {
			add.Duplicates++
		}
	}
	return record.advance(ctx, list[len(list)-1].seq, add)
}

// trusts reports whether the event may go to the target: what was not verified does
// not get among what was.
func (t *subjectTarget) trusts(e *replayed) bool {
	return e.verified() || !under(t.spec.To, ReplayRoot)
}

var errNotSent = errors.New("the event was not sent")

func (t *subjectTarget) await(ctx context.Context, f jetstream.PubAckFuture) (*jetstream.PubAck, error) {
	if f == nil {
		return nil, errNotSent
	}
	timer := time.NewTimer(defaultAttempt)
	defer timer.Stop()
	select {
	case ack := <-f.Ok():
		return ack, nil
	case err := <-f.Err():
		return nil, err
	case <-timer.C:
		return nil, jetstream.ErrAsyncPublishTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// singly sends an event that was not acknowledged until it is, under the same id.
func (t *subjectTarget) singly(ctx context.Context, record *replayRecord, e *replayed) (*jetstream.PubAck, error) {
	for n := 1; ; n++ {
		before, m := t.r.cfg.Conn.LastError(), t.message(e)
		attempt, cancel := context.WithTimeout(ctx, defaultAttempt)
		ack, err := t.js.PublishMsg(attempt, m, jetstream.WithRetryAttempts(0))
		cancel()
		if err == nil {
			return ack, nil
		}
		switch f := classify(err); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case denied(t.r.cfg.Conn.LastError(), before, m.Subject):
			return nil, fmt.Errorf("%w: event %d to %s: %w", ErrReplayRefused, e.seq, t.stream, t.r.denied(before))
		case f.tries == never && (errors.Is(f.as, gateway.ErrRefused) || errors.Is(f.as, gateway.ErrTooLarge)):
			return nil, fmt.Errorf("%w: event %d to %s: %w", ErrReplayRefused, e.seq, t.stream, err)
		case errors.Is(f.as, gateway.ErrFull):
			return nil, fmt.Errorf("%w: event %d: the stream %s is full: %w: raise its limit, or purge what was read there, and resume", ErrReplayFailed, e.seq, t.stream, err)
		case n >= t.spec.Attempts:
			return nil, fmt.Errorf("%w: event %d to %s, after %d attempts: %w", ErrReplayFailed, e.seq, t.stream, n, err)
		}
		if !pauseFor(ctx, min(replayFirstPause<<min(n-1, 10), replayLongestPause)) {
			return nil, ctx.Err()
		}
		t.r.cfg.Progress(record.state())
	}
}

// message is the event as it is published again. What was NATS's own is left out.
func (t *subjectTarget) message(e *replayed) *nats.Msg {
	h := make(nats.Header, len(e.header)+4)
	for name, values := range e.header {
		if !strings.HasPrefix(name, "Nats-") {
			h[name] = values
		}
	}
	seq := strconv.FormatUint(e.seq, 10)
	h[headerMsgID] = []string{digestID("replay", t.job, t.spec.Stream, seq)}
	h[headerStream] = []string{t.stream}
	h[headerReplay] = []string{t.job}
	h[headerReplaySeq] = []string{seq}
	return &nats.Msg{Subject: t.spec.To + "." + e.rest(), Header: h, Data: e.data}
}

// urlTarget sends requests, one after the other.
type urlTarget struct {
	r    *Replayer
	spec *ReplaySpec
	job  string
	sign ReplaySign // nil: as they were
}

func (*urlTarget) atOnce() int { return 1 }

func (*urlTarget) close() {}

func (t *urlTarget) send(ctx context.Context, record *replayRecord, list []*replayed) error {
	for _, e := range list {
		size, err := t.deliver(ctx, record, e)
		add := ReplayCounters{Sent: 1, Bytes: uint64(size)} //nolint:gosec // not negative
		if errors.Is(err, ErrReplayRefused) && t.spec.SkipRefused {
			t.r.cfg.Logger.Warn("an event was refused and is skipped", "job", t.job, "sequence", e.seq, "error", err)
			add, err = ReplayCounters{Refused: 1}, nil
		}
		if err != nil {
			return err
		}
		// Also after Ctrl-C: it was sent.
		if err := record.advance(ctx, e.seq, add); err != nil {
			return err
		}
	}
	return nil
}

// deliver sends an event until it is taken, and returns the payload's size.
func (t *urlTarget) deliver(ctx context.Context, record *replayRecord, e *replayed) (int, error) {
	if t.sign != nil && e.refused() {
		return 0, fmt.Errorf("%w: event %d was not verified: a signature would vouch for it; replay it without", ErrReplayRefused, e.seq)
	}
	body, err := t.body(ctx, e)
	if err != nil {
		return 0, err
	}
	for n := 1; ; n++ {
		after, err := t.post(ctx, e, body)
		switch {
		case err == nil:
			return len(body), nil
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case errors.Is(err, ErrReplayRefused):
			return 0, err
		case n >= t.spec.Attempts:
			return 0, fmt.Errorf("%w: event %d, after %d attempts: %w", ErrReplayFailed, e.seq, n, err)
		}
		if !pauseFor(ctx, max(after, min(replayFirstPause<<min(n-1, 10), replayLongestPause))) {
			return 0, ctx.Err()
		}
		t.r.cfg.Progress(record.state())
	}
}

// body is the payload, which may have to be fetched.
func (t *urlTarget) body(ctx context.Context, e *replayed) ([]byte, error) {
	for n := 1; ; n++ {
		body, err := Body(ctx, t.r.js, e.header, e.data)
		switch {
		case err == nil:
			return body, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
			return nil, fmt.Errorf("%w: event %d: %w", ErrReplayRefused, e.seq, err)
		case n >= t.spec.Attempts:
			return nil, fmt.Errorf("%w: event %d: %w", ErrReplayFailed, e.seq, err)
		}
		if !pauseFor(ctx, min(replayFirstPause<<min(n-1, 10), replayLongestPause)) {
			return nil, ctx.Err()
		}
	}
}

// post sends the event once. The duration is what the target asks to wait.
func (t *urlTarget) post(ctx context.Context, e *replayed, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.spec.To, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrReplayRefused, err)
	}
	t.fill(req, e)
	if t.sign != nil {
		if err := t.sign(req, one(e.header, "ce-whprovider"), body, t.r.cfg.Now()); err != nil {
			return 0, fmt.Errorf("%w: event %d: signing: %w", ErrReplayRefused, e.seq, err)
		}
	}
	res, err := t.r.cfg.Client.Do(req)
	if err != nil {
		if problem, ok := errors.AsType[*url.Error](err); ok {
			err = problem.Err // the URL may hold a token
		}
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, replayMaxAnswer))
	switch {
	case res.StatusCode/100 == 2:
		return 0, nil
	case res.StatusCode >= 500, slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}, res.StatusCode):
		return retryAfter(res.Header.Get("Retry-After"), t.r.cfg.Now()), fmt.Errorf("the answer is %s", res.Status)
	}
	return 0, fmt.Errorf("%w: event %d: the answer is %s", ErrReplayRefused, e.seq, res.Status)
}

// fill sets the headers that the provider sent, as far as they were kept.
func (t *urlTarget) fill(req *http.Request, e *replayed) {
	FillHeader(req.Header, e.header)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "caddy-webhooks-replay/1")
	}
	req.Header.Set("Wh-Replay", t.job)
	req.Header.Set("Wh-Replay-Seq", strconv.FormatUint(e.seq, 10))
}

// FillHeader sets the headers that the provider sent with an event, as far as they
// were kept in that of its message, and its Content-Type. Those that belong to the
// connection on which it came, and what HTTP cannot carry, are left out.
func FillHeader(to http.Header, message nats.Header) {
	for name, values := range message {
		original, ok := strings.CutPrefix(name, "Wh-H-")
		if !ok || ofConnection(original) || !isHeader(original, values) {
			continue
		}
		to[http.CanonicalHeaderKey(original)] = slices.Clone(values)
	}
	if typ := unescape(one(message, "ce-datacontenttype")); typ != "" && isHeader("Content-Type", []string{typ}) {
		to.Set("Content-Type", typ)
	}
}

// FillContext sets the attributes of an event, from the header of its message, as the
// CloudEvents binding for HTTP has them in binary mode, the trace, and the gateway's
// own Wh-*, without the request's headers.
func FillContext(to http.Header, message nats.Header) {
	for name, values := range message {
		switch {
		case strings.HasPrefix(name, "Wh-H-"), name == headerKept, name == "ce-datacontenttype":
		case strings.HasPrefix(name, "ce-"), strings.HasPrefix(name, "Wh-"), name == headerTraceParent, name == headerTraceState:
			if isHeader(name, values) {
				to[http.CanonicalHeaderKey(name)] = slices.Clone(values)
			}
		}
	}
}

// RetryAfter reads the header Retry-After, seconds or a date; 0 if it says nothing, and
// never more than two minutes.
func RetryAfter(value string, now time.Time) time.Duration { return retryAfter(value, now) }

// Refused reports whether it is known of the event that it was not verified, or not
// accepted: a signature would vouch for it.
func (e *Stored) Refused() bool {
	r := replayed{subject: e.Subject, header: e.Header}
	return r.refused()
}

// isHeader reports whether HTTP can carry it: a stream may have events that this
// package has not written.
func isHeader(name string, values []string) bool {
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
	control := func(v string) bool {
		return strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	}
	return name != "" && strings.Trim(name, token) == "" && !slices.ContainsFunc(values, control)
}

// ofConnection reports whether the header belongs to the connection on which the
// event came, and not to the event.
func ofConnection(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Connection", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Keep-Alive", "Expect":
		return true
	}
	return false
}

// retryAfter reads seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), replayLongestAfter)
	}
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, replayLongestAfter.Seconds()) * float64(time.Second))
}

var (
	_ replayTarget = (*subjectTarget)(nil)
	_ replayTarget = (*urlTarget)(nil)
)
