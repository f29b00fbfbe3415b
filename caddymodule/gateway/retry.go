package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// The values of Event.Released.
const (
	// ReleasedRetry: it went through the whole pipeline again.
	ReleasedRetry = "retry"
	// ReleasedAsIs: an operator let it out; what its schema says did not count.
	ReleasedAsIs = "release"
	// ReleasedUnverified: an operator let it out, and nothing proves its sender.
	ReleasedUnverified = "unverified"
)

// Errors of retrying and releasing.
var (
	// ErrRequestNotKept: quarantine has too little of the request.
	ErrRequestNotKept = errors.New("the request was not kept, so that it cannot be tried again: release or drop it")
	// ErrProofNotKept: what proves the sender is a credential, which is not kept.
	ErrProofNotKept = errors.New("its proof is a credential, or stands where one may be, and is not kept, so that it cannot be verified again: " +
		"let the sender send it again, release it as unverified, or drop it")
	// ErrUnverifiedRelease: nothing proves the sender of the event.
	ErrUnverifiedRelease = errors.New("its signature was refused: retry it, which verifies it again, or release it as unverified, " +
		"which publishes it with other unverified events")
	// ErrNotUnverified: the sender of the event was verified.
	ErrNotUnverified = errors.New("its sender was verified: release it without saying that it is unverified")
	// ErrCompressed: the body was not decompressed, because its signature did not fit.
	ErrCompressed = errors.New("its body is kept compressed, as it was sent, and consumers could not read it: retry it, or drop it")
	// ErrTaken: the event's id belongs to another event.
	ErrTaken = errors.New("its id belongs to another event: release it under a new id, or drop it")

	errNoPublish = errors.New("the route publishes nothing: let the sender send it again, or drop it")
	errHandshake = errors.New("it is a handshake, and nothing is to be published: drop it")
)

// Entry is an event in quarantine.
type Entry struct {
	// Event is the event as it was, and Quarantine why it is there. The event's
	// Body and Digest are those of what is kept.
	Event
	Quarantine
}

// Retry takes an event from quarantine through the pipeline again, with the
// secrets, the schema and the filters of now, and at the time at which it came.
// Nothing is limited, no handshake is answered and the observer is not told.
//
// Outcomes that are a success, except [Quarantined] and [Dropped], mean that it is
// stored under its id, or was before. Quarantined means that it still belongs
// there; nothing was stored then. A request with many events that is in
// quarantine as a whole is the exception: those of them that belong into
// quarantine are stored there, each by itself.
//
// With dry nothing is stored, and [PassedThrough] means that it would be.
//
// The element of a batch, and a request whose proof is not kept, are not verified
// again: that they were verified when they came counts.
func (rt *Route) Retry(ctx context.Context, e *Entry, dry bool) Result {
	x := &exchange{route: rt, res: &Result{}, ctx: ctx, released: ReleasedRetry, dry: dry}
	x.res.Tenant, x.res.Source, x.res.Provider = rt.cfg.Tenant, rt.cfg.Source, rt.cfg.Provider.Name
	x.res.RequestID, x.res.Start, x.res.Schema = e.IngestID, rt.now(), SchemaNone
	x.guarded(func() { x.retry(e) })
	if !x.ended {
		x.end(Internal, "", errUnfinished)
	}
	return *x.res
}

func (x *exchange) retry(e *Entry) bool {
	if err := x.restore(e); err != nil {
		return x.end(Internal, "", err)
	}
	if x.packed != nil && x.route.cfg.MaxDecompressed == 0 {
		return x.end(UnsupportedMediaType, "", errKeptCompressed)
	}
	if x.route.cfg.NoPublish {
		return x.end(Internal, "", errNoPublish)
	}
	if e.Part != nil && x.route.batching != nil {
		x.stay = true
		x.trust(e)
		x.retryElement(e)
		return true
	}
	if x.route.packed.signsPlain && !x.decompress() || !x.prove(e) || !x.decompress() {
		return false
	}
	x.req.Decode(x.route.decodes)
	if x.isHandshake() {
		return x.end(Handshaken, "", errHandshake)
	}
	elements, ok := x.examine()
	if !ok {
		return false
	}
	if elements != nil {
		x.takeAll(elements, e.Received)
		return true
	}
	x.stay = true
	x.makeEvent(e.Received, pick(x.req.Header, x.route.headers))
	if x.identify() && x.recall(e) && x.want() && x.validate() {
		x.store()
	}
	return true
}

// restore makes the request of what is kept.
func (x *exchange) restore(e *Entry) error {
	k := e.Request
	if k == nil {
		return ErrRequestNotKept
	}
	req, err := k.request(e.Body)
	if err != nil {
		return err
	}
	x.req = *req
	x.req.Want(x.route.members)
	x.req.Strictly(x.route.limits)
	x.r = Request{Request: &http.Request{Method: k.Method, URL: req.URL, Header: req.Header}, URL: req.URL, Remote: k.Remote, TraceParent: e.TraceParent, TraceState: e.TraceState}
	x.media = mediaType(k.Header) // what did not fit was refused then
	if x.sent = e.Sent; k.Encoding != "" {
		x.coding, x.packed, x.sent = k.Encoding, e.Body, nil
	}
	return nil
}

