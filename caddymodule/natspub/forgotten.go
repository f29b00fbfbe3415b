package natspub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// A stream cannot be made to forget one id. An id that is to be forgotten gets a
// generation instead, kept in a bucket that all gateways of the stream read, and
// its events are stored under an id made of both. So there still is one message
// for each generation, whoever delivers it, and however often.
//
// A gateway that does not know of a generation yet, or not any more, finds out
// when the server says that the event is a duplicate: then it asks the bucket's
// leader. Events that are new cost nothing.

const (
	// headerGeneration says how often the event's id was forgotten before.
	headerGeneration = "Wh-Generation"
	// forgottenEvery is the time between two looks into the bucket.
	forgottenEvery = 15 * time.Second
	// forgottenDenied is after what time it is tried again whether the bucket may
	// be read, and forgottenUnwell after what time whether it can be.
	forgottenDenied = time.Minute
	forgottenUnwell = time.Second
	// forgottenSpare is by how much a generation outlives two windows, so that it
	// does not matter that clocks differ.
	forgottenSpare = time.Hour
	// forgottenMargin is how long an id must still be remembered, to be forgotten:
	// every gateway has to know of it before it would be forgotten by itself.
	forgottenMargin = 2 * time.Minute
	// forgottenBytes caps the bucket, and mostForgotten what is read of one.
	forgottenBytes = 4 << 20
	mostForgotten  = 1 << 16
)

// forgottenPatience is how long the leader of the bucket may take, by attempt.
var forgottenPatience = [...]time.Duration{250 * time.Millisecond, time.Second, 2 * time.Second}

// ForgottenConfig says where ids are that were forgotten: in a key-value bucket.
type ForgottenConfig struct {
	// Bucket is its name. Empty means that no id can be forgotten.
	Bucket string
	// Replicas is how many servers keep it. Zero means 1.
	Replicas int
	// Create makes it when the first id is forgotten.
	Create bool
}

// forgottenRecord is what the bucket has for an id.
type forgottenRecord struct {
	Generation int       `json:"generation"`
	Tenant     string    `json:"tenant"`
	Source     string    `json:"source"`
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	By         string    `json:"by,omitempty"`
	Reason     string    `json:"reason,omitempty"`

	revision uint64
	stored   time.Time // by the server, last
}

// forgotten knows the ids that were forgotten.
type forgotten struct {
	p      *Publisher
	cfg    ForgottenConfig
	count  atomic.Int64 // of known
	denied atomic.Int64 // until when it is taken for not permitted to read, in ns
	unwell atomic.Int64 // until when nobody is asked, in ns

	looking sync.Mutex // one look at a time
	created time.Time  // of the bucket that was read
	read    uint64     // up to which sequence

	mu    sync.Mutex
	known map[string]forgottenRecord // by the id without a generation
	ttl   time.Duration
}

func newForgotten(p *Publisher, cfg ForgottenConfig) *forgotten {
	return &forgotten{p: p, cfg: cfg, known: make(map[string]forgottenRecord)}
}

// watch looks into the bucket until the publisher is closed.
func (f *forgotten) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.p.watcher.Go(func() { <-f.p.done; cancel() }) // a look that waits must not hold Close up
	tick := time.NewTicker(forgottenEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.p.done:
			return
		case <-tick.C:
		}
		if f.p.cfg.Conn.Status() == nats.CONNECTED {
			// What goes wrong is said by Preflight, and duplicates are looked up.
			_ = f.look(ctx)
		}
	}
}

