package providers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// TestCount prints how large the catalogue is, with -v: providers, vectors, and
// who judged those. No vector is without a provider.
func TestCount(t *testing.T) {
	t.Parallel()
	names, kinds, confidence := map[string]bool{}, map[string]int{}, map[verifiers.Confidence]int{}
	aliases := 0
	for _, p := range described() {
		names[p.Name] = true
		aliases += len(p.Aliases)
		kinds[fmt.Sprintf("%T", p.Scheme)]++
		confidence[p.Confidence]++
	}
	vectors, accepted, origins := 0, 0, map[string]int{}
	for name, s := range load(t) {
		if !names[name] {
			t.Errorf("the vectors of %s are nobody's", name)
		}
		for i := range s.Tests {
			vectors++
			origins[s.Tests[i].Origin]++
			if s.Tests[i].Want.Result == "ok" {
				accepted++
			}
		}
	}
	t.Logf("%d providers (%d of high confidence, %d of medium) and %d aliases", len(names), confidence[verifiers.High], confidence[verifiers.Medium], aliases)
	t.Logf("%d vectors, %d to accept and %d to refuse; by origin: %s", vectors, accepted, vectors-accepted, counts(origins))
	suites, err := verifiertest.LoadHandshakes(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	greetings := 0
	for _, s := range suites {
		greetings += len(s.Tests)
	}
	t.Logf("%d handshake vectors of %d providers", greetings, len(suites))
	own := 0
	for kind, n := range kinds {
		if !strings.HasPrefix(kind, "verifiers.") {
			own += n
			delete(kinds, kind)
		}
	}
	kinds["of their own"] = own
	t.Logf("schemes: %s", counts(kinds))
}

func counts(m map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, fmt.Sprintf("%s %d", strings.TrimPrefix(name, "verifiers."), m[name]))
	}
	return strings.Join(list, ", ")
}
