package providers_test

import (
	"net/http"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// TestHandshakes runs the handshakes of the vectors, and asks for those of every
// provider that has some.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	verifiertest.RunHandshakes(t, verifiertest.Vectors, providers.Lookup)
	suites, err := verifiertest.LoadHandshakes(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]bool)
	for _, s := range suites {
		have[s.Provider] = true
	}
	for _, p := range providers.All() {
		if (len(p.Handshakes) > 0) != have[p.Name] {
			t.Errorf("%s has %d handshakes, and vectors of them: %t", p.Name, len(p.Handshakes), have[p.Name])
		}
	}
}

// The id of Meta's events is the signature. Whoever repeats a request with
// digits in another case must not get another id.
func TestMetaIDHasOneCase(t *testing.T) {
	t.Parallel()
	id := func(signature string) string {
		req := &verifiers.Request{Header: http.Header{"X-Hub-Signature-256": {"sha256=" + signature}}}
		v, err := providers.Meta.ID.Lookup(req)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if a, b := id("0aBc"), id("0AbC"); a != b {
		t.Errorf("got %q and %q, want one id", a, b)
	}
}
