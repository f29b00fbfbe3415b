package gateway

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// A Sampler keeps some of the requests that are not authentic, for operators to
// look at and to try again with another secret. It is safe for concurrent use.
type Sampler interface {
	// Sample takes the request, or drops it. It must not block: the sender waits.
	// The event and what it points to are the Sampler's from then on.
	Sample(e *Event, q Quarantine)
}

const (
	// reasonSignature is the reason for which such requests are in quarantine.
	reasonSignature = "signature"

	defaultSampleSize = 64 << 10
)

// defaultSampleRate is how many requests a route offers to its Sampler, for each
// of the verifier's reasons: a few, to see what is wrong, and then one a minute.
// Strangers can cause refusals at any rate.
var defaultSampleRate = Rate{Count: 1, Per: time.Minute, Burst: 5}

// samples decides which requests of a route are offered. Each reason has a limit
// of its own, so that whoever sends nonsense takes no place from a sender whose
// secret was changed.
type samples struct {
	to     Sampler
	size   int64
	limits map[string]*Limiter // by the verifier's reason; read-only
}

func newSamples(cfg *Config) *samples {
	s := &samples{to: cfg.Sampler, size: cfg.SampleSize, limits: make(map[string]*Limiter)}
	if s.size == 0 {
		s.size = defaultSampleSize
	}
	rate := cfg.SampleRate
	if rate.Count == 0 {
		rate = defaultSampleRate
	}
	for _, err := range []error{
		verifiers.ErrMissing, verifiers.ErrMalformed, verifiers.ErrMismatch, verifiers.ErrStale,
		verifiers.ErrFuture, verifiers.ErrUntrusted, verifiers.ErrUnknownKey,
	} {
		s.limits[verifiers.Reason(err)] = NewLimiter(rate)
	}
	return s
}

// sample offers a request that is not authentic, if there is room. A body that
// holds the secret is never kept: it may be right but for a letter.
func (x *exchange) sample(reason string, err error) {
	s, k := x.route.samples, &x.route.keeping
	body := x.signed().Body
	if s == nil || k.inBody || int64(len(body)) > s.size {
		return
	}
	limit := s.limits[reason]
	if limit == nil {
		return
	}
	now := x.route.now()
	if _, ok := limit.Take(now, 1); !ok {
		return
	}
	cfg := &x.route.cfg
	e := &Event{
		Tenant: cfg.Tenant, Source: cfg.Source, Provider: cfg.Provider.Name,
		TypePrefix: cfg.Provider.TypePrefix, CESource: cfg.CESource,
		ID: x.res.RequestID, IngestID: x.res.RequestID, Received: now,
		Body: bytes.Clone(body), Digest: sha256.Sum256(body),
		Trust: Unverified, Schema: SchemaNone, Dedupe: !cfg.NoDedupe,
	}
	if types := x.req.Header["Content-Type"]; len(types) > 0 {
		e.ContentType = types[0]
	}
	// Only what has the form of a signature is kept: a sender may be set up to send
	// the secret where its signature belongs. What is kept for the other reasons
	// would be refused again whatever the secret.
	kept := k.plain
	if errors.Is(err, verifiers.ErrMismatch) || errors.Is(err, verifiers.ErrUnknownKey) {
		kept = k.headers
	}
	request := x.keepHeaders(kept)
	if x.signsPacked() {
		request.Encoding = x.coding
	} else {
		e.Sent = x.sent
	}
	s.to.Sample(e, Quarantine{Reason: reasonSignature, Detail: cutText(err.Error(), 1024), Request: request})
}
