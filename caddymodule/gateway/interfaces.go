package gateway

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Errors of a [Publisher]. Each corresponds to one [Outcome]; an error that
// wraps none of them counts as [Internal]. None of them says that an event is
// not stored, except ErrFull, ErrRefused and ErrTooLarge.
var (
	// ErrInFlight: another copy with the same id is being stored.
	ErrInFlight = errors.New("another copy of the event is being stored")
	// ErrOverloaded: too many events are waiting already.
	ErrOverloaded = errors.New("too many events are waiting for the broker")
	// ErrNotReady: not started or not connected.
	ErrNotReady = errors.New("the broker is not ready")
	// ErrFull: the stream, the account or the disk has reached a limit.
	ErrFull = errors.New("the stream is full")
	// ErrTimeout: no answer inside the deadline.
	ErrTimeout = errors.New("the broker did not answer in time")
	// ErrRefused: the broker will not take it as things are configured.
	ErrRefused = errors.New("the broker refuses the event")
	// ErrTooLarge: larger than the broker or the stream takes.
	ErrTooLarge = errors.New("the event is too large for the broker")
)

// A Publisher stores events durably. It is safe for concurrent use.
type Publisher interface {
	// Publish stores the event and returns only when it is stored or cannot
	// be, or when ctx ends. Storing and deduplicating are one step: of any
	// number of calls with the same tenant, source and id, one stores and the
	// others return an Ack with Duplicate, or an error. Retries after an
	// unknown outcome are the Publisher's, with the same id, inside ctx. The
	// event is accepted on an Ack that names a Stream, and on nothing else.
	Publish(ctx context.Context, e *Event) (Ack, error)
	// Quarantine stores the event, with the reason, apart from the others. The
	// same id with the same bytes and the same reason is a duplicate; other bytes
	// are another event, so that none is lost, and never a conflict.
	Quarantine(ctx context.Context, e *Event, q Quarantine) (Ack, error)
}

// A Starter is a Publisher that can store events in an order: those of a batch.
type Starter interface {
	Publisher
	// Start is Publish in two steps. It sends the event; the function that it
	// returns has to be called, once, and waits for what Publish returns. Events
	// are stored in the order in which they were started, except where an attempt
	// has to be repeated.
	Start(ctx context.Context, e *Event) (wait func() (Ack, error))
}

// A Validator checks payloads against schemas. It is safe for concurrent use.
type Validator interface {
	// Validate checks the decoded payload (as by encoding/json with UseNumber;
	// a form is an object of strings and, for fields that are there more than
	// once, arrays of strings; a body that is neither is [Opaque]) against the
	// schema for the event's type. It must not change either, nor keep the payload.
	Validate(e *Event, payload any) Validation
}

// Opaque is the payload of a body that is neither JSON nor a form. No schema is
// for it, so that it is not valid where there is one for the event's type.
type Opaque []byte

// Validation is what a [Validator] finds.
type Validation struct {
	// Schema is the address of the schema that was applied; "" if there is none
	// for the event's type.
	Schema string
	// SHA256 is the digest of that schema, in lower-case hex.
	SHA256 string
	// Mode is what happens to the event if Err is not nil; "" means what the
	// route's Config says.
	Mode SchemaMode
	// Err says why the payload is not valid; nil means that it is, or that there is
	// no schema for it. Its text is bounded and holds no values of the payload.
	Err error
}

// An Observer is told about every request once, after its answer is decided.
// It must not keep the Record, and it should be quick: the sender waits.
type Observer interface {
	Observe(r *Record)
}

// An AddressList is a list of addresses that changes while the route is in use. It is
// safe for concurrent use.
type AddressList interface {
	// Lists reports whether the address is on the list. If it is not, known says
	// whether the list is known at all.
	Lists(addr netip.Addr) (listed, known bool)
}

// A Confirmer fetches the URL of a handshake.
type Confirmer interface {
	// Confirm does a GET of rawURL, which pin must allow, and returns an error
	// unless the answer is a 2xx.
	Confirm(ctx context.Context, pin verifiers.Pin, rawURL string) error
}

// Errors of a [Capturer] that are about the secret. Any other means that it could
// not be kept now.
var (
	// ErrOtherSecret: another one is kept, and stays.
	ErrOtherSecret = errors.New("another secret is kept already")
	// ErrNotKept: the route does not keep delivered secrets.
	ErrNotKept = errors.New("the route does not keep delivered secrets: configure where to keep them")
)

// A Capturer keeps the secret that a sender delivers in a handshake. It is safe
// for concurrent use.
type Capturer interface {
	// Capture returns nil only if the secret is kept durably, or was before. It
	// never replaces another. An error that wraps [verifiers.ErrMalformed] means
	// that the sender's secrets do not look like this. No error holds the secret.
	Capture(secret string) error
}

// Record is what there is to say about one request. It holds no payload and no
// header values.
type Record struct {
	Tenant, Source, Provider string
	// RequestID is the IngestID: in the answer, in the log, on the message.
	RequestID string
	Outcome   Outcome
	// Reason is a fixed word: the outcome's own or the verifier's.
	Reason string
	// Status is the HTTP status decided on.
	Status int
	// Err is the internal cause, safe to log; nil on success, except that it
	// says why an event was quarantined.
	Err error
	// Diagnosis says why a request is not authentic, as far as that could be
	// found out; zero if it was not tried. It is for operators alone.
	Diagnosis verifiers.Diagnosis
	// Handshake is the name of the handshake that was answered.
	Handshake string

	// EventID and EventType are "" before verification, so that a forged
	// request cannot write into a log.
	EventID, EventType string
	Trust              Trust
	KeyID              string
	KeyIndex           int
	Schema             SchemaVerdict
	Ack                Ack
	// Suspect is the Event's. Of a batch it says that one of its events is.
	Suspect string
	// FilterErrors counts the conditions of which could not be told whether they
	// hold, over all events of the request. Because of none was an event dropped.
	FilterErrors int
	// JSONPasses counts how often a JSON text was read, over all events of the
	// request: once for a request that is one event, see strict.go.
	JSONPasses int
	Size       int
	// Batch counts the events of a request that was split; nil otherwise. Its
	// Outcome is then the worst of theirs, EventID and EventType are those of
	// the whole request, and there is no Ack.
	Batch *BatchCount
	// Skew is the gateway's clock minus the signed timestamp; 0 without one.
	Skew time.Duration

	// Start is when the request reached the gateway.
	Start time.Time
	// Stages are the times spent, by Stage.
	Stages [NumStages]time.Duration
}

// Stage is a part of the pipeline, for latency.
type Stage uint8

// The stages. The answer to an unsigned handshake belongs to StageVerify, and
// everything between the signature and the broker to StageValidate.
const (
	StageRead Stage = iota
	StageVerify
	StageValidate
	StagePublish
	NumStages
)

var stageNames = [NumStages]string{"read", "verify", "validate", "publish"}

// String returns the stage's word for metrics.
func (s Stage) String() string { return stageNames[s] }
