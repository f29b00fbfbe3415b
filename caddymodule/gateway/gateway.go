package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Route receives the events of one source. It is safe for concurrent use.
type Route struct {
	cfg Config // completed and checked

	events    map[string]bool // methods of events
	methods   map[string]bool // those, and methods of handshakes
	allow     string          // value of the header Allow
	media     map[string]bool // nil: any
	unsigned  []*verifiers.Handshake
	signed    []*verifiers.Handshake
	whole     sources
	batching  *batching // nil: each request is one event
	members   *verifiers.Pointers
	varies    *verifiers.Pointers   // nil: nothing does
	needsJSON bool                  // the provider says so
	decodes   bool                  // all of the body is to be decoded
	limits    *verifiers.JSONLimits // nil: JSON need not be strict
	inside    []verifiers.Source    // those of whole that read a text in the body
	looks     bool                  // bodies that need not be JSON are looked into
	pointers  bool                  // the id or the type needs it
	headers   []string
	clients   *clientLimiter // nil: no limit
	source    *Limiter       // nil: no limit
	tenant    *Limiter       // nil: no limit
	diagnoses *Limiter       // nil: nobody asks
	bodies    *bodyMemory    // nil: nothing is stored
	keeping   keeping
	proven    *atomic.Bool // what is kept of a request was enough to verify it again
	packed    compression
	samples   *samples // nil: none are kept
	newID     func() string
	success   verifiers.Reply
	ok        reply // the answer to events, unless it echoes
}

// New returns the route that cfg describes. The error says everything that is
// wrong with cfg, each with the field and what to write instead.
func New(cfg Config) (*Route, error) {
	cfg.complete()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configuring the route %s/%s: %w", cfg.Tenant, cfg.Source, err)
	}
	p := &cfg.Provider
	rt := &Route{
		cfg:     cfg,
		events:  make(map[string]bool),
		methods: make(map[string]bool),
		whole: sources{
			override(cfg.EventID, p.ID), override(cfg.EventType, p.Type), override(cfg.EventTime, p.Time), cfg.OrderKey,
		},
		needsJSON: p.NeedsJSON,
		newID:     cfg.NewID,
		proven:    new(atomic.Bool),
		success:   cfg.Success,
		ok:        fixedReply(cfg.Success),
	}
	rt.batching = newBatching(&rt.cfg)
	if len(p.Varies) > 0 {
		rt.varies, _ = verifiers.PointersTo(p.Varies...) // checked with the configuration
	}
	rt.pointers = needsPointer(rt.whole.id) || needsPointer(rt.whole.typ)
	for _, m := range cfg.Methods {
		rt.events[m], rt.methods[m] = true, true
	}
	allow := slices.Clone(cfg.Methods)
	for i := range p.Handshakes {
		h := &p.Handshakes[i]
		switch {
		case cfg.NoHandshakes:
			continue
		case !h.Signed:
			rt.unsigned = append(rt.unsigned, h)
		case cfg.Unverified && !h.Confirm.IsZero():
			// Nobody fetches a URL because of a request that anybody can send.
			continue
		default:
			rt.signed = append(rt.signed, h)
		}
		if m := handshakeMethod(h); !rt.methods[m] {
			rt.methods[m] = true
			allow = append(allow, m)
		}
	}
	rt.members = rt.lookedUp()
	rt.decodes = cfg.Validator != nil || needWhole(slices.Concat(cfg.AcceptIf, cfg.DropIf)...)
	rt.looks, rt.inside = rt.looksInside(), insideOf(rt.whole)
	if cfg.StrictJSON != StrictOff {
		rt.limits = &rt.cfg.JSONLimits
	}
	rt.packed = newCompression(p, rt.unsigned)
	slices.Sort(allow)
	rt.allow = strings.Join(slices.Compact(allow), ", ")
	if len(cfg.ContentTypes) > 0 {
		rt.media = make(map[string]bool, len(cfg.ContentTypes))
		for _, t := range cfg.ContentTypes {
			rt.media[t] = true
		}
	}
	for _, name := range slices.Concat(cfg.Headers, p.Headers, schemeHeaders(p.Scheme)) {
		if name = http.CanonicalHeaderKey(name); forwardable(name, p) && !slices.Contains(rt.headers, name) {
			rt.headers = append(rt.headers, name)
		}
	}
	rates := cfg.Rates
	if rates == nil {
		rates = new(RateState)
	}
	rt.clients = newClientLimiter(cfg.ClientRate, &rates.clients)
	if cfg.Diagnose != nil || cfg.Resolver != nil { // each tenant has its own way to find out
		rt.diagnoses = NewLimiter(diagnoses)
	}
	rt.source, rt.tenant = newLimiter(cfg.SourceRate, &rates.source), NewLimiter(cfg.TenantRate)
	if !cfg.NoPublish {
		rt.bodies = newBodyMemory()
	}
	rt.keeping = newKeeping(rt)
	if cfg.Sampler != nil && !cfg.NoQuarantine {
		rt.samples = newSamples(&rt.cfg)
	}
	if rt.newID == nil {
		rt.newID = func() string { return newULID(cfg.Time()) }
	}
	return rt, nil
}

