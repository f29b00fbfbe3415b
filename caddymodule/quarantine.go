package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// What operators do with events in quarantine.
const (
	actionRetry   = "retry"
	actionRelease = "release"
	actionDrop    = "drop"
)

// What became of an event in quarantine.
const (
	resultPublished = "published" // it is stored now, and no longer in quarantine
	resultDuplicate = "duplicate" // it was stored before; the same
	resultDropped   = "dropped"   // it is no longer in quarantine
	resultKept      = "kept"      // it stays: it is still what it was put there for
	resultGone      = "gone"      // it was not there
	resultFailed    = "failed"    // the broker did not take it, or did not answer
)

const (
	quarantinePage   = 100
	largestPage      = 1000
	quarantineTime   = 25 * time.Second // of one request to the admin API
	oneReleaseTime   = 10 * time.Second
	defaultReleases  = 100 // a second
	largestReason    = 512
	largestOperator  = 128
	quarantineAction = "quarantine_"
)

// acting makes what operators do one after the other: two that release the same
// events would disturb their order.
var acting sync.Mutex

// keptSummary is an event in quarantine without its request.
type keptSummary struct {
	Sequence uint64        `json:"sequence"`
	Tenant   string        `json:"tenant"`
	Source   string        `json:"source"`
	Kind     string        `json:"kind"`
	Detail   string        `json:"detail,omitempty"`
	ID       string        `json:"id,omitempty"`
	Type     string        `json:"type,omitempty"`
	Trust    gateway.Trust `json:"trust"`
	Size     int           `json:"size"`
	Request  string        `json:"request_id"`
	Received time.Time     `json:"received"`
}

// keptEvent is all there is of an event in quarantine.
type keptEvent struct {
	keptSummary
	Provider string              `json:"provider"`
	Method   string              `json:"method,omitempty"`
	URL      string              `json:"url,omitempty"`
	Headers  map[string][]string `json:"headers,omitempty"`
	Redacted []string            `json:"redacted,omitempty"`
	Remote   string              `json:"remote,omitempty"`
	Batch    *gateway.Part       `json:"batch,omitempty"`
	Original string              `json:"original,omitempty"`
	Body     []byte              `json:"body_base64"`
}

// keptList is the answer of GET /webhooks/quarantine.
type keptList struct {
	Status natspub.QuarantineStatus `json:"status"`
	Events []keptSummary            `json:"events"`
	// Next is where the next page begins; 0 if there is none.
	Next uint64 `json:"next,omitempty"`
}

// quarantineRequest is what is to be done with which events.
type quarantineRequest struct {
	// Connection is the name of the connection to NATS, "default" for the one
	// without a name. It may be left out where there is only one.
	Connection string `json:"connection,omitempty"`
	// Sequences name the events. Otherwise All has to be true, and the filter
	// chooses.
	Sequences []uint64 `json:"sequences,omitempty"`
	All       bool     `json:"all,omitempty"`
	Tenant    string   `json:"tenant,omitempty"`
	Source    string   `json:"source,omitempty"`
	Kind      string   `json:"kind,omitempty"`
	// From is the first sequence to look at, with All.
	From uint64 `json:"from,omitempty"`
	// Rate is how many events a second are published; 0 means 100.
	Rate int `json:"rate,omitempty"`
	// DryRun only says what would become of them.
	DryRun bool `json:"dry_run,omitempty"`
	// Reason and By say why and who, for the record. To release and to drop need a
	// reason.
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
	// NewID releases an event whose id belongs to another under an id of its own.
	NewID bool `json:"new_id,omitempty"`
	// Unverified releases requests whose signature was refused, as unverified.
	Unverified bool `json:"unverified,omitempty"`
}

// quarantineResult says what became of one event.
type quarantineResult struct {
	Sequence uint64 `json:"sequence"`
	Result   string `json:"result"`
	// Stream and StreamSequence are where it is stored.
	Stream         string `json:"stream,omitempty"`
	StreamSequence uint64 `json:"stream_sequence,omitempty"`
	Kind           string `json:"kind,omitempty"`
	Problem        string `json:"problem,omitempty"`
}

// quarantineAnswer is the answer of POST /webhooks/quarantine/<action>.
type quarantineAnswer struct {
	Results []quarantineResult `json:"results"`
	DryRun  bool               `json:"dry_run,omitempty"`
	// Next is where to go on, because there was no more time; 0 if that was all.
	Next uint64 `json:"next,omitempty"`
	// Stopped says why it makes no sense to go on now.
	Stopped string `json:"stopped,omitempty"`
}

// quarantineOf returns the quarantine of a connection.
func (a *App) quarantineOf(connection string) (*App, *natspub.Quarantine, error) {
	c, err := a.chosen(connection)
	if err != nil {
		return nil, nil, err
	}
	c.session.mu.Lock()
	p := c.session.publisher
	c.session.mu.Unlock()
	if p == nil {
		return nil, nil, apiError(http.StatusServiceUnavailable, "NATS is not ready yet: try again")
	}
	return c, natspub.NewQuarantine(p), nil
}

