package gateway

// Outcome is how the gateway's work on one request ended. Every request has
// exactly one, and the table below is the only place that turns it into an HTTP
// status, an answer and metric labels.
type Outcome uint8

// The outcomes. Those up to EmptyBatch tell the sender that the event has
// arrived; each of them is durable or was asked for by the operator.
const (
	// Accepted: stored by the broker.
	Accepted Outcome = iota
	// Spooled: stored on this machine, to be forwarded to the broker.
	Spooled
	// Duplicate: proven to be stored already, under the same id.
	Duplicate
	// Quarantined: stored in quarantine, because a schema refused it, because it
	// is not strict JSON, because its id belongs to another event, because it has no usable id or type, or
	// because it is a batch of too many events.
	Quarantined
	// Dropped: the operator's filter does not want it.
	Dropped
	// Handshaken: a handshake was answered; nothing is published.
	Handshaken
	// PassedThrough: verified and handed on, and publishing is off.
	PassedThrough
	// EmptyBatch: a batch without events; there is nothing to publish.
	EmptyBatch

	// NotFound: nothing is configured here, such as an unknown tenant.
	NotFound
	// MethodNotAllowed: neither the provider's events nor its handshakes use
	// this method.
	MethodNotAllowed
	// UnsupportedMediaType: events of the provider never have this type.
	UnsupportedMediaType
	// AddressRefused: the sender's address is not on the route's list.
	AddressRefused
	// ClientLimited: this client's limit for unverified requests is used up.
	ClientLimited
	// SourceLimited: the route's limit for verified events is used up.
	SourceLimited
	// BodyTooLarge: more bytes than the route permits, as sent or decompressed.
	BodyTooLarge
	// BodyCut: the body ended before it was complete.
	BodyCut
	// BodySlow: the body did not arrive in time.
	BodySlow
	// BodyNotJSON: the body is not the JSON, or the form, that the provider, the
	// id, the type or the schema needs it to be, and the route has no quarantine for
	// that.
	BodyNotJSON
	// BodyNotGzip: the body says that it is compressed with gzip, and cannot be
	// decompressed.
	BodyNotGzip
	// BadSignature: the request is not authentic; the reason is the verifier's.
	BadSignature
	// HandshakeRefused: a handshake lacks its token or has another, or delivers a
	// secret that is not wanted.
	HandshakeRefused
	// SchemaRejected: the schema refused it and the route says to reject, or
	// the event belongs in quarantine and the route has none.
	SchemaRejected
	// TooLargeToPublish: larger than the broker takes.
	TooLargeToPublish

	// Undecidable: the verifier could not decide, as when a key server is down.
	Undecidable
	// Pending: another copy with the same id is being stored and nothing is
	// proven yet.
	Pending
	// Overloaded: too many requests are in flight, here or at the broker.
	Overloaded
	// BrokerNotReady: the broker has not started or is not connected.
	BrokerNotReady
	// BrokerFull: the stream or the account has reached a limit.
	BrokerFull
	// BrokerTimeout: the broker did not answer in time; the event may or may
	// not be stored, and a retry with the same id finds out.
	BrokerTimeout
	// BrokerRefused: no stream, wrong stream, no permission: a configuration
	// that somebody has to mend.
	BrokerRefused
	// CaptureFailed: the secret that a handshake delivers could not be kept.
	CaptureFailed
	// ConfirmFailed: the URL of a handshake could not be fetched.
	ConfirmFailed
	// ClientGone: the sender has closed the connection.
	ClientGone
	// Internal: a mistake of ours.
	Internal

	numOutcomes
)

// answer is one row of the outcome table.
type answer struct {
	// word is the coarse outcome, for metrics and {webhooks.outcome}.
	word string
	// reason is the fine outcome, for metrics and logs. BadSignature and
	// HandshakeRefused replace it by the verifier's word, BodyNotJSON by that of
	// verifiers.StrictError, Quarantined and
	// SchemaRejected by the reason for quarantine.
	reason string
	// status is the HTTP status; 0 means the provider's own success.
	status int
	// code is the first word of the body and all that the sender is told.
	code string
	// retry is the least Retry-After in seconds; 0 means that a retry of the
	// same request would end in the same way, and there is none.
	retry int
}

