package gateway

import (
	"errors"
	"slices"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// StrictMode says what happens to an authentic event whose JSON is not strict.
type StrictMode string

// The modes.
const (
	// StrictQuarantine keeps it aside and tells the sender that it has arrived.
	StrictQuarantine StrictMode = "quarantine"
	// StrictReject refuses it as BodyNotJSON.
	StrictReject StrictMode = "reject"
	// StrictOff takes what encoding/json takes, and refuses anything else, where JSON
	// is needed, as BodyNotJSON.
	StrictOff StrictMode = "off"
)

// The body of a request is read by one pass, which checks that it is strict, finds
// what sources and conditions look up, and decodes it where a Validator or a
// condition needs it decoded. There is more than one
//
//   - where a handshake or the signature has to be looked for in the body before the
//     request is authentic, and something is to be decoded: the pass before builds
//     nothing, since nobody who cannot sign may have memory for more than the body;
//   - for a batch: one over the whole, which reads strictly what is around the
//     events, and one over each of them, which reads strictly what is in it;
//   - for a text inside the body, such as the field of a form that holds JSON: one
//     over that text;
//   - where something is looked up that nobody said would be.

// examine reads the body of an authentic request and returns its events, or nil if
// it is one. It returns false if the exchange has ended.
func (x *exchange) examine() (*verifiers.Elements, bool) {
	if !x.strict() {
		return nil, false
	}
	return x.split()
}

// strict checks that the request, or the element, is strict JSON, if it is JSON. If
// it is not, the event goes on into quarantine, or the exchange has ended.
func (x *exchange) strict() bool {
	rt := x.route
	part := x.event != nil && x.event.Part != nil
	must := rt.needsJSON || rt.pointers && !x.isForm()
	if rt.limits == nil {
		if must && !part {
			if err := x.req.CheckJSON(); err != nil {
				return x.end(BodyNotJSON, "", err)
			}
		}
		return true
	}
	inside := rt.inside
	if part {
		inside = rt.batching.inside
	}
	fault := x.strictBody(must || part || x.isJSON() && len(x.req.Body) > 0)
	if fault == nil && len(inside) > 0 {
		fault = x.req.CheckInner(inside...)
	}
	if fault == nil {
		return true
	}
	return x.notStrict(fault)
}

// strictBody checks the body, if it has to be JSON. If it only may be, and is read
// as JSON, it has to be strict if it is JSON at all.
func (x *exchange) strictBody(must bool) *verifiers.StrictError {
	if !must && (!x.req.MayBeJSON() || !x.route.looks) {
		return nil
	}
	fault := x.req.CheckStrict()
	if !must && fault != nil && !fault.Readable() {
		return nil
	}
	return fault
}

// notStrict is what happens to an event whose JSON is not strict.
func (x *exchange) notStrict(err error) bool {
	fault, ok := errors.AsType[*verifiers.StrictError](err)
	switch cfg := &x.route.cfg; {
	case !ok:
		return x.end(BodyNotJSON, "", err)
	case cfg.StrictJSON == StrictReject, cfg.NoQuarantine && !x.stay:
		return x.end(BodyNotJSON, fault.Fault, err)
	}
	if x.quarantine == nil || x.quarantine.Reason != reasonJSON {
		x.setAside(reasonJSON, "", err)
	}
	return true
}

func (x *exchange) isNotStrict() bool {
	return x.quarantine != nil && x.quarantine.Reason == reasonJSON
}

// looksInside reports whether anything is looked up in bodies that need not be JSON.
func (rt *Route) looksInside() bool {
	return rt.decodes || len(membersOf(slices.Concat(rt.cfg.AcceptIf, rt.cfg.DropIf)...)) > 0 || !rt.members.IsZero()
}

// insideOf returns the sources that read a text inside the request.
func insideOf(s sources) (list []verifiers.Source) {
	for _, source := range []verifiers.Source{s.id, s.typ, s.t, s.order} {
		if source.ReadsInside() {
			list = append(list, source)
		}
	}
	return list
}
