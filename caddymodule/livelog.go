package caddymodule

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// liveLog is for what outlives a configuration: it writes to the log of the one
// that was started last. A logger of an old configuration may write to a file
// that is closed.
type liveLog struct {
	to atomic.Pointer[slog.Handler]
}

// live is the log of embedded servers and connections.
var live liveLog

func (l *liveLog) use(log *slog.Logger) {
	h := log.Handler()
	l.to.Store(&h)
}

func (l *liveLog) handler() slog.Handler {
	if h := l.to.Load(); h != nil {
		return *h
	}
	return slog.DiscardHandler
}

// Enabled implements [slog.Handler].
func (l *liveLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.handler().Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (l *liveLog) Handle(ctx context.Context, r slog.Record) error { return l.handler().Handle(ctx, r) }

// WithAttrs implements [slog.Handler].
func (l *liveLog) WithAttrs(attrs []slog.Attr) slog.Handler { return &liveAttrs{l, attrs} }

// WithGroup implements [slog.Handler]. What it returns stays with the log of
// now.
func (l *liveLog) WithGroup(name string) slog.Handler { return l.handler().WithGroup(name) }

// liveAttrs is a liveLog with attributes.
type liveAttrs struct {
	*liveLog
	attrs []slog.Attr
}

// Handle implements [slog.Handler].
func (l *liveAttrs) Handle(ctx context.Context, r slog.Record) error {
	return l.handler().WithAttrs(l.attrs).Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (l *liveAttrs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &liveAttrs{l.liveLog, slices.Concat(l.attrs, attrs)}
}

var (
	_ slog.Handler = (*liveLog)(nil)
	_ slog.Handler = (*liveAttrs)(nil)
)
