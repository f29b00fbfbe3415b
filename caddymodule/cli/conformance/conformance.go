// Package conformance plays a sender of webhooks, honestly and dishonestly, to any
// receiver, and reports what the receiver gets wrong. It knows the receiver only by
// its answers, and by a count of processed events where it is given one.
//
// What is sent follows from the sender's entry in the catalogue: whether a request
// that was changed must be refused is decided by the engine that verifies such
// requests, so that a change of what the sender does not sign is no flaw.
package conformance

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Severity says how much a flaw matters.
type Severity string

// The severities. Must is for what loses events, lets forged ones in or gives
// secrets away; Should is for what a careful receiver does as well.
const (
	Must   Severity = "must"
	Should Severity = "should"
)

// Mode is what a check needs besides the receiver.
type Mode string

// The modes. A check without one always runs.
const (
	Heavy     Mode = "heavy"     // much data, or long to wait
	Timing    Mode = "timing"    // thousands of requests
	Smuggling Mode = "smuggling" // requests that a proxy on the way may take badly
	Observed  Mode = "observe"   // a count of processed events
)

// State is how a check has ended.
type State string

// The states.
const (
	Passed        State = "passed"
	Flawed        State = "flawed"
	Skipped       State = "skipped"        // it does not apply, or was not asked for
	NotObservable State = "not_observable" // nothing tells how many events were processed
)

// A Check is one thing that a receiver can get wrong.
type Check struct {
	// Code names the check for ever: [a-z-]+.
	Code string `json:"code"`
	// Group is the part of the report that it is in.
	Group    string   `json:"group"`
	Severity Severity `json:"severity"`
	// Mode is what it needs; empty for nothing.
	Mode Mode `json:"mode,omitempty"`
	// Sends says what is sent, Wants what a right receiver answers, and Why why.
	Sends string `json:"sends"`
	Wants string `json:"wants"`
	Why   string `json:"why"`
	// Cure says what to change in a receiver that has the flaw.
	Cure string `json:"cure"`
	// Rule is where it is written; empty means the sender's own documentation.
	Rule string `json:"rule,omitempty"`

	alone bool // it looks at time, or at the count, and nothing else may run
	last  bool // it looks at what the others have seen
	run   func(*trial)
}

// Groups are the groups of checks in the order in which they are reported.
var Groups = []string{
	"baseline", "signature", "algorithm", "freshness", "duplicates", "http", "body", "url", "handshake", "answers",
	"timing", "smuggling",
}

// Checks returns all checks, in the order of the report.
func Checks() []Check {
	return slices.Concat(baselineChecks(), signatureChecks(), algorithmChecks(), freshnessChecks(), duplicateChecks(),
		httpChecks(), bodyChecks(), urlChecks(), handshakeChecks(), answerChecks(), timingChecks(), smugglingChecks())
}

// A Target is a receiver, and what is needed to be its sender.
type Target struct {
	// Provider is the sender that is played, whose scheme is a
	// [verifiers.Signer], and Config what it signs with.
	Provider verifiers.Provider
	Config   verifiers.Config
	// PublicKey is the public half of the key, where there is one.
	PublicKey crypto.PublicKey
	// Secrets are what no answer may hold, and no report will: the text of the
	// secret, and of options that are secret.
	Secrets []string
	// URL is where requests go, and PublicURL what is signed by senders that
	// sign a URL; nil means URL.
	URL, PublicURL *url.URL
	// Sample makes an event that is not signed yet. An empty id or type is
	// chosen.
	Sample func(id, kind string, at time.Time) (*verifiers.Request, error)
	// Observe returns how many events the receiver has processed; nil if nothing
	// tells.
	Observe func(context.Context) (int64, error)
}

// Options say which checks to run, and how.
type Options struct {
	// Only and Skip are codes of checks, or groups of them. No Only means all.
	Only, Skip []string
	// Heavy, Timing and Smuggling turn on checks of these modes.
	Heavy, Timing, Smuggling bool
	// Concurrency is how many checks run at one time; 0 means 4.
	Concurrency int
	// Deadline replaces the provider's; 0 means that one.
	Deadline time.Duration
	// Timeout is how long to wait for an answer; 0 means 10 s, and no less than
	// the deadline and a second.
	Timeout time.Duration
	// SlowWait is how long a receiver may wait for a body that does not come; 0
	// means 75 s.
	SlowWait time.Duration
	// Progress is called after each check, if it is not nil, by one goroutine at
	// a time.
	Progress func(done, total int, code string)
}

const (
	defaultTimeout     = 10 * time.Second
	defaultDeadline    = 10 * time.Second
	defaultConcurrency = 4
	defaultSlowWait    = 75 * time.Second
	defaultLimit       = 1 << 20
)

