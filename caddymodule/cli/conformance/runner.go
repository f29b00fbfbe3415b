package conformance

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// runner is one examination.
type runner struct {
	target            Target
	options           Options
	timeout, deadline time.Duration
	places            verifiers.Places
	oracle            verifiers.Verifier // says which requests are authentic
	usual             time.Duration      // the time of a good answer
	requests          atomic.Int64

	mu          sync.Mutex
	unavailable int      // answers 429 and 503
	impatient   []answer // those without Retry-After
}

func newRunner(t Target, o Options) (*runner, error) {
	p := t.Provider
	if _, ok := p.Scheme.(verifiers.Signer); !ok {
		return nil, fmt.Errorf("%w: only %s itself can sign", ErrSender, p.Title)
	}
	if t.PublicURL == nil {
		t.PublicURL = t.URL
	}
	o.Concurrency = cmp.Or(max(o.Concurrency, 0), defaultConcurrency)
	o.SlowWait = cmp.Or(o.SlowWait, defaultSlowWait)
	r := &runner{target: t, options: o, deadline: cmp.Or(o.Deadline, p.Deadline, defaultDeadline)}
	r.timeout = max(cmp.Or(o.Timeout, defaultTimeout), r.deadline+time.Second)
	if placer, ok := p.Scheme.(verifiers.Placer); ok {
		r.places = placer.Places()
	}
	var err error
	if r.oracle, err = p.New(t.Config); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSender, err)
	}
	return r, nil
}

func (r *runner) public() *url.URL { return r.target.PublicURL }

func (r *runner) limit() int64 { return cmp.Or(r.target.Provider.MaxBody, defaultLimit) }

// introduce sends one good request, and says why if it is not accepted.
func (r *runner) introduce(ctx context.Context) (diagnosis string, err error) {
	e, err := r.make(time.Now())
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSender, err)
	}
	if err := r.verdict(ctx, e); err != nil {
		return "", fmt.Errorf("%w: what was signed does not verify: %w", ErrSender, err)
	}
	a := r.patient(ctx, e)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(a.err, errRefused):
		return "", fmt.Errorf("%w: %w", ErrUnreachable, a.err)
	case a.ok():
		r.usual = a.took
		return "", nil
	}
	return "a correctly signed event was not accepted: " + got(a, r) + ": " + r.suspect(a), nil
}

// suspect says what is most likely wrong if a good request is refused.
func (r *runner) suspect(a answer) string {
	p := r.target.Provider
	switch {
	case a.err != nil:
		return "is a webhook receiver listening there, and does it speak HTTP/1.1?"
	case a.status == http.StatusNotFound, a.status == http.StatusGone:
		return "the URL is wrong: is the path that of the webhook?"
	case a.status == http.StatusMethodNotAllowed:
		return "the URL is wrong: nothing takes " + r.method() + " there"
	case a.status/100 == 3:
		return "it redirects to " + strconv.Quote(a.header.Get("Location")) + ", which senders do not follow: give that URL"
	case a.status == http.StatusTooManyRequests:
		return "it limits requests: wait, or lift the limit for this test"
	case a.status/100 == 5:
		return "the receiver fails: look at its log"
	}
	text := "the secret is not the receiver's, or the receiver is not one for " + p.Title
	if r.places.Covers.URL {
		text += ", or the URL that it verifies is not " + r.public().String() + " (--public-url)"
	}
	if p.SecretHint != "" {
		text += "; the secret is " + p.SecretHint
	}
	return text
}

func (r *runner) method() string {
	if len(r.target.Provider.Methods) > 0 {
		return r.target.Provider.Methods[0]
	}
	return http.MethodPost
}

// A change is made before a request is signed.
type change func(*verifiers.Request)

// make makes a request that is right, signed at the given time.
func (r *runner) make(at time.Time, changes ...change) (*event, error) {
	return r.makeAs("", "", at, changes...)
}

func (r *runner) makeAs(id, kind string, at time.Time, changes ...change) (*event, error) {
	req, err := r.target.Sample(id, kind, at)
	if err != nil {
		return nil, err
	}
	req = copied(req)
	for _, c := range changes {
		c(req)
	}
	return r.signed(req, r.target.Provider, r.target.Config, at)
}

// signed signs a copy of the request.
func (r *runner) signed(req *verifiers.Request, p verifiers.Provider, cfg verifiers.Config, at time.Time) (*event, error) {
	req = copied(req)
	if err := p.Sign(req, cfg, at); err != nil {
		return nil, err
	}
	e := &event{req: copied(req)}
	e.good, _ = r.signature(req)
	return e, nil
}

// verdict is nil if the request is authentic.
func (r *runner) verdict(ctx context.Context, e *event) error {
	_, err := r.oracle.Verify(ctx, copied(e.req))
	return err
}

