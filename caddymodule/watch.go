package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

const (
	// defaultPreflightInterval is the time between two looks at streams that are
	// as they should be.
	defaultPreflightInterval = 30 * time.Second
	// fatalLooks is after how many looks in a row that find a stream unfit its
	// events are refused: while a cluster chooses a leader, nobody may answer.
	fatalLooks = 3
)

// findings are the result of the last look at the streams.
type findings struct {
	at      time.Time
	list    []natspub.Finding
	refused map[string]error // by stream: why its events are refused; nil if none are
	failed  error            // why the last look was not possible
	fails   int              // looks in a row that were not
}

// settled ends the looks at the streams. When it returns none changes them any more.
func (s *session) settled() {
	s.settle()
	s.looking.Lock()
	defer s.looking.Unlock()
	s.mu.Lock()
	ops := s.ops
	s.mu.Unlock()
	ops.Settle()
}

// found keeps the result of a look, for the status.
func (s *session) found(f findings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.findings = f
}

// lastFound returns the result of the last look.
func (s *session) lastFound() findings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findings
}

// generations are the configurations that were started and have not ended, the
// oldest first. Only the youngest makes something of streams: on a reload two are
// there at one time, and would take turns. Should the younger one fail to start, the
// other is the youngest again.
var generations generationList

type generationList struct {
	mu   sync.Mutex
	apps []*App
}

// begin makes the configuration the youngest, and returns when no other looks at
// streams.
func (g *generationList) begin(a *App) {
	g.mu.Lock()
	older := slices.Clone(g.apps)
	g.apps = append(g.apps, a)
	g.mu.Unlock()
	for _, other := range older {
		for _, c := range other.all() {
			if c.session != nil {
				c.session.looking.Lock()
				c.session.looking.Unlock() //nolint:staticcheck // to wait for it is all
			}
		}
	}
}

func (g *generationList) end(a *App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.apps = slices.DeleteFunc(g.apps, func(other *App) bool { return other == a })
}

// youngest reports whether no other configuration was started after that one.
func (g *generationList) youngest(a *App) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.apps) == 0 || g.apps[len(g.apps)-1] == a
}

var errSuperseded = errors.New("another configuration looks at the streams")

// preflight creates and checks the streams, and says what is new. It returns
// [ErrPreflight] if one that must be as promised is not.
func (a *App) preflight(ctx context.Context, p *natspub.Publisher) error {
	list, err := a.look(ctx, p)
	if err != nil {
		return err
	}
	f := findings{at: time.Now().UTC(), list: list}
	unfit := a.unfit(list)
	a.say(a.session.lastFound().list, list, false)
	a.session.found(f)
	var problems []error
	for _, err := range unfit {
		problems = append(problems, err...)
	}
	return errors.Join(problems...)
}

func (a *App) look(ctx context.Context, p *natspub.Publisher) ([]natspub.Finding, error) {
	a.session.looking.Lock()
	defer a.session.looking.Unlock()
	whole := a
	if a.main != nil {
		whole = a.main
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !generations.youngest(whole):
		return nil, errSuperseded
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return p.Preflight(ctx)
}

// watch looks at the streams as long as events are taken, because their owners
// may change them at any time. Events for one that must be as promised, and is
// not any more, are refused until it is.
func (a *App) watch(ctx context.Context, p *natspub.Publisher) {
	seen := make(map[string]int) // looks in a row that found the stream unfit
	pause := lookAgain
	for {
		wait := time.Duration(a.PreflightInterval)
		switch last := a.session.lastFound(); {
		case len(a.unfit(last.list)) > 0, last.failed != nil:
			wait = min(wait, lookAgain)
		case fatal(last.list):
			// It may be mended soon: a cluster that has just been started creates no
			// stream before it knows its servers.
			wait, pause = min(wait, pause), min(2*pause, wait)
		default:
			pause = lookAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		last := a.session.lastFound()
		list, err := a.look(ctx, p)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errSuperseded):
			continue
		case err != nil:
			if a.session.broker.conn.Status() == nats.CONNECTED && last.failed == nil {
				a.log.Warn("looking at the streams; trying again", "error", err)
			}
			last.failed = err
			last.fails++
			a.session.found(last)
			continue
		}
		unfit := a.unfit(list)
		refused := make(map[string]error)
		for stream, problems := range unfit {
			if seen[stream]++; seen[stream] >= fatalLooks {
				refused[stream] = errors.Join(problems...)
			}
		}
		maps.DeleteFunc(seen, func(stream string, _ int) bool { return unfit[stream] == nil })
		a.refuse(p, last.refused, refused)
		a.say(last.list, list, true)
		a.session.found(findings{at: time.Now().UTC(), list: list, refused: refused})
	}
}

