package providers_test

import (
	"errors"
	"net/http"
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

// TestEventIDs checks that two events that a sender gives the same id, or none,
// are told apart, and that a retry is not.
func TestEventIDs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider   string
		a, b       string // different events
		retryOf, r string // the same event twice
	}{
		{
			provider: "autotask",
			a:        `{"Guid":"w","EventTime":"2026-01-02T03:04:05Z","Id":1,"Action":"Update"}`,
			b:        `{"Guid":"w","EventTime":"2026-01-02T03:04:06Z","Id":1,"Action":"Update"}`,
		},
		{
			provider: "meraki",
			a:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:05Z","networkId":"N"}`,
			b:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:06Z","networkId":"N"}`,
		},
		{
			provider: "pipedrive",
			a:        `{"meta":{"id":1,"timestamp":1767323045,"action":"updated","object":"deal"}}`,
			b:        `{"meta":{"id":1,"timestamp":1767323046,"action":"updated","object":"deal"}}`,
			retryOf:  `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":1}}`,
			r:        `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":2}}`,
		},
		{
			provider: "elevenlabs",
			a:        `{"type":"post_call_transcription","data":{"conversation_id":"c"}}`,
			b:        `{"type":"post_call_audio","data":{"conversation_id":"c"}}`,
		},
		{
			provider: "hubspot-v3",
			a:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3}]`,
			b:        `[{"eventId":1,"subscriptionId":2,"occurredAt":4}]`,
			retryOf:  `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":0}]`,
			r:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":1}]`,
		},
		{
			provider: "mux",
			a:        `{"id":"1"}`, b: `{"id":"2"}`,
			retryOf: `{"id":"1","attempts":[]}`, r: `{"id":"1","attempts":[{}]}`,
		},
	} {
		p, _ := providers.Lookup(tt.provider)
		id := func(body string) string {
			req := &verifiers.Request{Method: "POST", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
			v, err := p.ID.Lookup(req)
			if err != nil {
				t.Errorf("%s: %v", tt.provider, err)
			}
			return v
		}
		if a, b := id(tt.a), id(tt.b); a == b {
			t.Errorf("%s: two events have the id %s", tt.provider, a)
		}
		if tt.retryOf == "" {
			continue
		}
		if a, b := id(tt.retryOf), id(tt.r); a != b {
			t.Errorf("%s: a retry has the id %s, the event %s", tt.provider, b, a)
		}
	}
	// Without what tells its events apart an event has no id, rather than one
	// that others share.
	req := &verifiers.Request{Method: "POST", Header: http.Header{}, Body: []byte(`{"type":"voice_removal_notice","data":{}}`)}
	if id, err := providers.ElevenLabs.ID.Lookup(req); !errors.Is(err, verifiers.ErrMissing) {
		t.Errorf("elevenlabs: got %q, %v, want %v", id, err, verifiers.ErrMissing)
	}
}
