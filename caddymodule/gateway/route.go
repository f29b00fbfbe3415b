package gateway

import (
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// SchemaMode says what happens to an event that its schema refuses.
type SchemaMode string

// The modes. The zero value is OnInvalidQuarantine.
const (
	// OnInvalidQuarantine keeps the event aside and tells the sender that it
	// has arrived: it did its part.
	OnInvalidQuarantine SchemaMode = "quarantine"
	// OnInvalidTag publishes the event and marks it.
	OnInvalidTag SchemaMode = "tag"
	// OnInvalidReject answers 422.
	OnInvalidReject SchemaMode = "reject"
)

// Rate is a limit: so many per Per, and at most Burst at once.
type Rate struct {
	Count int
	Per   time.Duration
	// Burst is at least 1; 0 means Count.
	Burst int
}

// Config describes one route: one source of one tenant.
type Config struct {
	// Tenant and Source name the route: [A-Za-z0-9_-]{1,64}. Required.
	Tenant, Source string
	// Resolver finds the tenant that a request is for, after what is the same for
	// all: method, content type, address and the limit per client. Tenant and
	// Source are then those of requests that are refused before that, and there
	// is no Verifier. Nil means that all events are Tenant's.
	Resolver Resolver
	// CESource is ce-source of its events: a URI reference. Empty means
	// "/<tenant>/<source>".
	CESource string

	// Provider is the sender. Required.
	Provider verifiers.Provider
	// Verifier authenticates requests. Required unless Unverified.
	Verifier verifiers.Verifier
	// VerifierAt returns a Verifier with the same secrets for which it is another
	// time, so that what is in quarantine can be verified again. Nil means that
	// it cannot; that it was verified when it came counts then.
	VerifierAt func(at time.Time) (verifiers.Verifier, error)
	// Unverified accepts requests without any check. Verifier must be nil.
	Unverified bool
	// Diagnose finds out why a request was refused; nil means that nobody asks.
	// It is called for at most one request in a second, and five in a row.
	Diagnose Diagnoser
	// Options are the provider's options, for handshakes.
	Options map[string]string
	// Keys are what answers of handshakes and to events are computed with, where
	// the provider wants a proof. Nil means that it wants none.
	Keys verifiers.KeySource
	// NoHandshakes turns the provider's handshakes off.
	NoHandshakes bool

	// Methods, ContentTypes and MaxBody replace the provider's where set.
	// MaxBody 0 means the provider's, or 1 MiB.
	Methods, ContentTypes []string
	MaxBody               int64
	// MaxDecompressed is how large a body that comes compressed with gzip may become,
	// and MaxRatio how many times as large as it was sent; 0 means 100. What consumers
	// get is the decompressed body. Without a MaxDecompressed a compressed body is
	// refused. MaxBody is for bodies as they are sent.
	MaxDecompressed int64
	MaxRatio        int
	// ReadTimeout is how long the body may take, from its first byte to its
	// last, however steadily it trickles. 0 means 10 s. A shorter ReadTimeout of
	// the http.Server holds as well.
	ReadTimeout time.Duration
	// MinRate is how many bytes of the body must arrive in a second, on average
	// since its beginning, after the first 2 s. 0 means any. ReadTimeout holds as
	// well, and must be longer than these 2 s.
	MinRate int64
	// AllowAddresses, if not empty, are the addresses that requests may come from.
	AllowAddresses []netip.Prefix
	// AddressList is a list of such addresses that changes, besides AllowAddresses;
	// nil means that there is none. As long as it is not known, requests from
	// addresses that are not in AllowAddresses are Undecidable.
	AddressList AddressList
	// ClientRate limits the requests of each client address before they are
	// verified; SourceRate limits the route's verified events, and TenantRate
	// those of all routes that share an Identity's TenantLimit. A zero Count means
	// no limit.
	ClientRate, SourceRate, TenantRate Rate
	// Rates is what has been used of ClientRate and SourceRate. Nil means nothing.
	Rates *RateState

	// EventID, EventType and EventTime replace the provider's where not zero.
	// What the operator names must be there: an event that lacks its EventID or
	// EventType is quarantined as "no_id" or "no_type". An event that lacks what
	// the provider's own entry names is published with an id of ours (HasID is
	// false) or without a type, because deliveries without one exist and none
	// may be lost. An id or type that is there and cannot be used (more than
	// 512 or 256 bytes, control characters, two values) is quarantined in either
	// case. A time that is missing or unreadable is left out.
	EventID, EventType, EventTime verifiers.Source
	// OrderKey is where to find what the event is about, such as a customer's
	// id: events with one key are to be processed in order. Zero means that
	// events have none. A key that is missing or cannot be used (as for EventID)
	// is left out.
	OrderKey verifiers.Source
	// Partitions, 2 to 1024, divides the route's events by OrderKey, which must
	// be set, so that as many consumers read them side by side, each key in order.
	// 0 does not.
	Partitions int
	// Stream is what the Publisher calls the place of the route's events, if it is
	// not that of all.
	Stream string
	// Accept and Drop are globs over the type: "*" is any run of characters
	// ("invoice.*" fits "invoice.paid"). An event is wanted if Accept is empty
	// or one fits, and none of Drop fits.
	Accept, Drop []string
	// AcceptIf and DropIf add conditions to these lists: an event is wanted if
	// Accept and AcceptIf are empty or one of either fits, and none of Drop and
	// DropIf fits. A condition that cannot be told never loses an event.
	AcceptIf, DropIf []Condition

	// WholeBatch publishes a request as one event even if the provider has a
	// Batch. Otherwise EventID, EventType, EventTime and OrderKey are those
	// of the elements: JSON Pointers begin at the element, and an id that is not in the
	// element is followed by "." and its index.
	WholeBatch bool

	// StrictJSON is what happens to an authentic event whose JSON is not strict; ""
	// means StrictQuarantine, or StrictReject if there is no quarantine. JSONLimits
	// are what strict is.
	StrictJSON StrictMode
	JSONLimits verifiers.JSONLimits

	// Validator checks payloads; nil means that there are no schemas.
	Validator Validator
	// ValidatorWatches means that Validator finds nothing wrong and only looks: what
	// cannot be decoded for it goes on.
	ValidatorWatches bool
	// OnInvalid is what happens to events that it refuses.
	OnInvalid SchemaMode

	// NoDedupe turns deduplication off.
	NoDedupe bool
	// NoPublish verifies, limits and validates and nothing more, for routes that
	// hand requests on: nothing is stored, and nothing is deduplicated. Without
	// a Publisher there is no quarantine either.
	NoPublish bool
	// PublishTimeout bounds the work that follows the arrival of the body:
	// fetching keys, confirming, and storing above all. 0 means 80 % of the
	// provider's deadline, less the time that the body took, at most 10 s and
	// at least 1 s. The sender going away does not end it: an event that is
	// complete and authentic is stored all the same, and the retry will be a
	// duplicate.
	PublishTimeout time.Duration
	// NoQuarantine turns quarantine off: an event that belongs there is then
	// rejected (422), also one whose id was stored before with other bytes.
	NoQuarantine bool
	// Sampler is offered some of the requests that are not authentic; nil, or
	// NoQuarantine, means that none are kept. SampleRate is how many, for each of
	// the verifier's reasons; a zero Count means 5 at once and then one a minute.
	// SampleSize is the largest body; 0 means 64 KiB.
	Sampler    Sampler
	SampleRate Rate
	SampleSize int64
	// Headers are request headers to hand to consumers besides the provider's
	// and the ones that its signature scheme reads. Headers that hold
	// credentials, and names that start with Nats- or Ce-, are refused.
	Headers []string
	// Success replaces the provider's answer where not zero; its status must
	// be a 2xx.
	Success verifiers.Reply

	// Budgets bound the requests in flight and the bytes of their bodies. Each
	// must have room, else the request is Overloaded. Routes may share them.
	Budgets []*Budget

	// Publisher stores events. Required unless NoPublish.
	Publisher Publisher
	// Observer is told about each request; nil means nobody is.
	Observer Observer
	// Confirmer fetches the URLs of handshakes; nil means that handshakes that
	// need one are not answered (503).
	Confirmer Confirmer

	// Capturer keeps secrets that handshakes deliver; nil means that such
	// handshakes are refused, except on a route that is Unverified.
	Capturer Capturer

	// Time is the clock; nil means time.Now.
	Time func() time.Time
	// NewID makes request ids; nil means 26 characters of Crockford base32 in
	// order of time (ULID).
	NewID func() string
	// Jitter returns a number in [0, n] to add to a Retry-After of n seconds or
	// more, so that senders do not return together. Nil means at random.
	Jitter func(n int) int
}

// Request is what a server knows about a request besides net/http's own.
type Request struct {
	*http.Request
	// URL is the public URL as the sender addressed it, before any rewriting,
	// absolute. Nil means that it is put together from TLS, Host and RequestURI.
	URL *url.URL
	// Remote is the sender's address, with trusted proxies taken into account.
	// The zero Addr is on no list of addresses, and all such requests share one
	// client limit.
	Remote netip.Addr
	// TraceParent and TraceState are the trace that the server's own work on the
	// request belongs to, as in W3C's Trace Context; "" if there is none. What the
	// request itself says of it is not used.
	TraceParent, TraceState string
}

// Result is the answer to one request.
type Result struct {
	Record
	// Header and Body are the answer, ready to be written with Record.Status.
	// Header always has Cache-Control, and Content-Type exactly if there is a
	// body.
	Header http.Header
	Body   []byte
	// Code is the word that the sender is told; "" on success.
	Code string
	// Compared tells requests under one EventID apart, as Event.Compared does;
	// zero if no event came about.
	Compared [32]byte
	// RequestBody is the body as read, for handing the request on; nil if it
	// was not read to its end. It is the Event's Body, unless that came compressed:
	// read-only.
	RequestBody []byte
}
