package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

var (
	errNoAddressList = errors.New("the list of the sender's addresses has not been fetched yet")
	errUnfinished    = errors.New("the pipeline ended without an outcome")
	errBudget        = errors.New("the budget for requests in flight is used up")
	errContentType   = errors.New("events of the provider do not have this content type")
	errNoHandshake   = errors.New("no handshake fits, and events do not use this method")
	errNoCoverage    = errors.New("the verifier accepted without saying what it covers")
)

// reasonNoAddressList is why it cannot be decided whether a sender is permitted.
const reasonNoAddressList = "no_address_list"

// PanicError is the cause of an [Internal] outcome after a panic in the
// pipeline or behind one of its interfaces.
type PanicError struct {
	// Cause is the panic's message if the runtime raised it, and its type
	// otherwise: a value may hold anything.
	Cause string
	// Stack is where it happened.
	Stack []byte
}

// Error returns "panic: " and the cause.
func (e *PanicError) Error() string { return "panic: " + e.Cause }

// exchange is one request on its way through the pipeline.
type exchange struct {
	route      *Route
	w          http.ResponseWriter
	r          Request
	res        *Result
	req        verifiers.Request
	media      string
	result     verifiers.Result
	event      *Event
	quarantine *Quarantine     // why the event is to be kept aside
	cause      error           // of that
	oversize   bool            // a batch that is too large
	ctx        context.Context //nolint:containedctx // it lives as long as the exchange
	lease      lease

	released string // how it is let out of quarantine
	stay     bool   // in quarantine it is already
	dry      bool   // nothing is to be stored
	trusted  bool   // it was verified when it came
	doubt    error  // why the secrets may be others by now; nil: they are not

	judging *time.Duration // what is left for conditions; nil: no limit

	ended    bool
	answered reply         // the answer of a handshake
	refusal  int           // status of a refused handshake; 0: as any
	wait     time.Duration // until a limit has room again
	unread   bool          // the body was not read to its end
	limited  bool          // it has a read deadline

	coding string // of the body; "" for none
	packed []byte // the body as it was sent, if it came compressed
	sent   *Sent  // what there is to say about that, once it is decompressed

	passes int // over JSON, of those that are counted in res

	beyond [1]byte
}

// Handle takes a request through the whole pipeline and returns the answer,
// which the caller writes. It uses w only to set read deadlines. The observer
// has been told when Handle returns. Handle does not panic.
func (rt *Route) Handle(w http.ResponseWriter, r Request) Result {
	x := &exchange{route: rt, w: w, r: r, res: &Result{}}
	x.res.Tenant, x.res.Source, x.res.Provider = rt.cfg.Tenant, rt.cfg.Source, rt.cfg.Provider.Name
	x.run()
	x.finish()
	rt.observe(&x.res.Record)
	return *x.res
}

// run is the order of doc.go.
func (x *exchange) run() {
	defer func() {
		if p := recover(); p != nil {
			x.ended = false
			x.end(Internal, "", newPanicError(p))
		}
		x.lease.release()
	}()
	x.res.Start = x.route.now()
	x.res.RequestID = x.route.newID()
	x.res.Schema = SchemaNone
	x.lease.budgets = x.route.cfg.Budgets
	x.limitReadTime()
	if !x.admit() || !x.resolve() || !x.read() {
		return
	}
	received := x.route.now()
	work := x.route.workTime(received.Sub(x.res.Start))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), work)
	defer cancel()
	x.ctx = ctx
	if cfg := &x.route.cfg; len(cfg.AcceptIf)+len(cfg.DropIf) > 0 {
		left := work / 4
		x.judging = &left
	}

	authentic := x.authenticate()
	verified := x.route.now()
	x.res.Stages[StageVerify] = verified.Sub(received)
	if !authentic {
		return
	}

	elements, ok := x.examine()
	if !ok {
		return
	}
	if elements != nil {
		x.res.Stages[StageValidate] = x.route.now().Sub(verified)
		x.takeAll(elements, received)
		return
	}
	x.makeEvent(received, pick(x.r.Header, x.route.headers))
	x.res.Compared = x.event.Compared()
	wanted := x.identify() && x.room(1) && x.want() && x.validate()
	ready := x.route.now()
	x.res.Stages[StageValidate] = ready.Sub(verified)
	if !wanted {
		return
	}

	x.store()
	x.res.Stages[StagePublish] = x.route.now().Sub(ready)
}

