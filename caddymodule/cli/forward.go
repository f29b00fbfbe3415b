package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// forwardPause is the time between two tries to reach a receiver that is not
	// there, which doubles up to forwardLongest, and that before an event is sent
	// again.
	forwardPause   = 250 * time.Millisecond
	forwardLongest = 5 * time.Second
	forwardAgain   = time.Second
)

// forwarder sends events to a URL, and says what became of them.
type forwarder struct {
	o      *ListenOptions
	w      io.Writer
	style  Style
	target *url.URL
	client *http.Client
	sign   func(*http.Request, string, []byte, time.Time) error // nil: as they were

	mu   sync.Mutex
	away bool // the receiver is not there, and that was said
	sum  listenSummary
	err  error // of writing
}

func newForwarder(o *ListenOptions, w io.Writer) (*forwarder, error) {
	f := &forwarder{o: o, w: w, style: StyleOf(w)}
	var err error
	if f.target, err = parseURL(o.Forward); err != nil {
		return nil, fmt.Errorf("--forward: %w", err)
	}
	if o.Resign {
		f.sign = o.Signing.Signer(nil, o.Getenv)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: o.Concurrency, DisableCompression: true, IdleConnTimeout: time.Minute,
	}
	if o.SkipVerifyTLS {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // it is what was asked for
	}
	f.client = &http.Client{
		Transport: transport, Timeout: o.Timeout,
		// A sender does not follow redirects.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f, nil
}

// forward sends one event until it has an answer that counts. While the receiver is
// not there it waits; what is on its way when ctx ends has until sending ends.
func (f *forwarder) forward(ctx, sending context.Context, e *Event) {
	r := Forwarded{
		Stream: e.Stream, Seq: e.Seq, Stored: e.Time.UTC(), Tenant: e.One("ce-whtenant"), Source: e.One("ce-whsource"),
		Type: e.One("ce-type"), ID: e.One("ce-id"),
	}
	target := f.o.target(f.target, r.Source)
	r.URL = (&url.URL{Scheme: target.Scheme, Host: target.Host, Path: target.Path}).String()
	if e.Missing != nil {
		r.Time, r.Error = time.Now().UTC(), e.Missing.Error()
		f.done(r)
		return
	}
	pause := forwardPause
	for {
		after, err := f.post(sending, e, target, &r)
		absent := err != nil && isAbsent(err)
		switch {
		case sending.Err() != nil, absent && ctx.Err() != nil:
			f.unfinished()
			return
		case absent:
			f.sayAway(target, err)
			if !sleep(ctx, pause) {
				f.unfinished()
				return
			}
			pause = min(2*pause, forwardLongest)
			continue
		}
		f.sayBack(target)
		pause = forwardPause
		if r.OK || !r.again(err) || r.Attempts > f.o.Retry {
			f.done(r)
			return
		}
		if !sleep(ctx, max(after, forwardAgain<<min(r.Attempts-1, 5))) {
			f.done(r)
			return
		}
	}
}

// post sends the event once and notes what came of it. The duration is what the
// receiver asks to wait.
func (f *forwarder) post(ctx context.Context, e *Event, target *url.URL, r *Forwarded) (time.Duration, error) {
	r.Status, r.Answer, r.Error, r.OK = 0, "", "", false
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(e.Data))
	if err != nil {
		r.Error = "the URL cannot be requested"
		return 0, errNotSent
	}
	natspub.FillHeader(req.Header, e.Header)
	if f.o.CEHeaders {
		natspub.FillContext(req.Header, e.Header)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "caddy-webhooks-listen/1")
	}
	if f.sign != nil {
		if err := f.resign(req, e); err != nil {
			r.Time, r.Error = time.Now().UTC(), "signing: "+err.Error()
			return 0, errNotSent
		}
	}
	start := time.Now()
	res, err := f.client.Do(req)
	r.Millis = float64(time.Since(start).Microseconds()) / 1000
	r.Time = time.Now().UTC()
	if err != nil {
		if problem, ok := errors.AsType[*url.Error](err); ok {
			err = problem.Err // the URL may hold a token
		}
		if !isAbsent(err) {
			r.Attempts++
		}
		r.Error = explained(err, f.o.Timeout)
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	r.Millis = float64(time.Since(start).Microseconds()) / 1000
	r.Attempts++
	r.Status, r.OK = res.StatusCode, res.StatusCode/100 == 2
	if !r.OK {
		r.Answer = firstLine(string(text))
		if location := res.Header.Get("Location"); res.StatusCode/100 == 3 && location != "" {
			r.Answer = "redirects are not followed: " + withoutQuery(location)
		}
	}
	return natspub.RetryAfter(res.Header.Get("Retry-After"), time.Now()), nil
}

