package providers_test

import (
	"context"
	"errors"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

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
