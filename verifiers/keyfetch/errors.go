package keyfetch

import "errors"

// The kinds of failure besides [verifiers.ErrUntrusted], which a URL outside
// its pin gets.
var (
	// ErrAddress means that the host resolved to an address that is not public.
	ErrAddress = errors.New("address is not public")
	// ErrStatus means that the server answered, and not with what was asked
	// for. Redirects are among these answers: they are not followed.
	ErrStatus = errors.New("unexpected status")
	// ErrTooLarge means that the document is longer than its pin allows.
	ErrTooLarge = errors.New("document too large")
	// ErrConnect means that there was no complete answer in time: no name, no
	// route, no trusted certificate, a timeout.
	ErrConnect = errors.New("no answer")
	// ErrClosed means that the fetcher was closed.
	ErrClosed = errors.New("fetcher is closed")
)

// Error reports why a document could not be had. Its text is safe to log: it
// holds nothing of the URL, which may come from a request.
type Error struct {
	// Kind is one of the Err values of this package or verifiers.ErrUntrusted.
	Kind error
	// Status is the HTTP status, if there was an answer.
	Status int
	// Cause is what the network said, or nil. Its text may hold host names and
	// addresses.
	Cause error
}

// Error returns "fetching: " and the kind.
func (e *Error) Error() string { return "fetching: " + e.Kind.Error() }

// Unwrap returns Kind and Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}
