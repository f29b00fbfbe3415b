package natspub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// balanceAt is the share of its bytes, in percent, from which on room is made
	// in the quarantine stream, and balanceTo to where. What comes between two looks
	// must fit into the rest, or the server removes the oldest events of all.
	balanceAt, balanceTo = 90, 80
	// sampled is of how many messages on a subject the size is looked at, and
	// largestBalance of how many subjects.
	sampled        = 8
	largestBalance = 4096
)

// Trimmed says of which source events were removed from quarantine to make room.
type Trimmed struct {
	Tenant, Source string
	// Events were removed, the oldest of each kind.
	Events uint64
}

// pile is what a source has in quarantine, or a tenant has.
type pile struct {
	tenant, source string
	bytes          int64
	subjects       map[string]uint64 // messages
}

// Balance makes room in a quarantine that is nearly full: those who have the most
// bytes there give up their oldest events. Otherwise the server would remove the
// oldest of all, and with a flood of events of one tenant, or of one source of a
// tenant, push out those of the others. Where there is only one source nothing is
// done. Samples of bad signatures have bounds of their own and do not count. The
// sizes are estimated by looking at some events of each source.
func (q *Quarantine) Balance(ctx context.Context) ([]Trimmed, error) {
	s, err := q.stream(ctx)
	if err != nil {
		return nil, err
	}
	if info := s.CachedInfo(); info.Config.MaxBytes <= 0 || int64(info.State.Bytes) < info.Config.MaxBytes/100*balanceAt { //nolint:gosec // bytes of a disk
		return nil, nil
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(QuarantineRoot+".>"))
	if err != nil {
		return nil, fmt.Errorf("looking at the stream %s: %w", q.p.cfg.Quarantine.Name, err)
	}
	piles, rest, err := q.piles(ctx, s, info)
	if err != nil || len(piles) < 2 {
		return nil, err
	}
	var list []Trimmed
	for _, over := range fairly(piles, info.Config.MaxBytes/100*balanceTo-rest) {
		t := Trimmed{Tenant: over.tenant, Source: over.source}
		for _, subject := range slices.Sorted(maps.Keys(over.subjects)) {
			n, err := q.purge(ctx, subject, max(int(over.subjects[subject]), 1)) //nolint:gosec // messages of a stream
			if err != nil {
				return list, fmt.Errorf("making room in the stream %s: %w", q.p.cfg.Quarantine.Name, err)
			}
			t.Events += n
		}
		if t.Events > 0 {
			list = append(list, t)
		}
	}
	return list, nil
}

// piles returns what each source has, and how many bytes are nobody's: those of
// samples, and of subjects beyond what is looked at.
func (q *Quarantine) piles(ctx context.Context, s jetstream.Stream, info *jetstream.StreamInfo) (list []*pile, rest int64, _ error) {
	subjects := slices.SortedFunc(maps.Keys(info.State.Subjects), func(a, b string) int {
		return cmp.Or(cmp.Compare(info.State.Subjects[b], info.State.Subjects[a]), cmp.Compare(a, b))
	})
	bySource := make(map[string]*pile)
	var all int64
	for _, subject := range subjects[:min(len(subjects), largestBalance)] {
		tokens := strings.Split(subject, ".")
		if len(tokens) < 5 {
			continue
		}
		events := info.State.Subjects[subject]
		each, err := q.sizeOf(ctx, s, subject, events, info.State)
		if err != nil {
			return nil, 0, err
		}
		bytes := each * int64(events) //nolint:gosec // messages of a stream
		all += bytes
		if tokens[len(tokens)-1] == SignatureReason {
			rest += bytes
			continue
		}
		name := tokens[2] + "." + tokens[3]
		p := bySource[name]
		if p == nil {
			p = &pile{tenant: tokens[2], source: tokens[3], subjects: make(map[string]uint64)}
			bySource[name] = p
			list = append(list, p)
		}
		p.bytes += bytes
		p.subjects[subject] = events
	}
	if all == 0 {
		return nil, 0, nil
	}
	// What the estimates come to is what there is.
	scale := float64(info.State.Bytes) / float64(all)
	for _, p := range list {
		p.bytes = int64(float64(p.bytes) * scale)
	}
	return list, int64(float64(rest) * scale), nil
}

// sizeOf returns about how many bytes a message on the subject has: those of some
// that lie evenly between the first and the last of the stream.
func (q *Quarantine) sizeOf(ctx context.Context, s jetstream.Stream, subject string, events uint64, state jetstream.StreamState) (int64, error) {
	var bytes, n int64
	looks := min(events, sampled)
	step := (state.LastSeq - state.FirstSeq) / looks
	for i := range looks {
		m, err := s.GetMsg(ctx, state.FirstSeq+i*step, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break // there are none from there on
		}
		if err != nil {
			return 0, fmt.Errorf("reading the stream %s: %w", q.p.cfg.Quarantine.Name, err)
		}
		size := len(m.Subject) + len(m.Data) + spoolOverhead
		for name, values := range m.Header {
			for _, v := range values {
				size += len(name) + len(v) + 4
			}
		}
		bytes += int64(size)
		n++
	}
	return bytes / max(n, 1), nil
}

// fairly returns the sources that have too much, with how many messages on each
// subject they keep, so that all have no more than room: first tenants have, at
// most, the same, and then the sources of each.
func fairly(piles []*pile, room int64) []pile {
	tenants := make(map[string][]*pile)
	total := make(map[string]int64)
	for _, p := range piles {
		tenants[p.tenant] = append(tenants[p.tenant], p)
		total[p.tenant] += p.bytes
	}
	most := level(slices.Collect(maps.Values(total)), room)
	var list []pile
	for _, tenant := range slices.Sorted(maps.Keys(tenants)) {
		if total[tenant] <= most {
			continue
		}
		sizes := make([]int64, 0, len(tenants[tenant]))
		for _, p := range tenants[tenant] {
			sizes = append(sizes, p.bytes)
		}
		each := level(sizes, most)
		for _, p := range tenants[tenant] {
			if p.bytes <= each {
				continue
			}
			keep := pile{tenant: p.tenant, source: p.source, bytes: each, subjects: make(map[string]uint64, len(p.subjects))}
			for subject, n := range p.subjects {
				keep.subjects[subject] = uint64(float64(n) * float64(each) / float64(p.bytes))
			}
			list = append(list, keep)
		}
	}
	return list
}

// level returns the most that each may have so that all have no more than room.
func level(sizes []int64, room int64) int64 {
	slices.Sort(sizes)
	for i, size := range sizes {
		if each := room / int64(len(sizes)-i); size > each {
			return max(each, 0)
		}
		room -= size
	}
	return 1<<63 - 1
}

// purge removes the oldest messages on a subject, which may have wildcards, so
// that no more than keep are left, and returns how many were removed.
func (q *Quarantine) purge(ctx context.Context, subject string, keep int) (uint64, error) {
	request, err := json.Marshal(map[string]any{"filter": subject, "keep": keep})
	if err != nil {
		return 0, err
	}
	answer, err := q.p.cfg.Conn.RequestWithContext(ctx, q.p.cfg.APIPrefix+"STREAM.PURGE."+q.p.cfg.Quarantine.Name, request)
	if err != nil {
		return 0, err
	}
	var r struct {
		Error  *jetstream.APIError `json:"error"`
		Purged uint64              `json:"purged"`
	}
	if err := json.Unmarshal(answer.Data, &r); err != nil {
		return 0, err
	}
	if r.Error != nil {
		return 0, r.Error
	}
	return r.Purged, nil
}