// errNotSent: there is a reason not to send an event, and another try would not
// change that.
var errNotSent = errors.New("not sent")

// errUnverified: a signature would vouch for the event.
var errUnverified = errors.New("the event was not verified, and a signature would vouch for it: leave --resign out for it")

func (f *forwarder) resign(req *http.Request, e *Event) error {
	if e.Refused() {
		return errUnverified
	}
	return f.sign(req, e.One("ce-whprovider"), e.Data, time.Now())
}

// again reports whether the receiver may take the event later.
func (r *Forwarded) again(err error) bool {
	if err != nil {
		_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
		return !errors.Is(err, errNotSent) && !certificate
	}
	return r.Status >= 500 || slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}, r.Status)
}

// isAbsent reports whether nobody is there to take a request: none was sent.
func isAbsent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// explained is an error of a request as a person reads it.
func explained(err error, timeout time.Duration) string {
	var unknown x509.UnknownAuthorityError
	timedOut, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.As(err, &unknown), isCertificate(err):
		return err.Error() + ": --skip-verify-tls takes any certificate"
	case isNet && timedOut.Timeout():
		return fmt.Sprintf("no answer in %s", timeout)
	case errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	}
	return err.Error()
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// firstLine is the first line of a text that has something in it, shortened.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	const most = 200
	if r := []rune(line); len(r) > most {
		line = string(r[:most-1]) + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
}

// sayAway says once that the receiver is not there.
func (f *forwarder) sayAway(target *url.URL, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return
	}
	f.away = true
	if f.o.Errors != nil {
		line := fmt.Sprintf("waiting for %s://%s: %s", target.Scheme, target.Host, visible(explained(err, f.o.Timeout), false))
		_, _ = fmt.Fprintln(f.o.Errors, StyleOf(f.o.Errors).Warn(line))
	}
}

func (f *forwarder) sayBack(target *url.URL) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.away {
		return
	}
	f.away = false
	if f.o.Errors != nil {
		_, _ = fmt.Fprintf(f.o.Errors, "%s://%s is there\n", target.Scheme, target.Host)
	}
}

// unfinished notes an event that was not sent yet, or of which it is not known whether
// it was taken.
func (f *forwarder) unfinished() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sum.Unfinished++
}

// done writes what became of an event.
func (f *forwarder) done(r Forwarded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.OK {
		f.sum.Forwarded++
	} else {
		f.sum.Failed++
	}
	var err error
	if f.o.JSON {
		err = printJSON(f.w, r)
	} else {
		err = f.print(&r)
	}
	if f.err == nil {
		f.err = err
	}
}

// print writes a line about an event, and another about an error.
func (f *forwarder) print(r *Forwarded) error {
	source := r.Source
	if r.Tenant != "" && r.Tenant != "default" {
		source = r.Tenant + "/" + source
	}
	status := "---"
	if r.Status > 0 {
		status = fmt.Sprint(r.Status)
	}
	if r.OK {
		status = f.style.Good(status)
	} else {
		status = f.style.Bad(status)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s  %s  %s  %s", r.Time.Local().Format("15:04:05.000"), status,
		f.style.Faint(fmt.Sprintf("%6s", lasted(r.Millis))), f.style.Strong(visible(source, false)), visible(r.Type, false), visible(r.ID, false))
	if r.Attempts > 1 {
		fmt.Fprintf(&b, "  (%d attempts)", r.Attempts)
	}
	for _, problem := range []string{r.Answer, r.Error} {
		if problem != "" {
			b.WriteString("\n  " + visible(problem, false))
		}
	}
	_, err := fmt.Fprintln(f.w, b.String())
	return err
}

func lasted(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1fms", ms)
	}
	return fmt.Sprintf("%.0fms", ms)
}

// problem returns the first error of writing.
func (f *forwarder) problem() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// summary writes the last line, and returns the first error of writing.
func (f *forwarder) summary() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return fmt.Errorf("writing: %w", f.err)
	}
	if f.o.JSON {
		return printJSON(f.w, f.sum)
	}
	line := fmt.Sprintf("%d forwarded, %d failed", f.sum.Forwarded, f.sum.Failed)
	if f.sum.Unfinished > 0 {
		line += fmt.Sprintf(", %d not finished", f.sum.Unfinished)
	}
	_, err := fmt.Fprintln(f.w, line)
	return err
}
