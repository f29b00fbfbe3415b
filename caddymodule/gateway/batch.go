package gateway

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// maxPublishing is how many elements of one batch wait for the broker at a time.
const maxPublishing = 64

var errUncounted = errors.New("not every event of the batch has an outcome")

// Part says which element of a batch an event is.
type Part struct {
	// Batch is the id of the request that it came in: the provider's, or ours
	// if the provider sends none. It is the same for all its elements.
	Batch string
	// Index counts the elements from 0.
	Index int
	// Size is how many there are.
	Size int
}

// BatchCount counts the events of one request by how they ended.
type BatchCount struct {
	// Size is how many events the request held. After a failure not all of them
	// may have been tried.
	Size int
	// Outcomes are counts by [Outcome].
	Outcomes [NumOutcomes]int
	// Originals are when the originals of duplicates were stored, as far as that is
	// known.
	Originals []time.Time
}

// sources are where an event's attributes are.
type sources struct {
	id, typ, t, order verifiers.Source
}

// batching is how a route splits requests.
type batching struct {
	of      *verifiers.Batch
	request sources // of the whole request
	element sources
	ownID   bool // an element's id is in the element
	inside  []verifiers.Source
	members *verifiers.Pointers
}

func newBatching(cfg *Config) *batching {
	p := &cfg.Provider
	if p.Batch == nil || cfg.WholeBatch {
		return nil
	}
	b := &batching{
		of:      p.Batch,
		request: sources{id: p.ID, typ: p.Type, t: p.Time},
		element: sources{
			override(cfg.EventID, p.Batch.ID), override(cfg.EventType, p.Batch.Type), override(cfg.EventTime, p.Batch.Time), cfg.OrderKey,
		},
	}
	b.members = pointersOf(cfg, b.element.id, b.element.typ, b.element.t, b.element.order)
	b.ownID, b.inside = inBody(b.element.id), insideOf(b.element)
	return b
}

// inBody reports whether a source reads the body, so that elements differ in it.
func inBody(s verifiers.Source) bool {
	if s.Pointer != "" || s.Whole {
		return true
	}
	for _, list := range [][]verifiers.Source{s.First, s.Join} {
		if slices.ContainsFunc(list, inBody) {
			return true
		}
	}
	return false
}

// uncovered is Route.uncovered for elements.
func (b *batching) uncovered(c *verifiers.Coverage) []string {
	var list []string
	for _, a := range []struct {
		name             string
		element, request verifiers.Source
	}{
		{"id", b.element.id, b.request.id},
		{"type", b.element.typ, b.request.typ},
		{"time", b.element.t, b.request.t},
		{"order", b.element.order, b.request.order},
	} {
		switch {
		case !a.element.IsZero():
			if !b.covers(c, a.element) {
				list = append(list, a.name)
			}
		case !a.request.IsZero() && !c.Covers(a.request):
			list = append(list, a.name)
		}
	}
	return list
}

// covers reports whether a member of an element is protected: if the text with
// the array is, or the member's place in the first element.
func (b *batching) covers(c *verifiers.Coverage, s verifiers.Source) bool {
	switch {
	case s.Pointer != "" && !b.of.In.IsZero() && !b.of.In.Whole:
		return c.Covers(b.of.In)
	case s.Pointer != "":
		for _, pointer := range slices.Concat([]string{b.of.Elements}, b.of.Or) {
			if !c.Covers(verifiers.JSON(pointer + "/0" + s.Pointer)) {
				return false
			}
		}
		return true
	case s.Whole:
		return c.Body
	}
	for _, list := range [][]verifiers.Source{s.First, s.Join} {
		for _, part := range list {
			if !b.covers(c, part) {
				return false
			}
		}
		if len(list) > 0 {
			return true
		}
	}
	return c.Covers(s)
}

