//go:build !race

package gateway_test

import "testing"

// TestAllocations states what an accepted event of 8 KiB may cost beyond the
// decoding of its JSON.
func TestAllocations(t *testing.T) {
	const most = 30
	accept := acceptor(t, 8<<10, headersOnly)
	if got := testing.AllocsPerRun(100, accept); got > most {
		t.Errorf("got %.0f allocations for an accepted event, want at most %d", got, most)
	}
}
