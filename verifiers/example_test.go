package verifiers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func Example() {
	// In a real receiver the secret comes from the environment or a file.
	key, err := verifiers.NewKey("2026-09", []byte("whsec_example"))
	if err != nil {
		panic(err)
	}
	stripe, _ := providers.Lookup("stripe")
	cfg := verifiers.Config{Keys: verifiers.Keys{key}}
	v, err := stripe.New(cfg)
	if err != nil {
		panic(err)
	}
	handler := verifiers.Middleware(v, 1<<20, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		res, _ := verifiers.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "%s, signed with %s", body, res.KeyID)
	}))

	// The sender's side, for a test event.
	const event = `{"id":"evt_1","type":"charge.succeeded"}`
	r := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/stripe", strings.NewReader(event))
	sent := &verifiers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: []byte(event)}
	if err := stripe.Sign(sent, cfg, time.Now()); err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)

	unsigned := httptest.NewRequest(http.MethodPost, "https://hooks.example.com/stripe", strings.NewReader(event))
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, unsigned)
	fmt.Println(w.Code)
	// Output:
	// 200 {"id":"evt_1","type":"charge.succeeded"}, signed with 2026-09
	// 401
}