// end records the outcome and returns false, so that a stage can end the
// exchange in its return statement. An empty reason means the outcome's own.
func (x *exchange) end(o Outcome, reason string, err error) bool {
	if reason == "" {
		reason = o.Reason()
	}
	x.ended = true
	x.res.Outcome, x.res.Reason, x.res.Err = o, reason, err
	x.res.JSONPasses += x.req.Passes() - x.passes
	x.passes = x.req.Passes()
	return false
}

// admit decides what can be decided before the body is read.
func (x *exchange) admit() bool {
	rt, r := x.route, x.r
	if !rt.methods[r.Method] {
		return x.end(MethodNotAllowed, "", nil)
	}
	if err := x.checkContent(); err != nil {
		return x.end(UnsupportedMediaType, "", err)
	}
	remote := plainAddr(r.Remote)
	if !x.admitAddress(remote) {
		return false
	}
	if rt.clients != nil {
		if wait, ok := rt.clients.take(remote, x.res.Start); !ok {
			x.wait = wait
			return x.end(ClientLimited, "", nil)
		}
	}
	if !x.lease.enter() {
		return x.end(Overloaded, "", errBudget)
	}
	return true
}

// admitAddress looks at the addresses from which requests are permitted.
func (x *exchange) admitAddress(remote netip.Addr) bool {
	cfg := &x.route.cfg
	switch {
	case len(cfg.AllowAddresses) == 0 && cfg.AddressList == nil, containsAddr(cfg.AllowAddresses, remote):
		return true
	case cfg.AddressList == nil:
		return x.end(AddressRefused, "", nil)
	}
	switch listed, known := cfg.AddressList.Lists(remote); {
	case listed:
		return true
	case !known:
		return x.end(Undecidable, reasonNoAddressList, errNoAddressList)
	}
	return x.end(AddressRefused, "", nil)
}

func containsAddr(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// checkContent looks at the headers that say what the body is. A body in a
// content coding is refused unless the route decompresses it: consumers would find
// something that is neither JSON nor a form. What an empty body would be does not
// matter, nor what requests by a method that only handshakes use say.
func (x *exchange) checkContent() error {
	if err := x.checkCoding(); err != nil {
		return err
	}
	x.media = mediaType(x.r.Header)
	if x.route.media == nil || x.route.media[x.media] || !x.route.events[x.r.Method] || x.r.ContentLength == 0 {
		return nil
	}
	return errContentType
}

// mediaType returns the body's media type, "" if the headers name none or several.
func mediaType(h http.Header) string {
	types := h["Content-Type"]
	if len(types) != 1 {
		return ""
	}
	media, _, err := mime.ParseMediaType(types[0])
	// Bad parameters do not make the type itself doubtful.
	if err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) {
		return media
	}
	return ""
}

// authenticate answers unsigned handshakes, verifies, and answers signed ones.
func (x *exchange) authenticate() bool {
	rt := x.route
	x.req.Method, x.req.URL, x.req.Header = x.r.Method, x.r.URL, x.r.Header
	x.req.Remote, x.req.Peer = x.r.Remote, verifiedPeer(x.r.TLS)
	if x.req.URL == nil {
		x.req.URL = publicURL(x.r.Request)
	}
	x.req.Want(rt.members)
	x.req.Strictly(rt.limits)
	if rt.packed.first && !x.decompress() || !x.greet(rt.unsigned) {
		return false
	}
	if !rt.events[x.r.Method] && !anyMethod(rt.signed, x.r.Method) {
		return x.end(MethodNotAllowed, "", errNoHandshake)
	}
	if !x.verify() || !x.decompress() {
		return false
	}
	x.req.Decode(rt.decodes)
	if !x.greet(rt.signed) {
		return false
	}
	if !rt.events[x.r.Method] {
		return x.end(MethodNotAllowed, "", errNoHandshake)
	}
	return true
}

