package verifiertest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// TestHandshakesOverHTTP sends the handshakes of the vectors through the whole
// gateway. The answer must be that of the vector, what has to be fetched or kept
// is, and nothing is published.
func TestHandshakesOverHTTP(t *testing.T) {
	t.Parallel()
	suites, err := verifiertest.LoadHandshakes(verifiertest.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	g := startGateway(t)
	for _, s := range suites {
		p, ok := providers.Lookup(s.Provider)
		if !ok {
			t.Fatalf("there is no provider %q", s.Provider)
		}
		for i := range s.Tests {
			v := &s.Tests[i]
			if err := g.greet(t, v, p, fmt.Sprintf("%s-%d", s.Provider, v.ID)); err != nil {
				t.Errorf("%s %d, %s: %v", s.Provider, v.ID, v.Comment, err)
			}
		}
	}
}

// witness takes down what is fetched and kept.
type witness struct{ confirmed, captured string }

func (w *witness) Confirm(_ context.Context, _ verifiers.Pin, rawURL string) error {
	w.confirmed = rawURL
	return nil
}

func (w *witness) Capture(secret string) error {
	w.captured = secret
	return nil
}

// noKeys are those of a sender whose secret is still to come.
type noKeys struct{}

func (noKeys) Keys(context.Context, string) ([]*verifiers.Key, error) { return nil, nil }

// greet sends a vector and returns what is wrong with what becomes of it.
func (g *httpGateway) greet(t *testing.T, v *verifiertest.HandshakeVector, p verifiers.Provider, source string) error {
	t.Helper()
	cfg, err := v.Config()
	if err != nil {
		return err
	}
	if len(v.Keys) == 0 {
		cfg.Keys = noKeys{}
	}
	verifier, err := p.New(cfg)
	if err != nil {
		return err
	}
	var saw witness
	route, err := gateway.New(gateway.Config{
		Tenant: "default", Source: source, Provider: p, Verifier: verifier, Options: cfg.Options, Keys: cfg.Keys,
		Publisher: g.publisher, Time: cfg.Time, Confirmer: &saw, Capturer: &saw,
	})
	if err != nil {
		return err
	}
	public, err := url.Parse(v.Request.URL)
	if err != nil {
		return err
	}
	body, err := v.Request.Bytes()
	if err != nil {
		return err
	}
	x := &exchange{route: route, public: public}
	g.current.Store(x)
	response, err := g.write(v.Request.Method, public, v.Request.Header, body)
	if err != nil {
		return err
	}
	if got := x.result.Handshake; got != v.Want.Handshake && (got != "" || v.Want.Result == "ok") {
		return fmt.Errorf("it is taken for %q, want %q", got, v.Want.Handshake)
	}
	if v.Want.Handshake == "" {
		return nil
	}
	if stored, err := g.stored(t, source); err != nil || len(stored) > 0 {
		return fmt.Errorf("%d messages are stored, %w", len(stored), err)
	}
	return checkAnswer(response, v, saw)
}

func checkAnswer(response *http.Response, v *verifiertest.HandshakeVector, saw witness) error {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if v.Want.Result != "ok" {
		unavailable := v.Want.Result == "unavailable"
		switch status := response.StatusCode; {
		case unavailable != (status == http.StatusServiceUnavailable), !unavailable && status/100 != 4:
			return fmt.Errorf("answered %d after %s", status, v.Want.Result)
		case saw != witness{}, strings.Contains(string(text), "<"):
			return fmt.Errorf("refused with %q, and %+v", text, saw)
		}
		return nil
	}
	want := v.Want
	if response.StatusCode != want.Status || string(text) != want.Body || response.Header.Get("Content-Type") != want.ContentType {
		return fmt.Errorf("answered %d %q %q", response.StatusCode, response.Header.Get("Content-Type"), text)
	}
	for name, value := range want.Header {
		if got := response.Header.Get(name); got != value {
			return fmt.Errorf("answered %s %q, want %q", name, got, value)
		}
	}
	if got := response.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		return fmt.Errorf("answered X-Content-Type-Options %q", got)
	}
	if saw.confirmed != want.Confirm || saw.captured != want.Capture {
		return fmt.Errorf("fetched and kept %+v", saw)
	}
	return nil
}
