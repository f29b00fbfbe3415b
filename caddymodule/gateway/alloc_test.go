//go:build !race

package gateway_test

import (
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// TestAllocations states what an accepted event of 8 KiB may cost: no more where
// id, type and time are in its JSON, which is not decoded.
func TestAllocations(t *testing.T) {
	const most = 30
	for name, change := range map[string]func(*gateway.Config){"headers": headersOnly, "json": func(*gateway.Config) {}} {
		accept := acceptor(t, 8<<10, change)
		if got := testing.AllocsPerRun(100, accept); got > most {
			t.Errorf("%s: got %.0f allocations for an accepted event, want at most %d", name, got, most)
		}
	}
}

// TestBatchAllocations states what each event of a batch may cost.
func TestBatchAllocations(t *testing.T) {
	const events, most = 100, 15
	accept := batchAcceptor(t, events)
	if got := testing.AllocsPerRun(20, accept) / events; got > most {
		t.Errorf("got %.1f allocations for an event of a batch, want at most %d", got, most)
	}
}
