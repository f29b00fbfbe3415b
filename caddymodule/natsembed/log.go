package natsembed

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// logger hands the server's messages on. A fatal error is kept, not obeyed: the
// process is not the server's to end.
type logger struct {
	to   *slog.Logger
	dead atomic.Pointer[error]
}

func newLogger(to *slog.Logger) *logger {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return &logger{to: to}
}

func (l *logger) fatal() error {
	if err := l.dead.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *logger) Noticef(format string, v ...any) { l.log(l.to.Debug, format, v) }

// Warnf leaves out what the server says about our own settings: the password is
// made up at each start and stays in memory, and payloads are as large as
// senders make them.
func (l *logger) Warnf(format string, v ...any) {
	write := l.to.Warn
	if strings.HasPrefix(format, "Plaintext passwords detected") || strings.HasPrefix(format, "Maximum payloads over") {
		write = l.to.Debug
	}
	l.log(write, format, v)
}

func (l *logger) Errorf(format string, v ...any) { l.log(l.to.Error, format, v) }
func (l *logger) Debugf(string, ...any)          {}
func (l *logger) Tracef(string, ...any)          {}

func (l *logger) Fatalf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.dead.CompareAndSwap(nil, &err)
	l.log(l.to.Error, format, v)
}

func (l *logger) log(write func(string, ...any), format string, v []any) {
	write("nats-server", "message", fmt.Sprintf(format, v...))
}
