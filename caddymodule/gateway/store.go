package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
)

var (
	errNoProof  = errors.New("the publisher reported success without naming the stream")
	errConflict = errors.New("the id was stored before with other bytes")
)

// validate checks the payload against its schema.
func (x *exchange) validate() bool {
	v := x.route.cfg.Validator
	if v == nil || x.quarantine != nil {
		return true
	}
	payload, err := x.payload()
	if err != nil {
		if x.route.cfg.ValidatorWatches {
			return true
		}
		return x.end(BodyNotJSON, "", err)
	}
	e := x.event
	found := v.Validate(e, payload)
	e.SchemaURI, e.SchemaSHA256 = found.Schema, found.SHA256
	switch {
	case found.Err != nil:
		e.Schema = SchemaInvalid
	case found.Schema != "":
		e.Schema = SchemaValid
	}
	x.res.Schema = e.Schema
	if found.Err == nil {
		return true
	}
	switch cmp.Or(found.Mode, x.route.cfg.OnInvalid) {
	case OnInvalidReject:
		return x.end(SchemaRejected, "", found.Err)
	case OnInvalidTag:
	default:
		x.setAside(reasonSchema, "", found.Err)
	}
	return true
}

// payload returns the body as a validator sees it.
func (x *exchange) payload() (any, error) {
	if x.isForm() && !x.route.needsJSON {
		fields, err := x.req.Form()
		if err != nil {
			return Opaque(x.req.Body), nil //nolint:nilerr // it is none, which is for the schema to judge
		}
		return formObject(fields), nil
	}
	doc, err := x.req.JSON()
	if err != nil && !x.isJSON() {
		return Opaque(x.req.Body), nil
	}
	return doc, err
}

func formObject(fields url.Values) map[string]any {
	object := make(map[string]any, len(fields))
	for name, values := range fields {
		if len(values) == 1 {
			object[name] = values[0]
			continue
		}
		list := make([]any, len(values))
		for i, v := range values {
			list[i] = v
		}
		object[name] = list
	}
	return object
}

// store publishes the event or puts it into quarantine.
func (x *exchange) store() {
	x.suspect()
	switch {
	case x.dry && x.quarantine == nil:
		x.end(PassedThrough, "", nil)
	case x.route.cfg.NoPublish && (x.quarantine == nil || x.quarantine.Reason != reasonSchema && x.quarantine.Reason != reasonJSON):
		// Ids and types are for consumers; the next handler has the request.
		x.end(PassedThrough, "", nil)
	case x.quarantine != nil:
		x.keepAside()
	default:
		x.publish()
	}
}

// begin is the part of store that has to be done in order, if the publisher
// keeps one. It returns the rest.
func (x *exchange) begin() func() {
	s, ordered := x.route.cfg.Publisher.(Starter)
	if !ordered || x.dry || x.route.cfg.NoPublish || x.quarantine != nil {
		return x.store
	}
	x.suspect()
	x.attach()
	wait := s.Start(x.ctx, x.event)
	return func() { x.published(wait()) }
}

func (x *exchange) publish() {
	x.attach()
	x.published(x.route.cfg.Publisher.Publish(x.ctx, x.event))
}

// attach lets the publisher have the request of the event, if it may be kept.
func (x *exchange) attach() {
	if !x.route.cfg.NoQuarantine {
		x.event.from = x
	}
}

func (x *exchange) published(ack Ack, err error) {
	x.event.from = nil
	switch {
	case err != nil:
		x.end(x.storeOutcome(err), "", fmt.Errorf("publishing: %w", err))
	case ack.Stream == "":
		x.end(Internal, "", errNoProof)
	case ack.Conflict:
		x.res.Ack = ack
		x.setAside(reasonConflict, "", errConflict)
		x.keepAside()
	case ack.Duplicate:
		x.res.Ack = ack
		x.end(Duplicate, "", nil)
	default:
		x.res.Ack = ack
		if ack.Spooled {
			x.end(Spooled, "", nil)
			return
		}
		x.end(Accepted, "", nil)
	}
}

// keepAside puts the event into quarantine. Where there is none the sender is
// told: accepting would lose the event, and the same bytes would end here again
// at each retry.
func (x *exchange) keepAside() {
	q := *x.quarantine
	if x.stay || x.dry {
		x.end(Quarantined, q.Reason, x.cause)
		return
	}
	if x.route.cfg.NoQuarantine {
		x.end(SchemaRejected, q.Reason, x.cause)
		return
	}
	q.Request = x.keepProven()
	if q.Reason == reasonConflict && !x.res.Ack.Spooled {
		q.Original = x.res.Ack
	}
	ack, err := x.route.cfg.Publisher.Quarantine(x.ctx, x.event, q)
	switch {
	case err != nil:
		x.end(x.storeOutcome(err), "", fmt.Errorf("quarantining: %w", err))
	case ack.Stream == "":
		x.end(Internal, "", errNoProof)
	case ack.Duplicate:
		x.res.Ack = ack
		x.end(Duplicate, "", nil)
	default:
		x.res.Ack = ack
		x.end(Quarantined, q.Reason, x.cause)
	}
}

// storeOutcomes maps the errors of a Publisher. The order counts for an error
// that wraps several: the only one that stops retries comes last.
var storeOutcomes = []struct {
	err     error
	outcome Outcome
}{
	{ErrInFlight, Pending},
	{ErrOverloaded, Overloaded},
	{ErrNotReady, BrokerNotReady},
	{ErrTimeout, BrokerTimeout},
	{ErrRefused, BrokerRefused},
	{ErrFull, BrokerFull},
	{context.DeadlineExceeded, BrokerTimeout},
	{context.Canceled, BrokerTimeout},
	{ErrTooLarge, TooLargeToPublish},
}

// StoreOutcome returns the outcome for an error of a [Publisher]; Internal is for
// one that it should not return.
func StoreOutcome(err error) Outcome {
	for _, o := range storeOutcomes {
		if errors.Is(err, o.err) {
			return o.outcome
		}
	}
	return Internal
}

func (x *exchange) storeOutcome(err error) Outcome {
	o := StoreOutcome(err)
	if o == Internal && x.ctx.Err() != nil {
		return BrokerTimeout
	}
	return o
}