var answers = [numOutcomes]answer{
	Accepted:      {word: "accepted", reason: "stored"},
	Spooled:       {word: "accepted", reason: "spooled"},
	Duplicate:     {word: "duplicate", reason: "duplicate"},
	Quarantined:   {word: "quarantined", reason: "quarantined"},
	Dropped:       {word: "dropped", reason: "filter"},
	Handshaken:    {word: "handshake", reason: "answered"},
	PassedThrough: {word: "accepted", reason: "passed"},
	EmptyBatch:    {word: "accepted", reason: "empty"},

	NotFound:             {word: "rejected", reason: "not_found", status: 404, code: "not_found"},
	MethodNotAllowed:     {word: "rejected", reason: "method", status: 405, code: "method_not_allowed"},
	UnsupportedMediaType: {word: "rejected", reason: "content_type", status: 415, code: "unsupported_media_type"},
	AddressRefused:       {word: "rejected", reason: "address", status: 403, code: "forbidden"},
	ClientLimited:        {word: "rejected", reason: "client_rate", status: 429, code: "too_many_requests", retry: 1},
	SourceLimited:        {word: "rejected", reason: "source_rate", status: 429, code: "too_many_requests", retry: 1},
	BodyTooLarge:         {word: "rejected", reason: "body_too_large", status: 413, code: "too_large"},
	BodyCut:              {word: "rejected", reason: "body_cut", status: 400, code: "bad_request"},
	BodySlow:             {word: "rejected", reason: "body_slow", status: 408, code: "timeout"},
	BodyNotJSON:          {word: "rejected", reason: "not_json", status: 400, code: "bad_request"},
	BodyNotGzip:          {word: "rejected", reason: "not_gzip", status: 400, code: "bad_request"},
	BadSignature:         {word: "rejected", reason: "signature", status: 401, code: "unauthorized"},
	HandshakeRefused:     {word: "rejected", reason: "handshake", status: 403, code: "forbidden"},
	SchemaRejected:       {word: "rejected", reason: "schema", status: 422, code: "unprocessable"},
	TooLargeToPublish:    {word: "rejected", reason: "too_large_to_publish", status: 413, code: "too_large"},

	Undecidable:    {word: "error", reason: "undecidable", status: 503, code: "unavailable", retry: 5},
	Pending:        {word: "pending", reason: "in_flight", status: 503, code: "unavailable", retry: 1},
	Overloaded:     {word: "error", reason: "overloaded", status: 503, code: "unavailable", retry: 2},
	BrokerNotReady: {word: "error", reason: "broker_not_ready", status: 503, code: "unavailable", retry: 5},
	BrokerFull:     {word: "error", reason: "broker_full", status: 503, code: "unavailable", retry: 30},
	BrokerTimeout:  {word: "error", reason: "broker_timeout", status: 503, code: "unavailable", retry: 2},
	BrokerRefused:  {word: "error", reason: "broker_refused", status: 503, code: "unavailable", retry: 30},
	CaptureFailed:  {word: "error", reason: "capture_failed", status: 503, code: "unavailable", retry: 5},
	ConfirmFailed:  {word: "error", reason: "confirm_failed", status: 503, code: "unavailable", retry: 5},
	ClientGone:     {word: "rejected", reason: "client_gone", status: 400, code: "bad_request"},
	Internal:       {word: "error", reason: "internal", status: 503, code: "unavailable", retry: 5},
}

// passing reports whether the refusal is only for now, whatever its status says:
// the limit will have room again, and the next body may come whole and in time.
func (o Outcome) passing() bool {
	switch o { //nolint:exhaustive // the others are our faults or for good
	case ClientLimited, SourceLimited, BodyCut, BodySlow, ClientGone:
		return true
	}
	return false
}

// NumOutcomes is how many outcomes there are; they count from 0.
const NumOutcomes = int(numOutcomes)

// String returns the outcome as "word/reason", for logs and tests.
func (o Outcome) String() string { return answers[o].word + "/" + answers[o].reason }

// Word returns the coarse outcome: accepted, duplicate, pending, dropped,
// handshake, quarantined, rejected or error.
func (o Outcome) Word() string { return answers[o].word }

// Reason returns the fine outcome as a fixed word.
func (o Outcome) Reason() string { return answers[o].reason }

// Status returns the HTTP status, or 0 where the provider's profile decides.
func (o Outcome) Status() int { return answers[o].status }

// Code returns the word that the sender is told, or "" where the answer is the
// provider's own.
func (o Outcome) Code() string { return answers[o].code }

// Success reports whether the sender is told that the event has arrived.
func (o Outcome) Success() bool { return answers[o].status == 0 }

// RetryAfter is the least Retry-After of the answer, in seconds; 0 means that
// there is none.
func (o Outcome) RetryAfter() int { return answers[o].retry }

// Retryable reports whether the answer asks the sender to try again.
func (o Outcome) Retryable() bool { return answers[o].retry > 0 }

// Outcomes returns all outcomes, for tables and for metrics that exist before
// the first request.
func Outcomes() []Outcome {
	all := make([]Outcome, numOutcomes)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}