// Errors of [Run].
var (
	// ErrUnknownCheck means that Only or Skip names no check and no group.
	ErrUnknownCheck = errors.New("there is no such check")
	// ErrUnreachable means that the receiver cannot be connected to.
	ErrUnreachable = errors.New("the receiver cannot be reached")
	// ErrSender means that the sender cannot be played with what was given.
	ErrSender = errors.New("requests of this sender cannot be made")
)

// A Report is what was found.
type Report struct {
	Provider string `json:"provider"`
	URL      string `json:"url"`
	// Diagnosis says why nothing was checked: the receiver refuses what is
	// right. Empty if it does not.
	Diagnosis string        `json:"diagnosis,omitempty"`
	Results   []Result      `json:"checks"`
	Requests  int64         `json:"requests"`
	Took      time.Duration `json:"-"`
}

// A Result is how one check has ended.
type Result struct {
	Check
	State State `json:"state"`
	// Note says why a check was skipped, or what was measured.
	Note  string `json:"note,omitempty"`
	Flaws []Flaw `json:"flaws,omitempty"`
}

// A Flaw is one answer that was wrong.
type Flaw struct {
	// Sent says what was sent, and Request is a command line of curl that sends
	// it, or as much of it as can be shown.
	Sent    string `json:"sent"`
	Request string `json:"request,omitempty"`
	// Got says what came back.
	Got    string `json:"got"`
	Status int    `json:"status,omitempty"`
	Millis int64  `json:"duration_ms,omitempty"`
}

// Count returns how many checks have ended so.
func (r *Report) Count(s State) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].State == s {
			n++
		}
	}
	return n
}

// Flawed returns how many checks of this severity have found a flaw.
func (r *Report) Flawed(s Severity) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].State == Flawed && r.Results[i].Severity == s {
			n++
		}
	}
	return n
}

// Run examines the receiver. The error is, or wraps, [ErrUnknownCheck],
// [ErrSender] if the sender cannot be played, [ErrUnreachable], or the context's;
// with the context's error the report has what was found until then. A receiver
// that refuses what is right is no error: the report has a diagnosis.
func Run(ctx context.Context, t Target, o Options) (*Report, error) {
	checks, err := Select(o.Only, o.Skip)
	if err != nil {
		return nil, err
	}
	r, err := newRunner(t, o)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	report := &Report{Provider: t.Provider.Name, URL: t.URL.String()}
	defer func() { report.Requests, report.Took = r.requests.Load(), time.Since(started) }()
	if report.Diagnosis, err = r.introduce(ctx); err != nil || report.Diagnosis != "" {
		return report, err
	}
	report.Results = r.all(ctx, checks)
	return report, ctx.Err()
}

// Select returns the checks that are meant by codes and groups; none in only
// means all. The error wraps [ErrUnknownCheck].
func Select(only, skip []string) ([]Check, error) {
	all := Checks()
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(all, func(c Check) bool { return c.Code == name || c.Group == name }) {
			return nil, fmt.Errorf("%w: %q", ErrUnknownCheck, name)
		}
	}
	names := func(list []string, c Check) bool {
		return slices.Contains(list, c.Code) || slices.Contains(list, c.Group)
	}
	return slices.DeleteFunc(all, func(c Check) bool {
		return len(only) > 0 && !names(only, c) || names(skip, c)
	}), nil
}

// all runs the checks: first those that mind no others, several at a time, then
// those that have to be alone, and then those that look back.
func (r *runner) all(ctx context.Context, checks []Check) []Result {
	results := make([]Result, len(checks))
	var mu sync.Mutex
	done := 0
	one := func(i int) {
		results[i] = r.one(ctx, checks[i])
		mu.Lock()
		defer mu.Unlock()
		if done++; r.options.Progress != nil {
			r.options.Progress(done, len(checks), checks[i].Code)
		}
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, r.options.Concurrency)
	for i, c := range checks {
		if c.alone || c.last {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			one(i)
		})
	}
	wg.Wait()
	for _, last := range []bool{false, true} {
		for i, c := range checks {
			if (c.alone || c.last) && c.last == last {
				one(i)
			}
		}
	}
	return results
}

func (r *runner) one(ctx context.Context, c Check) Result {
	t := &trial{runner: r, ctx: ctx, result: Result{Check: c}}
	switch {
	case ctx.Err() != nil:
		t.skip("interrupted")
	case c.Mode == Observed && r.target.Observe == nil:
		t.result.State, t.result.Note = NotObservable, "nothing tells how many events were processed: --count-url or --observe-cmd"
		return t.result
	case c.Mode == Heavy && !r.options.Heavy, c.Mode == Timing && !r.options.Timing, c.Mode == Smuggling && !r.options.Smuggling:
		t.skip("only with --%s", c.Mode)
	default:
		c.run(t)
	}
	return t.end()
}
