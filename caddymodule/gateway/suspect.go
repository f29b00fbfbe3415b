package gateway

import (
	"hash/maphash"
	"slices"
	"sync"
)

// SuspectReplay marks an event whose signed bytes came before under another id,
// where the signature does not cover the id: whoever has once seen a request can
// send it again under an id that no deduplication knows.
const SuspectReplay = "replay"

// maxBodies is how many bodies one generation of a bodyMemory holds. Both take
// less than 0.5 MB when they are full.
const maxBodies = 4096

// bodyMemory remembers under which id each of the last bodies of a route came
// first: the last 4096 of them at least and 8192 at most. Only what is authentic
// gets in. It lives in this process, so that it is empty after a restart and
// knows nothing of other gateways. The tenants of one route share it.
type bodyMemory struct {
	mu       sync.Mutex
	seed     maphash.Seed
	now, old map[uint64]uint64 // hash of the first id, by that of a bodyKey
}

// bodyKey names a body. Elements of one batch may be equal.
type bodyKey struct {
	tenant, source string
	digest         [32]byte
	index          int
}

func newBodyMemory() *bodyMemory { return &bodyMemory{seed: maphash.MakeSeed()} }

// other notes the body, and reports whether it came first under another id.
func (m *bodyMemory) other(body bodyKey, id string) bool {
	key, h := maphash.Comparable(m.seed, body), maphash.String(m.seed, id)
	m.mu.Lock()
	defer m.mu.Unlock()
	first, known := m.now[key]
	if known {
		return first != h
	}
	if first, known = m.old[key]; !known {
		first = h
	}
	if m.now == nil || len(m.now) >= maxBodies {
		m.now, m.old = make(map[uint64]uint64), m.now
	}
	m.now[key] = first
	return first != h
}

// suspect marks the event if its bytes came before under another id. To look
// twice changes nothing.
func (x *exchange) suspect() {
	e := x.event
	if x.route.bodies == nil || !e.HasID || e.Trust != Verified || !slices.Contains(e.Unsigned, "id") {
		return
	}
	key := bodyKey{tenant: e.Tenant, source: e.Source, digest: e.Digest}
	if e.Part != nil {
		key.index = e.Part.Index
	}
	if x.route.bodies.other(key, e.ID) {
		e.Suspect = SuspectReplay
		x.res.Suspect = SuspectReplay
	}
}
