package caddymodule

import (
	"crypto/sha256"
	"sync"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// maxDelivered is how many events one generation of delivered remembers: about
// 4 MB for both.
const maxDelivered = 32768

// delivered remembers which events the next handler has taken, for pass_thru. A
// duplicate in the stream says only that the event was stored, and not that the
// next handler had it: a retry because of its failure must reach it. What is
// forgotten, or lost by a restart, is handed on once more and never dropped. A
// nil *delivered remembers nothing.
type delivered struct {
	mu       sync.Mutex
	now, old map[[16]byte]struct{}
}

func newDelivered() *delivered { return &delivered{now: make(map[[16]byte]struct{})} }

func (d *delivered) has(res *gateway.Result) bool {
	if d == nil || res.EventID == "" {
		return false
	}
	key := deliveryKey(res)
	d.mu.Lock()
	defer d.mu.Unlock()
	_, now := d.now[key]
	_, old := d.old[key]
	return now || old
}

func (d *delivered) add(res *gateway.Result) {
	if d == nil || res.EventID == "" {
		return
	}
	key := deliveryKey(res)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.now) >= maxDelivered {
		d.old, d.now = d.now, make(map[[16]byte]struct{})
	}
	d.now[key] = struct{}{}
}

// deliveryKey is made of whose event it is, of its id, and of what tells
// deliveries under it apart: another event under the same id is not the same
// event, nor is another tenant's.
func deliveryKey(res *gateway.Result) [16]byte {
	h := sha256.New()
	for _, part := range []string{res.Tenant, res.Source, res.EventID} {
		h.Write([]byte(part))
		h.Write([]byte{0}) // in none of them
	}
	h.Write(res.Compared[:])
	var key [16]byte
	copy(key[:], h.Sum(nil))
	return key
}
