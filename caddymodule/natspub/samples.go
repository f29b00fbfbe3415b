package natspub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	defaultSamplesPerSource = 50
	defaultSamples          = 1000
	defaultSampleSize       = 64 << 10
	// sampleQueue is how many samples may wait.
	sampleQueue = 16
	// samplePause is the least time between two that are stored, and sampleTime
	// how long storing one may take.
	samplePause = 250 * time.Millisecond
	sampleTime  = 5 * time.Second
	// sampleShare bounds all samples: one part in so many of the stream.
	sampleShare = 8
	// sampleSay is the time between two lines about samples that are lost.
	sampleSay = time.Minute
)

// SamplesConfig describes Samples.
type SamplesConfig struct {
	// Publisher stores them in its quarantine stream. Required.
	Publisher *Publisher
	// PerSource is how many are kept of one source, and Total of all; 0 means 50
	// and 1000. Total is lower where the stream is small: samples never have more
	// than an eighth of it.
	PerSource, Total int
	// Size is the largest body that is offered; 0 means 64 KiB.
	Size int64
	// Done, if not nil, is told once about each that was offered: "kept",
	// "duplicate", or "dropped". It must not block.
	Done func(e *gateway.Event, result string)
	// Logger gets what no caller is told. Nil means that nobody does.
	Logger *slog.Logger
	// Pause is the least time between two that are stored; 0 means a quarter of a
	// second.
	Pause time.Duration
}

// Samples is a [gateway.Sampler] that puts requests which are not authentic into
// quarantine, in the background, a few a second at most. However many come: of
// one source and of all there are never more than so many, the oldest of which
// make room for new ones. What is there for other reasons stays.
type Samples struct {
	cfg    SamplesConfig
	q      *Quarantine
	queue  chan sample
	cancel context.CancelFunc
	work   sync.WaitGroup

	total int // the worker's; 0: not known yet
	said  time.Time
}

type sample struct {
	event *gateway.Event
	why   gateway.Quarantine
}

// NewSamples returns a sampler that runs until Close.
func NewSamples(cfg SamplesConfig) *Samples {
	if cfg.PerSource <= 0 {
		cfg.PerSource = defaultSamplesPerSource
	}
	if cfg.Total <= 0 {
		cfg.Total = defaultSamples
	}
	if cfg.Size <= 0 {
		cfg.Size = defaultSampleSize
	}
	if cfg.Pause <= 0 {
		cfg.Pause = samplePause
	}
	if cfg.Done == nil {
		cfg.Done = func(*gateway.Event, string) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Samples{cfg: cfg, q: NewQuarantine(cfg.Publisher), queue: make(chan sample, sampleQueue), cancel: cancel}
	s.work.Go(func() { s.run(ctx) })
	return s
}

// Sample implements [gateway.Sampler].
func (s *Samples) Sample(e *gateway.Event, why gateway.Quarantine) {
	select {
	case s.queue <- sample{e, why}:
	default:
		s.cfg.Done(e, "dropped")
	}
}

// Close ends it. What waits is dropped.
func (s *Samples) Close() {
	s.cancel()
	s.work.Wait()
}

func (s *Samples) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-s.queue:
			result, err := s.store(ctx, next)
			s.cfg.Done(next.event, result)
			if err != nil && ctx.Err() == nil && time.Since(s.said) > sampleSay {
				s.said = time.Now()
				s.cfg.Logger.Warn("a request that was refused could not be put into quarantine", "stream", s.q.p.cfg.Quarantine.Name, "error", err)
			}
			if !pauseFor(ctx, s.cfg.Pause) {
				return
			}
		}
	}
}

var errNoRoom = errors.New("the stream is too small for samples, of which it may have an eighth")

// store makes room and stores one. Room comes first: where that cannot be made
// nothing is stored, so that the bounds hold whatever the broker permits.
func (s *Samples) store(ctx context.Context, next sample) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	if err := s.q.p.Ready(); err != nil {
		return "dropped", nil //nolint:nilerr // the broker's state is told elsewhere
	}
	if err := s.measure(ctx); err != nil {
		return "dropped", err
	}
	if s.total == 0 {
		return "dropped", errNoRoom
	}
	for _, bound := range []struct {
		filter KeptFilter
		most   int
	}{
		{KeptFilter{Tenant: next.event.Tenant, Source: next.event.Source, Reason: SignatureReason}, min(s.cfg.PerSource, s.total)},
		{KeptFilter{Reason: SignatureReason}, s.total},
	} {
		if _, err := s.q.purge(ctx, bound.filter.subject(), bound.most-1); err != nil {
			return "dropped", fmt.Errorf("making room: %w", err)
		}
	}
	m := s.q.p.aside(next.event, next.why)
	// The same bytes again, as in a retry, are no other sample.
	m.header[headerMsgID] = []string{digestID("sample", next.event.Tenant, next.event.Source, string(next.event.Digest[:]))}
	ack, err := s.q.p.store(ctx, m)
	switch {
	case err != nil:
		return "dropped", err
	case ack.Duplicate:
		return "duplicate", nil
	}
	return "kept", nil
}

// measure finds out how many samples the stream has room for.
func (s *Samples) measure(ctx context.Context) error {
	if s.total > 0 {
		return nil
	}
	st, err := s.q.stream(ctx)
	if err != nil {
		return err
	}
	s.total = s.cfg.Total
	if most := st.CachedInfo().Config.MaxBytes; most > 0 {
		s.total = min(s.total, int(most/sampleShare/(s.cfg.Size+largestKept+maxHeaders)))
	}
	return nil
}

var _ gateway.Sampler = (*Samples)(nil)
