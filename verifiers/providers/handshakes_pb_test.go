package providers_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestCircleReachability checks that the test of the endpoint is answered and
// that a notification is not taken for it.
func TestCircleReachability(t *testing.T) {
	t.Parallel()
	h := &providers.Circle.Handshakes[0]
	head := &verifiers.Request{Method: "HEAD", URL: &url.URL{Scheme: "https", Host: "example.com"}, Header: http.Header{}}
	if !h.Matches(head) {
		t.Fatal("HEAD is not the handshake")
	}
	answer, err := h.Answer(t.Context(), head, verifiers.Config{})
	if err != nil || answer.Status != http.StatusOK || len(answer.Body) != 0 {
		t.Errorf("got %d with %d bytes and %v, want an empty 200", answer.Status, len(answer.Body), err)
	}
	post := &verifiers.Request{
		Method: "POST", URL: head.URL, Header: http.Header{}, Body: []byte(`{"notificationType":"webhooks.test"}`),
	}
	if h.Matches(post) {
		t.Error("a notification is taken for the handshake")
	}
}

// TestEnvironments checks that options which choose key sets take no other word.
func TestEnvironments(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider verifiers.Provider
		option   string
	}{{providers.Fireblocks, "environment"}, {providers.ShipEngine, "region"}} {
		for word, good := range map[string]bool{"": true, "us": true, "eu": true, "US": false, "https://keys.example.com": false} {
			options := map[string]string{tt.option: word}
			if word == "" {
				options = nil
			}
			_, err := tt.provider.New(verifiers.Config{Fetcher: noDocuments{}, Options: options})
			if (err == nil) != good {
				t.Errorf("%s with %s %q: %v", tt.provider.Name, tt.option, word, err)
			}
		}
		if _, err := tt.provider.New(verifiers.Config{}); err == nil {
			t.Errorf("%s was built without a fetcher", tt.provider.Name)
		}
	}
}

// noDocuments is a fetcher that reaches nothing.
type noDocuments struct{}

func (noDocuments) Fetch(context.Context, verifiers.Pin, string) ([]byte, error) {
	return nil, errors.New("there is nothing")
}