func fatal(list []natspub.Finding) bool {
	return slices.ContainsFunc(list, func(f natspub.Finding) bool { return f.Severity == natspub.Fatal })
}

// unfit returns the streams of which strict is asked and that are not fit, with
// the reasons.
func (a *App) unfit(list []natspub.Finding) map[string][]error {
	unfit := make(map[string][]error)
	for _, f := range list {
		if f.Severity == natspub.Fatal && a.preflightMode(f.Stream) == preflightStrict {
			unfit[f.Stream] = append(unfit[f.Stream], fmt.Errorf("%w: %s; or set `preflight warn`", ErrPreflight, f))
		}
	}
	return unfit
}

// preflightMode is what to do about findings of the stream; "" is the server.
func (a *App) preflightMode(stream string) string {
	for _, s := range append(slices.Collect(maps.Values(a.RouteStreams)), a.UnverifiedStream, a.QuarantineStream) {
		if s.Name == stream {
			return s.Preflight
		}
	}
	return a.Stream.Preflight
}

// refuse has the publisher refuse events, and says what changes.
func (a *App) refuse(p *natspub.Publisher, before, now map[string]error) {
	p.Refuse(now)
	for stream, err := range now {
		if before[stream] == nil {
			a.log.Error("events are refused, and senders asked to try again, until this is mended", "stream", stream, "error", err)
		}
	}
	for stream := range before {
		if now[stream] == nil {
			a.log.Info("events are taken again", "stream", stream)
		}
	}
}

// say logs what was not found before, and what is found no more. Findings that
// differ in their figures alone are the same.
func (a *App) say(before, now []natspub.Finding, running bool) {
	known := make(map[string]bool, len(before))
	for _, f := range before {
		// What was done is not what is: it may be done again.
		known[sameFinding(f)] = f.Problem != natspub.Created && f.Problem != natspub.Updated
	}
	found := make(map[string]bool, len(now))
	for _, f := range now {
		found[sameFinding(f)] = true
		if !known[sameFinding(f)] && a.preflightMode(f.Stream) != preflightOff {
			a.log.Log(a.ctx, severityLevel(f, running), "preflight", f.Attrs()...)
		}
	}
	for _, f := range before {
		if f.Severity != natspub.Note && !found[sameFinding(f)] && a.preflightMode(f.Stream) != preflightOff {
			a.log.Info("preflight: mended", "stream", f.Stream, "finding", f.Problem)
		}
	}
}

// severityLevel is how loud a finding is. A stream that had to be made while
// events were taken was deleted, with all that was in it.
func severityLevel(f natspub.Finding, running bool) slog.Level {
	switch {
	case f.Problem == natspub.Created && running:
		return slog.LevelError
	case f.Problem == natspub.Updated && running:
		return slog.LevelWarn
	case f.Severity == natspub.Note:
		return slog.LevelInfo
	case f.Severity == natspub.Fatal && running:
		return slog.LevelError
	}
	return slog.LevelWarn
}

func sameFinding(f natspub.Finding) string {
	return string(f.Severity) + " " + f.Stream + " " + strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, f.Problem)
}
