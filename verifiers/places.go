package verifiers

import "time"

// Places are where in a request a scheme puts what it needs.
type Places struct {
	// Signature is where signatures, or the token, are.
	Signature Source
	// Secret means that what is there is the secret itself, which no consumer
	// may see.
	Secret bool
	// Timestamp is where the signed time is; zero if there is none.
	Timestamp Source
	// Unit is how the timestamp is written.
	Unit TimeUnit
	// Tolerance is the replay window.
	Tolerance time.Duration
	// Headers are further headers without which nobody can verify the request
	// again.
	Headers []string
}

// A Placer is a [Scheme] that says where it puts what it needs. All schemes of
// this package are.
type Placer interface {
	Scheme
	Places() Places
}
