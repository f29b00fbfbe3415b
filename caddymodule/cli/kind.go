package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The kinds of failures. A command that could not do what it was asked for returns
// an error that wraps one of them, or none if something else has failed.
var (
	// ErrUsage means that the options contradict each other, or that something is
	// missing, unknown or malformed, files among it: asking again in the same way
	// cannot succeed.
	ErrUsage = errors.New("usage")
	// ErrUnreachable means that nobody answers: no admin API, no NATS, or nothing at
	// a URL.
	ErrUnreachable = errors.New("cannot be reached")
	// ErrDenied means that whoever asks may not: a login was refused, or the
	// permissions do not allow it.
	ErrDenied = errors.New("not permitted")
	// ErrNo means that it was done, and that the answer is no. The output says so,
	// and there is nothing to add.
	ErrNo = errors.New("the answer is no")
)

// marked is an error of a kind that its text does not name.
type marked struct{ kind, err error }

func (m *marked) Error() string   { return m.err.Error() }
func (m *marked) Unwrap() []error { return []error{m.err, m.kind} }

// mark returns err as one of this kind, with the text that it has. An error that has
// a kind keeps it, and nil stays nil.
func mark(kind, err error) error {
	if err == nil || hasKind(err) {
		return err
	}
	return &marked{kind, err}
}

func hasKind(err error) bool {
	return errors.Is(err, ErrUsage) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDenied) || errors.Is(err, ErrNo)
}

// ofFile marks an error of reading or writing what an option names, and of what is
// in it, as [ErrUsage].
func ofFile(err error) error { return mark(ErrUsage, err) }

// ofNATS marks an error of a client of NATS: [ErrDenied], [ErrUnreachable], or
// [ErrUsage] for a name that NATS does not know. Others stay as they are.
func ofNATS(err error) error {
	for _, k := range []struct {
		kind error
		of   []error
	}{
		{ErrDenied, []error{
			nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
		}},
		{ErrUsage, []error{jetstream.ErrStreamNotFound, nats.ErrStreamNotFound, fs.ErrNotExist}},
		{ErrUnreachable, []error{
			nats.ErrNoServers, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
			jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount, context.DeadlineExceeded,
		}},
	} {
		for _, of := range k.of {
			if errors.Is(err, of) {
				return mark(k.kind, err)
			}
		}
	}
	return ofNetwork(err)
}

// ofNetwork marks an error of a connection or of its other end as [ErrUnreachable].
func ofNetwork(err error) error {
	if _, ok := errors.AsType[net.Error](err); ok {
		return mark(ErrUnreachable, err)
	}
	return err
}

// ofHTTP marks the error of [http.Client.Do] as [ErrUnreachable], and leaves out the
// URL, which may hold a token. The end of a context stays what it is.
func ofHTTP(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if problem, ok := errors.AsType[*url.Error](err); ok {
		err = problem.Err
	}
	return mark(ErrUnreachable, err)
}

// ofStatus is the kind of an answer of the admin API that is no success; nil for
// one that is none of the three.
func ofStatus(status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrDenied
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return ErrUnreachable
	case http.StatusConflict:
		return nil
	}
	if status/100 == 4 {
		return ErrUsage
	}
	return nil
}

// noResponders is what may be the matter if nobody answers about a stream, as the
// clients of NATS inside Caddy see it.
const noResponders = "is its name right, is there JetStream, and does NATS let its clients read this stream?"

// permitted returns a context that ends when the server refuses something on nc for
// want of a permission: whoever asked would otherwise wait for an answer that does
// not come. [because] says then what was refused. Removing a consumer is only tidying
// up, which the server does by itself after a while.
func permitted(ctx context.Context, nc *nats.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) && !strings.Contains(err.Error(), ".CONSUMER.DELETE.") {
			what := strings.TrimPrefix(err.Error(), nats.ErrPermissionViolation.Error()+": ")
			cancel(fmt.Errorf("%w: %s: who logs in to NATS here needs this permission", ErrDenied, what))
		}
	})
	return ctx, func() { cancel(nil) }
}

// because returns what a context of [permitted] has ended for, or err, with its kind.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrDenied) {
		return cause
	}
	return ofNATS(err)
}
