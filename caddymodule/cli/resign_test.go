package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// An event is signed once more where its provider signs: in a header, in the URL, in
// the body, or in a token that is the body.
func TestSignOnceMore(t *testing.T) {
	t.Parallel()
	const secret = "6f0c4ed2b8a1937d6f0c4ed2b8a1937d"
	key, err := verifiers.NewKey("k", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	keys := verifiers.Keys{key}
	sign := cli.Signing{SecretEnv: "SECRET"}.Signer(nil, func(string) string { return secret })
	u := &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/x"}
	for _, name := range []string{"stripe", "slack", "dlocal", "twilio", "linear", "mailgun", "mailgun-form", "adyen", "aircall", "dialpad"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(name)
			if !ok {
				t.Fatal("there is no such provider")
			}
			options := cli.SampleOptions(name)
			old, err := cli.Draft(p, cli.DraftOptions{URL: u})
			if err != nil {
				t.Fatal(err)
			}
			before := time.Now().Add(-100 * time.Hour)
			if err := p.Sign(old, verifiers.Config{Keys: keys, Options: options}, before); err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), old.Method, old.URL.String(), bytes.NewReader(old.Body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = old.Header.Clone()
			if err := sign(r, name, old.Body, time.Now()); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || int64(len(body)) != r.ContentLength {
				t.Errorf("the body has %d bytes and says %d (%v)", len(body), r.ContentLength, err)
			}
			v, err := p.New(verifiers.Config{Keys: keys, Options: options})
			if err != nil {
				t.Fatal(err)
			}
			res, err := v.Verify(t.Context(), &verifiers.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: body})
			if err != nil {
				t.Fatalf("it is refused: %v", err)
			}
			if !res.Signed.IsZero() && time.Since(res.Signed) > time.Minute {
				t.Errorf("the time is still %s", res.Signed)
			}
		})
	}
}
