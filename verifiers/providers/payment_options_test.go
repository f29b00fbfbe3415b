package providers_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestPaymentOptions checks that settings that mean nothing are refused when a
// verifier is built, rather than taken for the preset.
func TestPaymentOptions(t *testing.T) {
	t.Parallel()
	suites := load(t)
	tests := []struct {
		provider string
		options  map[string]string
		err      error
	}{
		{"payu", map[string]string{"hash": "SHA-256"}, verifiers.ErrOption},
		{"payu", map[string]string{"hash": "sha512"}, nil},
		{"nuvei", map[string]string{"hash": "none"}, verifiers.ErrOption},
		{"apple-app-store", map[string]string{"environment": "Xcode"}, verifiers.ErrOption},
		{"apple-app-store", map[string]string{"environment": "Production"}, verifiers.ErrOption},
		{"apple-app-store", map[string]string{"environment": "Production", "app_apple_id": "1"}, nil},
		{"apple-app-store", map[string]string{"root_ca": "MIIC"}, verifiers.ErrOption},
		{"apple-app-store", map[string]string{"root_ca": ""}, nil},
		{"truelayer", map[string]string{"environment": "production"}, verifiers.ErrOption},
		{"truelayer", map[string]string{"environment": "sandbox"}, nil},
		{"ramp-network", map[string]string{"environment": "demo", "public_key": ""}, nil},
		{"ramp-network", map[string]string{"environment": "staging", "public_key": ""}, verifiers.ErrOption},
		{"ramp-network", map[string]string{"public_key": wrongKeyPEM}, verifiers.ErrOption},
		{"marqeta", map[string]string{"signature_secret": " "}, verifiers.ErrOption},
		{"marqeta", map[string]string{"signature_secret": "s3cret"}, nil},
		{"google-play-rtdn", map[string]string{"audience": "play"}, nil},
		{"google-play-rtdn", map[string]string{"audiences": "play"}, verifiers.ErrOption},
	}
	for _, tt := range tests {
		p, _ := providers.Lookup(tt.provider)
		v := valid(t, suites[p.Name])
		cfg, err := v.Config()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Options = map[string]string{}
		maps.Copy(cfg.Options, v.Options)
		maps.Copy(cfg.Options, tt.options)
		if built, err := p.New(cfg); !errors.Is(err, tt.err) || (built == nil) != (err != nil) {
			t.Errorf("%s with %q: got %v, %v, want %v", tt.provider, tt.options, built, err, tt.err)
		}
	}
}

// wrongKeyPEM is a key on P-256.
const wrongKeyPEM = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEi6Xg2ogpUgLUVUAryyMrPrtmbtY9
1EwtWqFQ967FQmTpT8FFBwfs3ccLxSc7z2wtUXy2J3BLiWpC/1YzCf+cyg==
-----END PUBLIC KEY-----`