// look reads what is new in the bucket.
func (f *forgotten) look(ctx context.Context) error {
	f.looking.Lock()
	defer f.looking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 2*question)
	defer cancel()
	s, err := f.p.js.Stream(ctx, f.stream())
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		f.forget(time.Time{}, 0)
		return nil
	case err != nil:
		return fmt.Errorf("looking at the bucket %s: %w", f.cfg.Bucket, err)
	}
	info := s.CachedInfo()
	if !info.Created.Equal(f.created) || int(min(info.State.Msgs, mostForgotten)) < f.size() {
		f.forget(info.Created, info.Config.MaxAge)
	}
	f.mu.Lock()
	f.ttl = info.Config.MaxAge
	f.mu.Unlock()
	for f.read < info.State.LastSeq && f.size() < mostForgotten {
		m, err := f.p.read(ctx, f.stream(), fmt.Appendf(nil, `{"seq":%d,"next_by_subj":%q}`, f.read+1, f.subject(">")))
		if isNotThere(err) {
			f.read = info.State.LastSeq
			break
		}
		if err != nil {
			return fmt.Errorf("reading the bucket %s: %w", f.cfg.Bucket, err)
		}
		f.note(strings.TrimPrefix(m.subject, f.subject("")), m)
		f.read = m.seq
	}
	f.expire(info.TimeStamp)
	return nil
}

// newer returns the generation of the message's id, if that is newer than the
// message's own, and else 0. The error means that it is not known: then nobody
// can say whether the message is a duplicate.
func (p *Publisher) newer(ctx context.Context, m *message) (int, error) {
	if p.ids == nil || m.stream == p.cfg.Quarantine.Name {
		return 0, nil
	}
	r, err := p.ids.lookup(ctx, m.baseID())
	if err != nil || r.Generation <= m.generation {
		return 0, err
	}
	return r.Generation, nil
}

// renew gives a message the generation that its id is known to have.
func (p *Publisher) renew(ctx context.Context, m *message) error {
	if p.ids == nil || p.ids.count.Load() == 0 || m.stream == p.cfg.Quarantine.Name {
		return nil
	}
	r, old, ok := p.ids.find(m.baseID())
	if !ok {
		return nil
	}
	if old {
		// The record must outlive what is stored under it now.
		if err := p.ids.extend(ctx, m.baseID(), r); err != nil {
			return err
		}
	}
	if r.Generation > m.generation {
		m.as(r.Generation)
	}
	return nil
}

// has reports whether an id is known to be forgotten.
func (f *forgotten) has(base string) bool {
	if f == nil || f.count.Load() == 0 {
		return false
	}
	_, _, ok := f.find(base)
	return ok
}

// find returns what is known of an id, and whether that is so old that it ends
// before an event that is stored now is forgotten.
func (f *forgotten) find(base string) (r forgottenRecord, old, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok = f.known[base]
	return r, f.ttl > 0 && time.Since(r.stored) > f.ttl/2, ok
}

// lookup asks the bucket's leader for an id. There is none of generation 0.
func (f *forgotten) lookup(ctx context.Context, base string) (forgottenRecord, error) {
	now := time.Now().UnixNano()
	if now < f.denied.Load() {
		return forgottenRecord{}, nil
	}
	if now < f.unwell.Load() {
		return forgottenRecord{}, fmt.Errorf("%w: the bucket %s of forgotten ids cannot be read", gateway.ErrNotReady, f.cfg.Bucket)
	}
	before := f.p.cfg.Conn.LastError()
	for attempt := 0; ; attempt++ {
		r, err := f.get(ctx, base, forgottenPatience[attempt])
		if err == nil || isNotThere(err) {
			return r, nil
		}
		if f.isDenied(before) {
			return forgottenRecord{}, nil
		}
		last := attempt == len(forgottenPatience)-1
		if last {
			f.unwell.Store(time.Now().Add(forgottenUnwell).UnixNano())
		}
		if last || ctx.Err() != nil {
			return forgottenRecord{}, fmt.Errorf("%w: looking whether the id was forgotten, in the bucket %s: %w", classify(err).as, f.cfg.Bucket, err)
		}
		pauseFor(ctx, 20*time.Millisecond)
	}
}

func (f *forgotten) get(ctx context.Context, base string, patience time.Duration) (forgottenRecord, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := f.p.read(ctx, f.stream(), fmt.Appendf(nil, `{"last_by_subj":%q}`, f.subject(base)))
	if err != nil {
		return forgottenRecord{}, err
	}
	r, _ := f.note(base, m)
	return r, nil
}