// adminQuarantine answers GET /webhooks/quarantine with a page of events, the
// oldest first.
func (a *App) adminQuarantine(_ http.ResponseWriter, r *http.Request) (any, error) {
	query := r.URL.Query()
	_, q, err := a.quarantineOf(query.Get("connection"))
	if err != nil {
		return nil, err
	}
	number := func(name string, otherwise uint64) uint64 {
		text := query.Get(name)
		if text == "" {
			return otherwise
		}
		n, numErr := strconv.ParseUint(text, 10, 63)
		if numErr != nil {
			err = apiError(http.StatusBadRequest, "%s is not a number: leave it out, or write one such as %d", name, quarantinePage)
		}
		return n
	}
	from, limit := number("from", 1), number("limit", quarantinePage)
	if err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), largestPage)
	ctx, cancel := context.WithTimeout(r.Context(), quarantineTime)
	defer cancel()
	list := keptList{Events: []keptSummary{}}
	if list.Status, err = q.Status(ctx, true); err != nil {
		return nil, brokerError(err)
	}
	f := natspub.KeptFilter{Tenant: query.Get("tenant"), Source: query.Get("source"), Reason: query.Get("kind")}
	for {
		k, err := q.Next(ctx, from, f)
		if errors.Is(err, natspub.ErrNoEntry) {
			return list, nil
		}
		if err != nil {
			return nil, brokerError(err)
		}
		if uint64(len(list.Events)) == limit {
			list.Next = k.Sequence
			return list, nil
		}
		list.Events = append(list.Events, summarize(k))
		from = k.Sequence + 1
	}
}

// adminQuarantined answers GET /webhooks/quarantine/<sequence>.
func (a *App) adminQuarantined(_ http.ResponseWriter, r *http.Request) (any, error) {
	_, q, err := a.quarantineOf(r.URL.Query().Get("connection"))
	if err != nil {
		return nil, err
	}
	sequence, err := strconv.ParseUint(r.PathValue("sequence"), 10, 63)
	if err != nil {
		return nil, apiError(http.StatusBadRequest, "%q is not the sequence of an event: write its number", r.PathValue("sequence"))
	}
	ctx, cancel := context.WithTimeout(r.Context(), oneReleaseTime)
	defer cancel()
	k, err := q.Get(ctx, sequence)
	if err != nil {
		return nil, brokerError(err)
	}
	e := keptEvent{keptSummary: summarize(k), Provider: k.Provider, Batch: k.Part, Body: k.Body}
	if k.Request != nil {
		e.Method, e.URL, e.Headers, e.Redacted = k.Request.Method, k.Request.URL, k.Request.Header, k.Request.Redacted
		if k.Request.Remote.IsValid() {
			e.Remote = k.Request.Remote.String()
		}
	}
	if k.Original.Sequence > 0 {
		e.Original = fmt.Sprintf("%d in %s", k.Original.Sequence, k.Original.Stream)
	}
	return e, nil
}

func summarize(k *natspub.Kept) keptSummary {
	return keptSummary{
		Sequence: k.Sequence, Tenant: k.Tenant, Source: k.Source, Kind: k.Reason, Detail: k.Detail,
		ID: k.ID, Type: k.Type, Trust: k.Trust, Size: len(k.Body), Request: k.IngestID, Received: k.Received,
	}
}

// brokerError is the answer for what NATS did not do.
func brokerError(err error) error {
	if errors.Is(err, natspub.ErrNoEntry) {
		return apiError(http.StatusNotFound, "%w: `caddy webhooks quarantine list` shows what is there", err)
	}
	return apiError(http.StatusServiceUnavailable, "%w", err)
}

// adminQuarantineAction answers POST /webhooks/quarantine/<action>.
func (a *App) adminQuarantineAction(_ http.ResponseWriter, r *http.Request) (any, error) {
	var request quarantineRequest
	if err := adminBody(r, &request); err != nil {
		return nil, err
	}
	action := r.PathValue("action")
	if err := request.check(action); err != nil {
		return nil, apiError(http.StatusBadRequest, "%w", err)
	}
	c, q, err := a.quarantineOf(request.Connection)
	if err != nil {
		return nil, err
	}
	acting.Lock()
	defer acting.Unlock()
	// From now on, and not from when the one before it has begun.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), quarantineTime+oneReleaseTime)
	defer cancel()
	w := &warden{app: a, connection: c, q: q, action: action, request: &request}
	return w.work(ctx, r.Context())
}

func (r *quarantineRequest) check(action string) error {
	if !slices.Contains([]string{actionRetry, actionRelease, actionDrop}, action) {
		return fmt.Errorf("%q is nothing that can be done: use %s, %s or %s", action, actionRetry, actionRelease, actionDrop)
	}
	filter := r.Tenant != "" || r.Source != "" || r.Kind != "" || r.From > 0
	switch {
	case len(r.Sequences) == 0 && !r.All:
		return errors.New("which events? Name their sequences, or choose all")
	case len(r.Sequences) > 0 && (r.All || filter):
		return errors.New("sequences and a choice of all exclude each other: use one of them")
	case len(r.Sequences) > largestPage:
		return fmt.Errorf("more than %d sequences: do it in parts", largestPage)
	case action != actionRetry && strings.TrimSpace(r.Reason) == "":
		return errors.New("give a reason, for the record")
	case len(r.Reason) > largestReason || len(r.By) > largestOperator:
		return fmt.Errorf("the reason may have %d bytes, and the name of who does it %d", largestReason, largestOperator)
	case action != actionRelease && (r.NewID || r.Unverified):
		return errors.New("a new id, and unverified, are for a release")
	case r.Rate < 0:
		return errors.New("the rate is below zero: use a number of events a second")
	}
	return nil
}
