//go:build !race

package schemas

import "testing"

// A payload that fits costs nothing that has to be collected.
func TestNoAllocations(t *testing.T) {
	schema, text := order()
	s := compileOurs(t, schema)
	payload, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.Validate("x", payload); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("got %v allocations", n)
	}
	t.Logf("%d bytes, %d steps", len(text), s.steps("x", payload))
}
