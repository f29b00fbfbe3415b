//go:build !race

package providers_test

import (
	"regexp"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// TestHMACAllocations: an HMAC costs nothing but the hashing, for every sender
// that signs what needs no parsing: not a member of the body, not the URL, and not
// a text that code of the entry's own puts together. It is not for the race detector,
// under which sync.Pool drops what it is given.
func TestHMACAllocations(t *testing.T) {
	suites := load(t)
	measured, parsing := 0, 0
	for _, p := range described() {
		h, ok := p.Scheme.(verifiers.HMAC)
		if !ok {
			continue
		}
		if h.Custom != nil || parsed.MatchString(h.Content) || inBody(h.Signature) || inBody(h.Timestamp) {
			parsing++
			continue
		}
		measured++
		v := valid(t, suites[p.Name])
		verifier, signed, req := build(t, p, v), request(t, v), &verifiers.Request{}
		ctx := t.Context()
		got := testing.AllocsPerRun(50, func() {
			*req = verifiers.Request{Method: signed.Method, URL: signed.URL, Header: signed.Header, Body: signed.Body}
			if _, err := verifier.Verify(ctx, req); err != nil {
				t.Fatal(err)
			}
		})
		if got > 0 {
			t.Errorf("%s: %v allocations", p.Name, got)
		}
	}
	if measured < 100 {
		t.Errorf("only %d senders were measured", measured)
	}
	t.Logf("%d senders with an HMAC: no allocation; %d more sign what is parsed out of body or URL", measured, parsing)
}

// parsed matches tokens that need the URL or the body taken apart, or put together.
var parsed = regexp.MustCompile(`\{(json|form|query|url)`)

func inBody(s verifiers.Source) bool {
	return s.Pointer != "" || s.Form != "" || s.Query != "" || s.Whole
}
