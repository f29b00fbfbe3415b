package verifiers

import "errors"

// The kinds of failure. Every error from [Verifier.Verify] is an [*Error] that
// wraps exactly one of them, so that errors.Is decides and no caller ever reads
// an error's text.
//
// All but ErrUnavailable are verdicts: the request is refused and a retry of
// the same bytes would be refused again. ErrUnavailable is not a verdict: what
// was needed to decide could not be had, and the sender should try again.
var (
	// ErrMissing means that a header, field or parameter the scheme needs is
	// absent or empty.
	ErrMissing = errors.New("missing")
	// ErrMalformed means that it is there and does not have the form the scheme
	// asks for: wrong encoding, wrong length, sent twice, not a number.
	ErrMalformed = errors.New("malformed")
	// ErrMismatch means that the signature or secret fits none of the keys.
	ErrMismatch = errors.New("mismatch")
	// ErrStale means that the request is authentic and older than the replay
	// window allows.
	ErrStale = errors.New("stale")
	// ErrFuture means that the request is authentic and its timestamp lies
	// further in the future than the replay window allows. One of the two
	// clocks is wrong.
	ErrFuture = errors.New("future")
	// ErrUntrusted means that the request names something that is not trusted:
	// a certificate from another host, an algorithm that is not pinned, a topic
	// that was not configured.
	ErrUntrusted = errors.New("untrusted")
	// ErrUnknownKey means that the request names a key id that is not known.
	ErrUnknownKey = errors.New("unknown_key")
	// ErrUnavailable means that no verdict was reached, for example because a
	// key server did not answer.
	ErrUnavailable = errors.New("unavailable")
)

// reasons lists the kinds in the order in which Reason looks for them.
var reasons = [...]error{
	ErrMissing, ErrMalformed, ErrMismatch, ErrStale, ErrFuture, ErrUntrusted, ErrUnknownKey, ErrUnavailable,
}

// Error reports why a request was not accepted. Its text is safe to log and to
// count: it never holds a secret, an expected signature or request data.
type Error struct {
	// Provider is the provider's name, such as "stripe".
	Provider string
	// Field says where the trouble is, such as "header Stripe-Signature".
	// It comes from configuration, never from the request.
	Field string
	// Err is, or wraps, one of this package's Err values.
	Err error
}

// Error returns "stripe: header Stripe-Signature: malformed".
func (e *Error) Error() string {
	s := e.Err.Error()
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Provider != "" {
		s = e.Provider + ": " + s
	}
	return s
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Reason returns a short, fixed word for err, fit for a metric label: the text
// of the Err value that err wraps. It returns "" for a nil error and
// "internal" for an error that wraps none of them.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	for _, kind := range reasons {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return "internal"
}
