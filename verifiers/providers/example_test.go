package providers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// A handler behind the check of GitHub's signature, with the request of
// GitHub's documentation.
func Example() {
	p, _ := providers.Lookup("github")
	key, err := verifiers.NewKey("2026-09", []byte("It's a Secret to Everybody"))
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := p.New(verifiers.Config{Keys: verifiers.Keys{key}})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := verifiers.Middleware(v, 1<<20, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		result, _ := verifiers.FromContext(r.Context())
		fmt.Println("authentic, by the key", result.KeyID)
	}))

	r := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/github", strings.NewReader("Hello, World!"))
	r.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: authentic, by the key 2026-09
}