// Config returns the route's configuration with the defaults filled in. Its
// slices and maps are shared and read-only.
func (rt *Route) Config() Config { return rt.cfg }

// Headers are the request headers that consumers get. The slice is shared and
// read-only.
func (rt *Route) Headers() []string { return rt.headers }

func (rt *Route) now() time.Time { return rt.cfg.Time() }

// lookedUp lists the members of a JSON body that requests may be asked for.
func (rt *Route) lookedUp() *verifiers.Pointers {
	list := []verifiers.Source{rt.whole.id, rt.whole.typ, rt.whole.t, rt.whole.order}
	if b := rt.batching; b != nil {
		list = append(list, b.request.id, b.request.typ, b.request.t)
	}
	for _, h := range slices.Concat(rt.unsigned, rt.signed) {
		for _, m := range h.When {
			list = append(list, m.Source)
		}
		list = append(list, h.Token, h.Reply.Echo, h.Confirm, h.Capture)
	}
	if s, ok := rt.cfg.Provider.Scheme.(verifiers.Placer); ok {
		places := s.Places()
		list = append(list, places.Signature, places.Timestamp)
		for _, pointer := range places.Covers.Pointers {
			list = append(list, verifiers.JSON(pointer))
		}
	}
	p := pointersOf(&rt.cfg, list...)
	if b := rt.batching; b != nil {
		p = p.WithElements(b.of)
	}
	return p
}

// pointersOf lists the members that sources, and what the route is configured with,
// need of an event.
func pointersOf(cfg *Config, sources ...verifiers.Source) *verifiers.Pointers {
	p := verifiers.PointersOf(sources...).WithTrees(membersOf(slices.Concat(cfg.AcceptIf, cfg.DropIf)...)...)
	if varies, err := verifiers.PointersTo(cfg.Provider.Varies...); err == nil {
		p = p.With(varies)
	}
	return p
}

func override(operator, provider verifiers.Source) verifiers.Source {
	if operator.IsZero() {
		return provider
	}
	return operator
}

// needsPointer reports whether a source cannot have a value unless the body is
// JSON.
func needsPointer(s verifiers.Source) bool {
	switch {
	case s.Pointer != "":
		return true
	case len(s.Join) > 0:
		return needsPointer(s.Join[0])
	case len(s.First) > 0:
		return !slices.ContainsFunc(s.First, func(part verifiers.Source) bool { return !needsPointer(part) })
	}
	return false
}

func handshakeMethod(h *verifiers.Handshake) string {
	if h.Method == "" {
		return http.MethodPost
	}
	return h.Method
}
