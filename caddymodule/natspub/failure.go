package natspub

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// failure is what an error of one attempt means.
type failure struct {
	// as is the gateway's word for it, if there is no further attempt.
	as error
	// cause is the error itself.
	cause error
	// tries is up to which attempt it is worth another one: 0 never, -1 as
	// long as there is time.
	tries int
	// unknown means that the event may be stored.
	unknown bool
}

// storeFailed is the code of everything that the store of a stream refuses.
const storeFailed = 10077

// otherStream is the code of a message whose subject is another stream's.
const otherStream = 10060

const (
	never   = 0
	forever = -1
	// electing is how many attempts a stream without a leader is worth: about
	// a second and a half, in which a new one is found.
	electing = 8
)

// apiFailures are the error codes of the JetStream API that a publish can meet.
// They all say that nothing was stored.
var apiFailures = map[jetstream.ErrorCode]failure{
	10158:       {as: gateway.ErrInFlight, tries: forever},  // the same id is being stored
	10164:       {as: gateway.ErrInFlight, tries: forever},  // the same subject is being stored
	10167:       {as: gateway.ErrOverloaded, tries: never},  // the stream's queue is full
	storeFailed: {as: gateway.ErrFull, tries: never},        // the stream's limits; see classifyStore
	10002:       {as: gateway.ErrFull, tries: never},        // the account's limits
	10023:       {as: gateway.ErrFull, tries: never},        // the server's limits
	10047:       {as: gateway.ErrFull, tries: never},        // the server's disk
	10028:       {as: gateway.ErrFull, tries: never},        // the server's memory
	10054:       {as: gateway.ErrTooLarge, tries: never},    // the stream's message size
	10097:       {as: gateway.ErrTooLarge, tries: never},    // the size of headers
	otherStream: {as: gateway.ErrRefused, tries: never},     // another stream has the subject
	10109:       {as: gateway.ErrRefused, tries: never},     // the stream is sealed
	10039:       {as: gateway.ErrRefused, tries: never},     // JetStream is off for the account
	10076:       {as: gateway.ErrRefused, tries: never},     // JetStream is off
	10008:       {as: gateway.ErrNotReady, tries: electing}, // the cluster has no leader
	10009:       {as: gateway.ErrNotReady, tries: electing}, // nor has the stream
}

// classify says what an error means.
func classify(err error) failure {
	f := failure{as: gateway.ErrTimeout, tries: forever, unknown: true}
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api):
		f = classifyAPI(api)
	case errors.Is(err, errUnsound):
		f = failure{as: gateway.ErrNotReady, tries: never, unknown: true}
	case errors.Is(err, errQueued):
		f = failure{as: gateway.ErrOverloaded, tries: never}
	case errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrHeadersNotSupported):
		f = failure{as: gateway.ErrRefused, tries: never}
	case errors.Is(err, nats.ErrMaxPayload):
		f = failure{as: gateway.ErrTooLarge, tries: never}
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		// A stream without a leader does not answer, just as one that is not there. The
		// first mends itself; that it is the second Preflight finds out.
		f = failure{as: gateway.ErrNotReady, tries: electing}
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		f = failure{as: gateway.ErrNotReady, tries: never, unknown: true}
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		f = failure{as: gateway.ErrNotReady, tries: forever}
	case errors.Is(err, nats.ErrDisconnected):
		f = failure{as: gateway.ErrNotReady, tries: forever, unknown: true}
	case errors.Is(err, jetstream.ErrTooManyStalledMsgs):
		f = failure{as: gateway.ErrOverloaded, tries: never}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		f.tries = never
	}
	f.cause = err
	return f
}

func classifyAPI(api *jetstream.APIError) failure {
	f, known := apiFailures[api.ErrorCode]
	switch {
	case api.ErrorCode == storeFailed:
		return classifyStore(api.Description)
	case known:
		return f
	case api.Code >= 500:
		return failure{as: gateway.ErrNotReady, tries: electing, unknown: true}
	}
	return failure{as: gateway.ErrRefused, tries: never}
}

// classifyStore tells apart what the server puts under one code, by its words:
// a limit of the stream, a limit that no stream of ours may have, and a disk
// that does not work.
func classifyStore(description string) failure {
	switch {
	case strings.Contains(description, "per subject"):
		return failure{as: gateway.ErrRefused, tries: never}
	case strings.Contains(description, "exceeded"):
		return apiFailures[storeFailed]
	}
	return failure{as: gateway.ErrNotReady, tries: electing, unknown: true}
}

// settled returns what is to be said after an attempt that may have stored the
// event: a refusal of a later one does not say that it is not stored.
func (f failure) settled(unknown bool) error {
	if unknown && !f.unknown && (errors.Is(f.as, gateway.ErrFull) || errors.Is(f.as, gateway.ErrRefused) || errors.Is(f.as, gateway.ErrTooLarge)) {
		return gateway.ErrTimeout
	}
	return f.as
}