// split returns the events of the request, or nil if it is one event. It
// returns false if the exchange has ended. A batch that is too large goes on as
// one event, into quarantine, so that nothing is lost.
func (x *exchange) split() (*verifiers.Elements, bool) {
	b := x.route.batching
	if b == nil || x.quarantine != nil {
		return nil, true
	}
	elements, err := b.of.Split(&x.req)
	switch {
	case errors.Is(err, verifiers.ErrTooMany):
		x.oversize = true
		return nil, true
	case err != nil:
		return nil, x.notStrict(err)
	}
	// Where the request is one event, what was left to the events is looked at now.
	return elements, elements != nil || x.strict()
}

// shared is what the elements of one batch have in common.
type shared struct {
	id       string
	hasID    bool
	typ      string
	typErr   error
	t        time.Time
	header   http.Header
	unsigned []string
	received time.Time
	size     int
}

func (x *exchange) share(size int, received time.Time) *shared {
	from := &x.route.batching.request
	s := &shared{size: size, received: received, header: pick(x.r.Header, x.route.headers)}
	s.id, _ = x.lookup(from.id, false, maxID)
	if s.hasID = s.id != ""; !s.hasID {
		s.id = x.res.RequestID
	}
	s.typ, s.typErr = x.lookup(from.typ, false, maxType)
	s.t = x.lookupTime(from.t)
	s.unsigned = x.route.batching.uncovered(x.result.Covers)
	x.res.EventID, x.res.EventType = s.id, s.typ
	return s
}

// takeAll takes each element through the rest of the pipeline. The sender is
// told that the batch has arrived if all of it has; otherwise it sends it again,
// and what is stored already is a duplicate.
func (x *exchange) takeAll(elements *verifiers.Elements, received time.Time) {
	size := elements.Len()
	tally := &tally{BatchCount: BatchCount{Size: size}}
	x.res.Batch = &tally.BatchCount
	if size == 0 {
		x.end(EmptyBatch, "", nil)
		return
	}
	if !x.room(size) {
		return
	}
	common := x.share(size, received)
	start := x.route.now()
	var preparing time.Duration
	var storing sync.WaitGroup
	slots := make(chan struct{}, min(size, maxPublishing))
	all := sha256.New()
	for i := 0; i < size && !tally.hopeless(); i++ {
		begun := x.route.now()
		y := x.element(elements.Request(i))
		y.guarded(func() { y.prepare(common, i) })
		if y.event != nil {
			digest := y.event.Compared()
			all.Write(digest[:])
		}
		preparing += x.route.now().Sub(begun)
		if y.ended {
			tally.add(i, y.res)
			continue
		}
		slots <- struct{}{}
		rest := func() {}
		y.guarded(func() { rest = y.begin() })
		storing.Go(func() {
			y.guarded(rest)
			tally.add(i, y.res)
			<-slots
		})
	}
	storing.Wait()
	all.Sum(x.res.Compared[:0])
	x.res.Stages[StageValidate] += preparing
	x.res.Stages[StagePublish] = x.route.now().Sub(start) - preparing
	tally.conclude(x)
}

// element returns an exchange for one element. It shares nothing with x that
// changes.
func (x *exchange) element(r *verifiers.Request) *exchange {
	y := &exchange{route: x.route, r: x.r, req: *r, media: mediaJSON, result: x.result, ctx: x.ctx, res: &Result{}, sent: x.sent, released: x.released, dry: x.dry, judging: x.judging}
	y.req.Want(x.route.batching.members)
	y.req.Decode(x.route.decodes)
	y.res.RequestID, y.res.Trust, y.res.Schema = x.res.RequestID, x.res.Trust, SchemaNone
	return y
}

// prepare does everything but storing. The exchange has ended if the element is
// not to be stored.
func (x *exchange) prepare(common *shared, index int) {
	x.makeEvent(common.received, common.header)
	x.event.Part = &Part{Batch: common.id, Index: index, Size: common.size}
	if !x.strict() {
		return
	}
	x.identifyElement(common, index)
	_ = x.want() && x.validate()
}

