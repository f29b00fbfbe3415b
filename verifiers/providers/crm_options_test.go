package providers_test

import (
	"errors"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestCRMOptions checks that settings that mean nothing are refused when a
// verifier is built.
func TestCRMOptions(t *testing.T) {
	t.Parallel()
	suites := load(t)
	for _, tt := range []struct {
		provider, option, value string
		err                     error
	}{
		{"websub", "hashes", "sha256 sha1", nil},
		{"websub", "hashes", "md5", verifiers.ErrOption},
		{"websub", "hashes", "SHA256", verifiers.ErrOption},
		{"transloadit", "hashes", "sha384", nil},
		{"transloadit", "hashes", "none", verifiers.ErrOption},
		{"cloudinary", "signature_algorithm", "sha256", nil},
		{"cloudinary", "signature_algorithm", "SHA-256", verifiers.ErrOption},
		{"salesforce-outbound", "organization_id", "00D000000000001EAA", nil},
		{"salesforce-outbound", "organization_id", "00D", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "http://api-na.myconnectwise.net/key", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "https://api-na.myconnectwise.net.example.com/key", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "https://api-eu.myconnectwise.net/key", nil},
		{"zoho-desk", "host", "desk.zoho.eu", nil},
		{"zoho-desk", "host", "desk.example.com", verifiers.ErrUntrusted},
		{"zoho-desk", "host", "desk.example.com/desk.zoho.com", verifiers.ErrUntrusted},
		{"zoho-desk", "host", "desk.zoho.com@desk.example.com", verifiers.ErrUntrusted},
	} {
		p, _ := providers.Lookup(tt.provider)
		v := valid(t, suites[p.Name])
		cfg, err := v.Config()
		if err != nil {
			t.Fatal(err)
		}
		options := map[string]string{tt.option: tt.value}
		for name, value := range v.Options {
			if name != tt.option {
				options[name] = value
			}
		}
		cfg.Options = options
		if built, err := p.New(cfg); !errors.Is(err, tt.err) || (built == nil) != (err != nil) {
			t.Errorf("%s with %s %q: got %v, %v, want %v", tt.provider, tt.option, tt.value, built, err, tt.err)
		}
	}
}
