package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	_, dial := net.Dial("tcp", "127.0.0.1:1")
	_, open := os.Open(t.TempDir() + "/none")
	for _, tt := range []struct{ err, want error }{
		{ofNATS(fmt.Errorf("x: %w", nats.ErrAuthorization)), ErrDenied},
		{ofNATS(fmt.Errorf("%w: to publish", nats.ErrPermissionViolation)), ErrDenied},
		{ofNATS(nats.ErrNoServers), ErrUnreachable},
		{ofNATS(fmt.Errorf("x: %w", context.DeadlineExceeded)), ErrUnreachable},
		{ofNATS(dial), ErrUnreachable},
		{ofNATS(jetstream.ErrStreamNotFound), ErrUsage},
		{ofNATS(fmt.Errorf("%w: %w", ErrUsage, nats.ErrTimeout)), ErrUsage},
		{ofNATS(errors.New("other")), nil},
		{ofNATS(nil), nil},
		{ofFile(open), ErrUsage},
		{ofStatus(http.StatusForbidden), ErrDenied},
		{ofStatus(http.StatusNotFound), ErrUsage},
		{ofStatus(http.StatusServiceUnavailable), ErrUnreachable},
		{ofStatus(http.StatusConflict), nil},
		{ofStatus(http.StatusInternalServerError), nil},
		{ErrNoAdmin, ErrUnreachable},
		{ErrNothing, ErrUsage},
		{ErrNotSignable, ErrUsage},
	} {
		for _, kind := range []error{ErrUsage, ErrUnreachable, ErrDenied} {
			if got, want := errors.Is(tt.err, kind), errors.Is(tt.want, kind); got != want {
				t.Errorf("%v: is %v: got %v, want %v", tt.err, kind, got, want)
			}
		}
	}
	if err := ofFile(open); err.Error() != open.Error() || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want the text and the errors of %v", err, open)
	}
}

func TestOfHTTP(t *testing.T) {
	t.Parallel()
	_, err := http.Get("http://127.0.0.1:1/?token=s3cret") //nolint:noctx // nothing listens
	if _, ok := errors.AsType[*url.Error](err); !ok {
		t.Fatalf("got %v", err)
	}
	if err := ofHTTP(t.Context(), err); !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ofHTTP(ctx, err); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