func (x *exchange) identifyElement(common *shared, index int) {
	rt, e, from := x.route, x.event, &x.route.batching.element
	id, err := x.lookup(from.id, !rt.cfg.EventID.IsZero(), maxID)
	if err != nil {
		x.setAside(reasonNoID, "the id ("+from.id.String()+")", err)
	}
	switch e.HasID = true; {
	case id == "":
		e.ID, e.HasID = common.id+"."+strconv.Itoa(index), common.hasID
	case !rt.batching.ownID:
		e.ID = id + "." + strconv.Itoa(index)
	default:
		e.ID = id
	}
	field := &from.typ
	if e.Type, err = x.lookup(*field, !rt.cfg.EventType.IsZero(), maxType); field.IsZero() {
		field, e.Type, err = &rt.batching.request.typ, common.typ, common.typErr
	}
	if err != nil {
		x.setAside(reasonNoType, "the type ("+field.String()+")", err)
	}
	if e.Time = common.t; !from.t.IsZero() {
		e.Time = x.lookupTime(from.t)
	}
	e.OrderKey = x.orderKey(from.order)
	e.Unsigned = common.unsigned
}

// guarded turns a panic into an outcome: it must not reach the goroutine's end.
func (x *exchange) guarded(work func()) {
	defer func() {
		if p := recover(); p != nil {
			x.ended = false
			x.end(Internal, "", newPanicError(p))
		}
	}()
	work()
}

// tally gathers the outcomes of the elements. The worst, and of those the first
// in the batch, becomes the outcome of the request.
type tally struct {
	mu sync.Mutex
	BatchCount
	counted int
	index   int // of what follows
	outcome Outcome
	reason  string
	err     error
	cause   error // of the first in quarantine
	aside   int
	schema  SchemaVerdict
	suspect string
	untold  int // conditions
	passes  int // over JSON
}

func (t *tally) add(index int, res *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Outcomes[res.Outcome]++
	if res.Outcome == Duplicate && !res.Ack.Stored.IsZero() {
		t.Originals = append(t.Originals, res.Ack.Stored)
	}
	if t.counted++; t.counted == 1 || gravity(res.Outcome) > gravity(t.outcome) || res.Outcome == t.outcome && index < t.index {
		t.index, t.outcome, t.reason, t.err = index, res.Outcome, res.Reason, res.Err
	}
	if res.Outcome == Quarantined && (t.cause == nil || index < t.aside) {
		t.cause, t.aside = res.Err, index
	}
	if res.Schema == SchemaInvalid || t.schema != SchemaInvalid && res.Schema == SchemaValid {
		t.schema = res.Schema
	}
	if res.Suspect != "" {
		t.suspect = res.Suspect
	}
	t.untold += res.FilterErrors
	t.passes += res.JSONPasses
}

// hopeless reports whether the broker has failed, so that it makes no sense to
// go on: the sender will send all of it again.
func (t *tally) hopeless() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Outcomes[Overloaded]+t.Outcomes[BrokerNotReady]+t.Outcomes[BrokerFull]+
		t.Outcomes[BrokerRefused]+t.Outcomes[BrokerTimeout] > 0
}

func (t *tally) conclude(x *exchange) {
	if t.schema != "" {
		x.res.Schema = t.schema
	}
	x.res.Suspect, x.res.FilterErrors = t.suspect, t.untold
	x.res.JSONPasses += t.passes
	switch {
	case t.counted != t.Size && t.outcome.Success():
		x.end(Internal, "", errUncounted)
	case t.err != nil:
		x.end(t.outcome, t.reason, atIndex(t.index, t.err))
	case t.cause != nil:
		x.end(t.outcome, t.reason, atIndex(t.aside, t.cause))
	default:
		x.end(t.outcome, t.reason, nil)
	}
}

func atIndex(index int, err error) error { return fmt.Errorf("event %d of the batch: %w", index, err) }

// gravity orders the outcomes of elements. What a retry can mend comes first,
// or it would never be mended; of successes the one that says most.
func gravity(o Outcome) int {
	switch {
	case o.Retryable():
		return 6
	case !o.Success():
		return 5
	}
	switch o { //nolint:exhaustive // elements have no others
	case Accepted, Spooled, PassedThrough:
		return 4
	case Quarantined:
		return 3
	case Duplicate:
		return 2
	}
	return 1
}
