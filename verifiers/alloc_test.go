//go:build !race

package verifiers

import "testing"

// TestAllocations is not for the race detector, under which sync.Pool drops
// what it is given.
func TestAllocations(t *testing.T) {
	for _, c := range benchmarkCases(t, "a body of some length") {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			got := testing.AllocsPerRun(200, func() {
				if _, err := c.verifier.Verify(ctx, c.req); err != nil {
					t.Fatal(err)
				}
			})
			if got > c.allocs {
				t.Errorf("got %v allocations, want at most %v", got, c.allocs)
			}
		})
	}
}