func anyMethod(list []*verifiers.Handshake, method string) bool {
	return slices.ContainsFunc(list, func(h *verifiers.Handshake) bool { return handshakeMethod(h) == method })
}

func verifiedPeer(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return nil
	}
	return state.VerifiedChains[0][0]
}

func (x *exchange) verify() bool {
	if x.route.cfg.Unverified {
		x.result.Covers = &verifiers.Coverage{}
		x.res.Trust = Unverified
		return true
	}
	return x.verifyWith(x.route.cfg.Verifier)
}

func (x *exchange) verifyWith(v verifiers.Verifier) bool {
	result, err := v.Verify(x.ctx, x.signed())
	switch {
	case errors.Is(err, verifiers.ErrUnavailable):
		return x.end(Undecidable, "", err)
	case x.doubt != nil && (errors.Is(err, verifiers.ErrMismatch) || errors.Is(err, verifiers.ErrUnknownKey)):
		return x.end(Undecidable, "", fmt.Errorf("%w: %w", err, x.doubt))
	case err != nil:
		// An error of no known kind is a mistake of ours, not the sender's.
		if reason := verifiers.Reason(err); reason != "internal" {
			if x.released == "" {
				x.diagnose(err)
				x.sample(reason, err)
			}
			return x.end(BadSignature, reason, err)
		}
		return x.end(Internal, "", err)
	case result.Covers == nil:
		return x.end(Internal, "", errNoCoverage)
	}
	x.result = result
	x.res.Trust = Authenticated
	if result.Covers.Content() {
		x.res.Trust = Verified
	}
	x.res.KeyID, x.res.KeyIndex = result.KeyID, result.KeyIndex
	if !result.Signed.IsZero() {
		x.res.Skew = x.route.now().Sub(result.Signed)
	}
	return true
}

// finish renders the answer. An exchange that has not ended is never accepted.
func (x *exchange) finish() {
	res := x.res
	defer func() {
		if p := recover(); p != nil {
			res.Outcome, res.Reason, res.Err = Internal, Internal.Reason(), newPanicError(p)
			res.refuse(0, func(int) int { return 0 }, false)
		}
	}()
	if !x.ended {
		res.Outcome, res.Reason, res.Err = Internal, Internal.Reason(), errors.Join(errUnfinished, res.Err)
	}
	res.RequestBody = x.req.Body
	if x.packed != nil {
		res.RequestBody = x.packed
	}
	if x.req.Body == nil {
		abandon(x.r.Request)
	}
	switch {
	case !res.Outcome.Success():
		res.refuse(x.wait, x.route.cfg.Jitter, x.route.cfg.Provider.Final4xx)
		if x.refusal != 0 {
			res.Status = x.refusal
		}
	case res.Outcome == Handshaken:
		res.answer(x.answered)
	default:
		res.answer(x.successReply())
	}
	if res.Outcome == MethodNotAllowed {
		res.Header["Allow"] = []string{x.route.allow}
	}
	if errors.Is(res.Err, errCoding) {
		res.Header["Accept-Encoding"] = []string{x.route.accepted()}
	}
	// HTTP/2 has no such header: there, it would end the connection for all.
	if x.unread && x.r.ProtoMajor == 1 {
		res.Header["Connection"] = []string{"close"}
	}
}

// observe tells the observer, whose panics change nothing: the answer stands,
// because the event may be stored.
func (rt *Route) observe(rec *Record) {
	if rt.cfg.Observer == nil {
		return
	}
	defer func() { _ = recover() }()
	rt.cfg.Observer.Observe(rec)
}

// workTime is how long the work after the arrival of the body may take.
func (rt *Route) workTime(spent time.Duration) time.Duration {
	if t := rt.cfg.PublishTimeout; t > 0 {
		return t
	}
	deadline := rt.cfg.Provider.Deadline
	if deadline <= 0 {
		deadline = defaultDeadline
	}
	all := deadline / 5 * 4
	return min(max(all-spent, min(all, shortestWork)), longestWork)
}

func newPanicError(value any) error {
	e := &PanicError{Cause: fmt.Sprintf("%T", value), Stack: debug.Stack()}
	if err, ok := value.(runtime.Error); ok {
		e.Cause = err.Error()
	}
	return e
}
