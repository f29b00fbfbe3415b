package providers_test

import (
	"errors"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestBatches splits what the senders' accepted vectors hold: somewhere there is
// the array that the entry names, and what it says of the elements is not
// contradicted by any.
func TestBatches(t *testing.T) {
	t.Parallel()
	suites := load(t)
	for _, p := range described() {
		if p.Batch == nil {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			elements, ids, types := 0, 0, 0
			for i := range suites[p.Name].Tests {
				v := &suites[p.Name].Tests[i]
				if v.Want.Result != "ok" {
					continue
				}
				list, err := p.Batch.Split(request(t, v))
				if err != nil {
					t.Errorf("vector %d: %v", v.ID, err)
				}
				if list == nil {
					continue
				}
				for j := range list.Len() {
					elements++
					for _, a := range []struct {
						what   string
						source verifiers.Source
						found  *int
					}{{"id", p.Batch.ID, &ids}, {"type", p.Batch.Type, &types}, {"time", p.Batch.Time, new(int)}} {
						if a.source.IsZero() {
							continue
						}
						switch _, err := a.source.Lookup(list.Request(j)); {
						case err == nil:
							*a.found++
						case !errors.Is(err, verifiers.ErrMissing):
							t.Errorf("vector %d, element %d: %s: %v", v.ID, j, a.what, err)
						}
					}
				}
			}
			if elements == 0 {
				t.Error("no accepted vector holds a batch")
			}
			if ids == 0 && !p.Batch.ID.IsZero() {
				t.Errorf("none of %d elements has an id", elements)
			}
			if types == 0 && !p.Batch.Type.IsZero() {
				t.Errorf("none of %d elements has a type", elements)
			}
		})
	}
}
