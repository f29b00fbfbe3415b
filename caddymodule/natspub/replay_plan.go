package natspub

import (
	"context"
	"strconv"
	"time"
)

// planned is how many events a plan names.
const planned = 10

// ReplayPlan is what a replay would send.
type ReplayPlan struct {
	Stream string `json:"stream"`
	To     string `json:"to"`
	// Events and Bytes are selected, of the stream's sequences First to Last, and
	// of Bytes those of bodies in an object store are in it.
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
	// Oldest and Newest are the times at which the first and the last of them were
	// stored.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	// BySource counts them by tenant and source, "tenant/source".
	BySource map[string]uint64 `json:"by_source"`
	// First are the first of them.
	First []ReplayEvent `json:"first"`
}

// ReplayEvent names an event.
type ReplayEvent struct {
	Seq     uint64    `json:"seq"`
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`
	ID      string    `json:"id"`
	Type    string    `json:"type"`
}

// Plan says what Begin would replay now, and sends nothing.
func (r *Replayer) Plan(ctx context.Context, spec ReplaySpec) (_ ReplayPlan, err error) {
	defer r.explain(&err)()
	if err := spec.complete(); err != nil {
		return ReplayPlan{}, err
	}
	stream, err := r.source(ctx, spec.Stream)
	if err != nil {
		return ReplayPlan{}, err
	}
	info := stream.CachedInfo()
	if err := spec.to("<job>", info.Config.Subjects); err != nil {
		return ReplayPlan{}, err
	}
	st := ReplayState{Spec: spec, Last: info.State.LastSeq}
	if spec.ToSeq > 0 {
		st.Last = min(st.Last, spec.ToSeq)
	}
	plan := ReplayPlan{Stream: spec.Stream, To: spec.To, BySource: map[string]uint64{}, First: []ReplayEvent{}}
	src := r.open(stream, &st, true)
	src.patience = 2 * replayQuestion // somebody waits for it
	for !src.ended {
		list, err := src.next(ctx, replayBatch)
		if err != nil {
			return plan, err
		}
		for _, e := range list {
			plan.add(e)
		}
	}
	return plan, nil
}

func (p *ReplayPlan) add(e *replayed) {
	if p.Events++; p.Events == 1 {
		p.Oldest = e.at
	}
	p.Newest = e.at
	size, _ := strconv.ParseUint(one(e.header, "ce-whsize"), 10, 63)
	p.Bytes += size
	p.BySource[one(e.header, "ce-whtenant")+"/"+one(e.header, "ce-whsource")]++
	if len(p.First) < planned {
		p.First = append(p.First, ReplayEvent{
			Seq: e.seq, Time: e.at, Subject: e.subject, ID: unescape(one(e.header, "ce-id")), Type: unescape(one(e.header, "ce-type")),
		})
	}
}