// patient sends the request, again if the receiver asks for that.
func (r *runner) patient(ctx context.Context, e *event) answer {
	const tries, longest = 4, 5 * time.Second
	for try := 1; ; try++ {
		a := r.exchange(ctx, e)
		r.see(a)
		busy := a.err == nil && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable)
		if !busy || try == tries {
			return a
		}
		wait := time.Duration(try) * 100 * time.Millisecond
		if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds >= 0 {
			wait = min(time.Duration(seconds)*time.Second+50*time.Millisecond, longest)
		}
		select {
		case <-ctx.Done():
			return a
		case <-time.After(wait):
		}
	}
}

// see remembers answers that ask for patience.
func (r *runner) see(a answer) {
	if a.err != nil || a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unavailable++
	if a.header.Get("Retry-After") == "" {
		r.impatient = append(r.impatient, a)
	}
}

// redact takes the secrets out of a text.
func (r *runner) redact(text string) string {
	for _, secret := range r.target.Secrets {
		if len(secret) < 4 {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			text = strings.ReplaceAll(text, form, "<secret>")
		}
	}
	return text
}

// trial is one check that runs.
type trial struct {
	*runner
	ctx    context.Context //nolint:containedctx // it lives as long as the check
	result Result
	probes int
}

func (t *trial) skip(format string, args ...any) {
	if t.result.Note == "" {
		t.result.Note = fmt.Sprintf(format, args...)
	}
}

func (t *trial) end() Result {
	switch {
	case len(t.result.Flaws) > 0:
		t.result.State = Flawed
	case t.ctx.Err() != nil:
		t.result.State, t.result.Note = Skipped, "interrupted"
	case t.probes == 0:
		t.result.State = Skipped
		t.skip("it does not apply to %s", t.target.Provider.Name)
	default:
		t.result.State = Passed
	}
	return t.result
}

func (t *trial) flaw(sent string, e *event, a answer, format string, args ...any) {
	if t.ctx.Err() != nil {
		return // what fails because of that is no flaw
	}
	f := Flaw{Sent: sent, Got: t.redact(fmt.Sprintf(format, args...)), Status: a.status, Millis: a.took.Milliseconds()}
	if e != nil {
		f.Request = t.curl(e)
	}
	t.result.Flaws = append(t.result.Flaws, f)
}

// event makes a request that is right.
func (t *trial) event(changes ...change) (*event, bool) { return t.eventAt(time.Now(), changes...) }

func (t *trial) eventAt(at time.Time, changes ...change) (*event, bool) {
	e, err := t.make(at, changes...)
	if err != nil {
		t.skip("such a request of %s cannot be made: %v", t.target.Provider.Name, err)
		return nil, false
	}
	return e, true
}

// refuse sends what must be refused.
func (t *trial) refuse(sent string, e *event) {
	if t.verdict(t.ctx, e) == nil {
		t.skip("%s does not sign what this changes", t.target.Provider.Name)
		return
	}
	t.probes++
	a := t.patient(t.ctx, e)
	switch {
	case a.ok():
		t.flaw(sent, e, a, "it was accepted: %s", got(a, t.runner))
	case a.err != nil:
		t.flaw(sent, e, a, "%s", got(a, t.runner))
	}
}

// accept sends what must be accepted.
func (t *trial) accept(sent string, e *event) (answer, bool) {
	if err := t.verdict(t.ctx, e); err != nil {
		t.skip("%s does not send such a request", t.target.Provider.Name)
		return answer{}, false
	}
	t.probes++
	a := t.patient(t.ctx, e)
	if !a.ok() {
		t.flaw(sent, e, a, "it was not accepted: %s", got(a, t.runner))
	}
	return a, a.ok()
}

// survive sends what may be accepted or refused, but must not break anything.
func (t *trial) survive(sent string, e *event) answer {
	t.probes++
	a := t.patient(t.ctx, e)
	if a.err != nil || a.status/100 == 5 && a.status != http.StatusNotImplemented {
		t.flaw(sent, e, a, "the receiver failed: %s", got(a, t.runner))
	}
	return a
}

// got says what came back.
func got(a answer, r *runner) string {
	if a.err != nil {
		if errors.Is(a.err, errTimeout) {
			return fmt.Sprintf("no answer came in %s", r.timeout)
		}
		return a.err.Error()
	}
	text := "status " + strconv.Itoa(a.status)
	if body := strings.TrimSpace(string(a.body)); body != "" {
		if len(body) > 200 {
			body = body[:200] + "…"
		}
		text += " " + strconv.Quote(body)
	}
	return r.redact(text)
}

func median(list []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
