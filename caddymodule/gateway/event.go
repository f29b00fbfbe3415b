package gateway

import (
	"net/http"
	"strconv"
	"time"
)

// Trust says how much the sender of an event has proven.
type Trust string

// The levels of trust.
const (
	// Verified: a signature covers what the event says.
	Verified Trust = "verified"
	// Authenticated: the sender knows a secret, and nothing binds that secret
	// to what the event says.
	Authenticated Trust = "authenticated"
	// Unverified: nothing was checked, by the operator's wish.
	Unverified Trust = "unverified"
)

// SchemaVerdict says what validation found.
type SchemaVerdict string

// The verdicts.
const (
	SchemaNone    SchemaVerdict = "none"    // no schema for this type
	SchemaValid   SchemaVerdict = "valid"   // validated
	SchemaInvalid SchemaVerdict = "invalid" // refused, and published all the same in tag mode
)

// Event is one event on its way from the sender to the broker. It is read-only
// for everybody but the pipeline.
type Event struct {
	// Tenant and Source name the route. Both are from configuration, or names
	// that a [Resolver] knows.
	Tenant, Source string
	// Provider is the sender's name in the catalogue.
	Provider string
	// TypePrefix goes before Type to make ce-type, such as "com.stripe".
	TypePrefix string
	// CESource is ce-source, from configuration.
	CESource string

	// ID is the provider's id of the event, or IngestID if it sends none.
	ID string
	// HasID is false if ID is only ours: two deliveries of one event then have
	// two ids.
	HasID bool
	// Type is the event's type as the provider writes it; "" if unknown.
	Type string
	// Time is the event's own time; zero if the provider sends none.
	Time time.Time

	// OrderKey is what the event is about; "" if that is not known.
	OrderKey string
	// Partitions, unless 0, is into how many the events of the source are divided,
	// by OrderKey, so that as many consumers read them side by side.
	Partitions int

	// IngestID names this request, for logs and for the sender.
	IngestID string
	// Received is when the whole body had arrived.
	Received time.Time
	// ContentType is the request's, as sent.
	ContentType string
	// Body is the exact bytes received: the whole body, or the element's. If it came
	// compressed, it is what came out.
	Body []byte
	// Sent describes the body of the request as it was sent, if that was compressed;
	// else nil.
	Sent *Sent
	// Digest is the SHA-256 of Body.
	Digest [32]byte
	// Same is the SHA-256 of Body without what the sender changes from one
	// delivery of an event to the next; zero if it changes nothing.
	Same [32]byte
	// Header holds the request headers on the route's allow-list.
	Header http.Header

	// Stream is the name of the stream that the route's events are stored in, if it
	// has one of its own; "" is the Publisher's for all.
	Stream string

	// TraceParent and TraceState are the Request's.
	TraceParent, TraceState string

	// Trust, Scheme and KeyID say how the sender was authenticated.
	Trust  Trust
	Scheme string
	KeyID  string
	// Unsigned lists which of "id", "type", "time" and "order" the signature does
	// not cover, in this order.
	Unsigned []string

	// Schema is what validation found, SchemaURI the schema's address, and
	// SchemaSHA256 its digest in lower-case hex; both "" if there is none.
	Schema       SchemaVerdict
	SchemaURI    string
	SchemaSHA256 string

	// Suspect is [SuspectReplay] if the same bytes came before under another id
	// that the signature does not cover, and else "".
	Suspect string

	// Dedupe is false if the operator has turned deduplication off.
	Dedupe bool

	// Released says that an operator let the event out of quarantine, and how:
	// "retry", "release" or "unverified"; "" if it was not there.
	Released string

	// Part says which element of a batch the event is; nil if it is all that the
	// request held.
	Part *Part

	from *exchange // while it is being published; nil if nothing may be kept
	kept *Kept     // of an event that an operator lets out of quarantine
}

// KeptRequest returns the request that the event came in, as quarantine would keep it,
// or nil if nothing of it is to be kept. It is for a [Publisher] that finds out
// only later whether the event belongs there, and is to be called before Publish, or
// the second step of Start, returns.
func (e *Event) KeptRequest() *Kept {
	if e.from == nil {
		return e.kept
	}
	return e.from.keepInCase()
}

// Clone returns a copy for a [Publisher] that keeps it. It shares what the event
// refers to, and has no KeptRequest.
func (e *Event) Clone() *Event {
	c := *e
	c.from, c.kept = nil, nil
	return &c
}

// DedupeID is what the event is deduplicated by, within its tenant and source:
// ID, or what is like no other event's if deduplication is off.
func (e *Event) DedupeID() string {
	switch {
	case e.Dedupe:
		return e.ID
	case e.Part != nil:
		return e.IngestID + "." + strconv.Itoa(e.Part.Index)
	}
	return e.IngestID
}

// Compared is the digest by which deliveries under one id are told apart.
func (e *Event) Compared() [32]byte {
	if e.Same != [32]byte{} {
		return e.Same
	}
	return e.Digest
}

// Quarantine says why an event is kept aside.
type Quarantine struct {
	// Reason is a fixed word: "schema", "json", "conflict", "no_id", "no_type",
	// "too_many" or "signature".
	Reason string
	// Detail is for operators: JSON Pointers and keywords, never values of the
	// payload. At most 1 KiB.
	Detail string
	// Request is the request that the event came in, without its body.
	Request *Kept
	// Original is the event that had the id before, if Reason is "conflict".
	Original Ack
}

// Ack is the broker's proof that an event is stored.
type Ack struct {
	// Stream and Sequence name the stored message; for a duplicate, the
	// original.
	Stream   string
	Sequence uint64
	// Duplicate means that the event was stored before this request. A retry
	// of our own after an unknown outcome is not a duplicate.
	Duplicate bool
	// Conflict means that the id was stored before with other bytes. The event
	// is not stored. Duplicate is set as well.
	Conflict bool
	// Stored is when the original of a duplicate was stored; zero if that is not
	// known.
	Stored time.Time
	// Spooled means that the event is stored durably on this machine, and still
	// has to be forwarded to the cluster that Stream is in. Sequence is then the
	// local one.
	Spooled bool
	// Attempts is how often the event was sent to the broker.
	Attempts int
}
