package caddymodule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// Stream configures one stream.
type Stream struct {
	// The stream's name. Default: WEBHOOKS, WEBHOOKS_UNVERIFIED,
	// WEBHOOKS_QUARANTINE or WEBHOOKS_OPS.
	Name string `json:"name,omitempty"`
	// How many servers keep each event. Default: as many as those of `stream`, and
	// there 1. Use 3 in a cluster, so that an acknowledged event survives the loss
	// of a server.
	Replicas int `json:"replicas,omitempty"`
	// How long events are kept. Not less than the deduplication window.
	// Default: 7d, quarantine 14d, operational events 30d.
	MaxAge caddy.Duration `json:"max_age,omitempty"`
	// How many bytes the stream may have. Default: no limit of its own,
	// quarantine 1 GiB, operational events 64 MiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// How long the id of an event is remembered. Default: the longest retry
	// span of the routes' senders, at least 24h and at most 96h. Each id needs
	// about 145 bytes of the server's memory.
	DuplicateWindow caddy.Duration `json:"duplicate_window,omitempty"`
	// What to do if an existing stream does not keep the gateway's promises:
	// `strict` refuses to work, `warn` says so in the log, `off` does not look.
	// Default: `strict` embedded, `warn` in a cluster.
	Preflight string `json:"preflight,omitempty"`
	// Whether to create the stream if it does not exist: `on` or `off`.
	// Default: `on`.
	Create string `json:"create,omitempty"`
}

// The defaults of streams.
const (
	streamName         = "WEBHOOKS"
	unverifiedName     = "WEBHOOKS_UNVERIFIED"
	quarantineName     = "WEBHOOKS_QUARANTINE"
	defaultMaxAge      = 7 * 24 * time.Hour
	quarantineMaxAge   = 14 * 24 * time.Hour
	quarantineMaxBytes = 1 << 30
	opsName            = "WEBHOOKS_OPS"
	opsMaxAge          = 30 * 24 * time.Hour
	opsMaxBytes        = 64 << 20
	preflightStrict    = "strict"
	preflightWarn      = "warn"
	preflightOff       = "off"

	// shortestWindow and longestWindow bound the deduplication window that
	// follows from the senders' retries.
	shortestWindow = 24 * time.Hour
	longestWindow  = 96 * time.Hour
)

// checkStreams checks and completes the streams.
func (a *App) checkStreams() error {
	var problems []error
	for _, s := range []struct {
		field    string
		stream   **Stream
		name     string
		maxAge   time.Duration
		maxBytes int64
	}{
		{"stream", &a.Stream, streamName, defaultMaxAge, 0},
		{"unverified_stream", &a.UnverifiedStream, unverifiedName, defaultMaxAge, 0},
		{"quarantine_stream", &a.QuarantineStream, quarantineName, quarantineMaxAge, quarantineMaxBytes},
		{"ops_stream", &a.OpsStream, opsName, opsMaxAge, opsMaxBytes},
	} {
		c := Stream{}
		if *s.stream != nil {
			c = **s.stream
		}
		*s.stream = &c
		if c.Name == "" {
			c.Name = s.name
		}
		if c.Replicas == 0 && a.NATS != nil {
			c.Replicas = a.Stream.Replicas // what is in quarantine was acknowledged as well
		}
		if c.MaxAge == 0 {
			c.MaxAge = caddy.Duration(s.maxAge)
		}
		if c.MaxBytes == 0 {
			c.MaxBytes = s.maxBytes
		}
		if err := c.check(a.NATS != nil); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", s.field, err))
		}
	}
	names := make(map[string]bool)
	for _, s := range []*Stream{a.Stream, a.UnverifiedStream, a.QuarantineStream, a.OpsStream} {
		names[s.Name] = true
	}
	if len(names) < 4 {
		problems = append(problems, errors.New("two streams have the same name: give each its own"))
	}
	return errors.Join(problems...)
}

func (s *Stream) check(cluster bool) error {
	var problems []error
	if strings.ContainsAny(s.Name, " \t\r\n.*>/\\{}") {
		problems = append(problems, fmt.Errorf("%q is not a stream's name: use letters, digits, _ and -", s.Name))
	}
	if s.Replicas < 0 || s.Replicas > 5 || (!cluster && s.Replicas > 1) {
		problems = append(problems, errors.New("replicas: use 1 to 5, and 1 where JetStream is embedded"))
	}
	if s.MaxAge < 0 || s.MaxBytes < 0 || s.DuplicateWindow < 0 {
		problems = append(problems, errors.New("max_age, max_bytes and duplicate_window must be above zero"))
	}
	if s.DuplicateWindow > s.MaxAge {
		problems = append(problems, fmt.Errorf("duplicate_window %v is longer than max_age %v: ids end with their events",
			time.Duration(s.DuplicateWindow), time.Duration(s.MaxAge)))
	}
	switch s.Preflight {
	case "":
		s.Preflight = preflightStrict
		if cluster {
			s.Preflight = preflightWarn
		}
	case preflightStrict, preflightWarn, preflightOff:
	default:
		problems = append(problems, fmt.Errorf("preflight: %q is not understood: write strict, warn or off", s.Preflight))
	}
	switch s.Create {
	case "":
		s.Create = "on"
	case "on", "off":
	default:
		problems = append(problems, fmt.Errorf("create: %q is not understood: write on or off", s.Create))
	}
	return errors.Join(problems...)
}

// window is the deduplication window: the longest retry span of the senders.
func (a *App) window() time.Duration {
	return min(max(a.spans, shortestWindow), longestWindow)
}

// unverified is the stream for routes that verify nothing, if there are any.
func (a *App) unverified() natspub.StreamConfig {
	if !a.anybody {
		return natspub.StreamConfig{}
	}
	return a.UnverifiedStream.translate(a.window(), false)
}

func (s *Stream) translate(window time.Duration, dropOldest bool) natspub.StreamConfig {
	if s.DuplicateWindow > 0 {
		window = time.Duration(s.DuplicateWindow)
	}
	return natspub.StreamConfig{
		Name:       s.Name,
		Replicas:   s.Replicas,
		MaxAge:     time.Duration(s.MaxAge),
		MaxBytes:   s.MaxBytes,
		Window:     min(window, time.Duration(s.MaxAge)),
		DropOldest: dropOldest,
		Create:     s.Create == "on",
	}
}