// prove verifies the request as if it came now what it came then.
func (x *exchange) prove(e *Entry) bool {
	rt := x.route
	switch {
	case rt.cfg.Unverified:
		return x.verify()
	case e.Reason != reasonSignature && (rt.keeping.secret || e.Request.Unprovable || rt.cfg.VerifierAt == nil):
		x.trust(e)
		return true
	case rt.keeping.secret:
		return x.end(BadSignature, verifiers.Reason(verifiers.ErrMissing), ErrProofNotKept)
	case rt.cfg.VerifierAt == nil:
		return x.end(Internal, "", errNoVerifierAt)
	}
	v, err := rt.cfg.VerifierAt(e.Received)
	if err != nil {
		return x.end(Undecidable, "", err)
	}
	return x.verifyWith(v)
}

var errNoVerifierAt = errors.New("the route cannot verify what came before")

// recall takes over the id, the type and the time from when the event came, where
// they are in what is not kept. It returns true.
func (x *exchange) recall(e *Entry) bool {
	if !x.trusted {
		return true
	}
	out := x.event
	if !out.HasID && e.HasID {
		out.ID, out.HasID = e.ID, true
	}
	if out.Type == "" {
		out.Type = e.Type
	}
	if out.Time.IsZero() {
		out.Time = e.Time
	}
	if out.OrderKey == "" {
		out.OrderKey = e.OrderKey
	}
	out.Unsigned = e.Unsigned
	x.res.EventID, x.res.EventType = out.ID, out.Type
	return true
}

// trust takes over what was found when the event came.
func (x *exchange) trust(e *Entry) {
	x.trusted = true
	x.result = verifiers.Result{KeyID: e.KeyID, Scheme: e.Scheme, Covers: x.route.keeping.covers}
	x.res.Trust, x.res.KeyID = e.Trust, e.KeyID
}

func (x *exchange) isHandshake() bool {
	for _, list := range [][]*verifiers.Handshake{x.route.unsigned, x.route.signed} {
		for _, h := range list {
			if h.Matches(&x.req) {
				return true
			}
		}
	}
	return false
}

// retryElement goes on with one element of a batch, of which the rest is not
// kept: what it had of the request it keeps.
func (x *exchange) retryElement(e *Entry) {
	b := x.route.batching
	x.media = mediaJSON
	x.req.Want(b.members)
	x.req.Decode(x.route.decodes)
	common := &shared{
		id: e.Part.Batch, hasID: e.HasID, typ: e.Type, t: e.Time, size: e.Part.Size,
		unsigned: e.Unsigned, received: e.Received, header: pick(x.req.Header, x.route.headers),
	}
	x.prepare(common, e.Part.Index)
	if !x.ended {
		x.store()
	}
}

// Release publishes an event from quarantine as it is: what is wrong with it does
// not count. With newID it gets an id of its own, which is always the same for
// the same bytes, so that it does not matter how often it is released. unverified
// is needed for one whose signature was refused, and is refused for others; it is
// published as unverified.
//
// The error wraps [ErrUnverifiedRelease], [ErrNotUnverified], [ErrCompressed] or
// [ErrTaken], or is
// the Publisher's.
func Release(ctx context.Context, p Publisher, e *Entry, newID, unverified bool) (Ack, error) {
	out := e.Event
	out.kept = e.Request
	out.Released = ReleasedAsIs
	out.Digest = sha256.Sum256(out.Body)
	switch {
	case e.Reason == reasonSignature && !unverified:
		return Ack{}, ErrUnverifiedRelease
	case e.Reason == reasonSignature:
		out.Released, out.Trust, out.Scheme, out.KeyID = ReleasedUnverified, Unverified, "", ""
	case unverified:
		return Ack{}, ErrNotUnverified
	}
	if e.Request != nil && e.Request.Encoding != "" {
		return Ack{}, ErrCompressed
	}
	if newID {
		compared := out.Compared()
		out.ID, out.Dedupe = fmt.Sprintf("%s.q%x", cutText(out.ID, maxID-20), compared[:8]), true
		out.Unsigned = withID(out.Unsigned)
	}
	ack, err := p.Publish(ctx, &out)
	switch {
	case err != nil:
		return ack, fmt.Errorf("publishing: %w", err)
	case ack.Stream == "":
		return ack, errNoProof
	case ack.Conflict:
		return ack, fmt.Errorf("%w; that is %d in %s", ErrTaken, ack.Sequence, ack.Stream)
	}
	return ack, nil
}

// withID returns the list with "id": an id of ours is in no signature.
func withID(unsigned []string) []string {
	if len(unsigned) > 0 && unsigned[0] == "id" {
		return unsigned
	}
	return append([]string{"id"}, unsigned...)
}