// isDenied notes that the bucket may not be read, if the connection has said so
// since before.
func (f *forgotten) isDenied(before error) bool {
	if !denied(f.p.cfg.Conn.LastError(), before, f.p.cfg.APIPrefix+"STREAM.MSG.GET."+f.stream()) {
		return false
	}
	f.denied.Store(time.Now().Add(forgottenDenied).UnixNano())
	return true
}

// note keeps a message of the bucket, and returns what it says.
func (f *forgotten) note(base string, m *replayed) (r forgottenRecord, ok bool) {
	if one(m.header, "KV-Operation") == "" && json.Unmarshal(m.data, &r) == nil && r.Generation > 0 {
		r.revision, r.stored, ok = m.seq, m.at, true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known[base].revision > m.seq {
		return f.known[base], true
	}
	if ok {
		f.known[base] = r
	} else {
		r = forgottenRecord{}
		delete(f.known, base)
	}
	f.count.Store(int64(len(f.known)))
	return r, ok
}

// forget begins anew, with the bucket that was created then.
func (f *forgotten) forget(created time.Time, ttl time.Duration) {
	f.created, f.read = created, 0
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.known)
	f.ttl = ttl
	f.count.Store(0)
}

// expire removes what has ended with its age.
func (f *forgotten) expire(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.known, func(_ string, r forgottenRecord) bool { return f.ttl > 0 && now.Sub(r.stored) > f.ttl })
	f.count.Store(int64(len(f.known)))
}

func (f *forgotten) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.known)
}

func (f *forgotten) stream() string { return "KV_" + f.cfg.Bucket }

func (f *forgotten) subject(key string) string { return "$KV." + f.cfg.Bucket + "." + key }

// isNotThere reports whether there is no such message, or no such stream.
func isNotThere(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeMessageNotFound || api.ErrorCode == jetstream.JSErrCodeStreamNotFound)
}

// examineForgotten reads the bucket, and says if it may not be read. That there is
// none means that no id was forgotten.
func (p *Publisher) examineForgotten(ctx context.Context) []Finding {
	if p.ids == nil {
		return nil
	}
	get, info := "STREAM.MSG.GET."+p.ids.stream(), "STREAM.INFO."+p.ids.stream()
	refused, _ := p.permitted(ctx, get, func(ctx context.Context) error {
		_, err := p.ids.get(ctx, "preflight", question)
		return err
	})
	if refused {
		p.ids.denied.Store(time.Now().Add(forgottenDenied).UnixNano())
		return []Finding{{
			Warning, p.ids.stream(), "the gateway may not read it, so that ids that `caddy webhooks dedupe forget` has forgotten are duplicates here",
			"allow its user to publish on " + p.cfg.APIPrefix + get,
		}}
	}
	p.ids.denied.Store(0)
	if refused, _ = p.permitted(ctx, info, p.ids.look); refused {
		return []Finding{{
			Warning, p.ids.stream(), "the gateway may not look at it, so that an event whose id was forgotten may be stored twice when the stream does not remember its first id any more",
			"allow its user to publish on " + p.cfg.APIPrefix + info,
		}}
	}
	return nil
}

// baseID is the message's id without a generation.
func (m *message) baseID() string {
	if m.base != "" {
		return m.base
	}
	return m.id()
}

// renewed is the message of a generation before anything was done with it.
func (m *message) renewed(generation int) *message {
	n := m.again()
	n.base = m.base
	n.as(generation)
	return n
}

// as makes it the message of a generation. Others may have its headers.
func (m *message) as(generation int) {
	m.base, m.generation = m.baseID(), generation
	m.header = maps.Clone(m.header)
	m.header[headerMsgID] = []string{generationID(m.base, generation)}
	m.header[headerGeneration] = []string{strconv.Itoa(generation)}
}

// generationID is the id of a message whose id was forgotten so often.
func generationID(base string, generation int) string {
	if generation == 0 {
		return base
	}
	return digestID("generation", base, strconv.Itoa(generation))
}
